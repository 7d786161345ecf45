"""Writes the template as CloudFormation sees it after the SAM transform, offline. cfn-lint and checkov read that: on SAM's own
resources they see neither roles nor event sources.

usage: expand_sam.py TEMPLATE OUTPUT      (run in .tools/sam)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse


def expanded(template: dict) -> dict:
    """The template with SAM's resources replaced by CloudFormation's. The code's place is a placeholder, as it isn't packaged."""
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://placeholder/code.zip"
    session = boto3.session.Session(region_name="eu-central-1")
    return Translator({}, Parser(), boto_session=session).translate(template, {})


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    target.write_text(json.dumps(expanded(yaml_parse(source.read_text())), indent=1) + "\n")
