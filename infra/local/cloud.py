"""Puts infra/template.yaml on a local AWS: zips of the binaries into S3, then CloudFormation, as `sam deploy` would, in a second.

The template is the one that goes to AWS. Only each function's CodeUri is replaced, as `sam package` replaces it.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import subprocess
import time
import zipfile
from pathlib import Path

import boto3
import botocore.config
import botocore.exceptions
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "infra" / "template.yaml"
REGION = "us-east-1"
BUCKET = "artifacts"
DEPLOY_SECONDS_MAX = 120


def client(service: str, endpoint: str):
    """A client of the local AWS, which accepts any credentials."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=botocore.config.Config(retries={"total_max_attempts": 3}, s3={"addressing_style": "path"}),
    )


def template() -> dict:
    """The template, with CloudFormation's short forms written out."""
    return yaml_parse(TEMPLATE.read_text())


def functions(parsed: dict) -> dict[str, str]:
    """Logical id -> name of the binary, for every function of the template."""
    found = {}
    for logical_id, resource in parsed["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            found[logical_id] = re.fullmatch(r".*/lambda/([a-z-]+)/bootstrap\.zip", resource["Properties"]["CodeUri"]).group(1)
    return found


def zipped(binary: Path) -> bytes:
    """The binary as Lambda wants it. Debug information is left out, and nothing compressed: it stays on this machine."""
    stripped = binary.with_name(f"{binary.name}.stripped")
    if shutil.which("strip"):
        subprocess.run(["strip", "-o", str(stripped), str(binary)], check=True)
    else:
        shutil.copyfile(binary, stripped)
    archive = io.BytesIO()
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = 0o755 << 16
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as writer:
        writer.writestr(entry, stripped.read_bytes())
    stripped.unlink()
    return archive.getvalue()


def upload(parsed: dict, binaries: Path, endpoint: str) -> None:
    """Puts each function's zip into S3, under a name of its content, and points the template at it."""
    s3 = client("s3", endpoint)
    s3.create_bucket(Bucket=BUCKET)
    for logical_id, name in functions(parsed).items():
        body = zipped(binaries / name)
        key = f"{name}-{hashlib.sha256(body).hexdigest()[:16]}.zip"
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        parsed["Resources"][logical_id]["Properties"]["CodeUri"] = f"s3://{BUCKET}/{key}"


def deploy(stack: str, binaries: Path, parameters: dict[str, str], endpoint: str) -> dict[str, str]:
    """Creates or updates the stack; returns its outputs. Fails with the resources that failed, and why."""
    parsed = template()
    upload(parsed, binaries, endpoint)
    # A body in the request itself may have 51 200 bytes at most, here as on AWS.
    client("s3", endpoint).put_object(Bucket=BUCKET, Key="template.json", Body=json.dumps(parsed).encode())
    cloudformation = client("cloudformation", endpoint)
    request = {
        "StackName": stack,
        "TemplateURL": f"{endpoint}/{BUCKET}/template.json",
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    try:
        cloudformation.update_stack(**request)
    except botocore.exceptions.ClientError as error:
        if "does not exist" in str(error):
            cloudformation.create_stack(**request)
        elif "No updates are to be performed" not in str(error):
            raise RuntimeError(f"the stack was refused: {str(error)[-2000:]}") from error
    return settled(cloudformation, stack)


def settled(cloudformation, stack: str) -> dict[str, str]:
    """Waits until the stack has settled; returns its outputs."""
    deadline = time.monotonic() + DEPLOY_SECONDS_MAX
    while True:
        described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        status = described["StackStatus"]
        if not status.endswith("IN_PROGRESS"):
            break
        if time.monotonic() > deadline:
            raise RuntimeError(f"the stack is still {status} after {DEPLOY_SECONDS_MAX} s")
        time.sleep(0.1)
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        reasons = [
            f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
            for event in events
            if event["ResourceStatus"].endswith("FAILED")
        ]
        raise RuntimeError(f"the stack is {status}:\n" + "\n".join(reasons))
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
