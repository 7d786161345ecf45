"""What the system relies on in the template and no linter knows. Each test is a sentence about the expanded template.

usage: python -m unittest infra/checks/test_template.py      (in .tools/sam)
"""

from __future__ import annotations

import json
import re
import sys
import unittest
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse

sys.path.insert(0, str(Path(__file__).resolve().parent))
import expand_sam  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
# Lambda refuses a function whose environment is larger (Lambda quotas).
ENVIRONMENT_BYTES_MAX = 4096
# No name or address that the template refers to is longer than an ARN with a long name in it.
REFERENCE_BYTES_MAX = 160
# Six times the function's timeout, as Lambda may retry a throttled batch inside it (Lambda guide, SQS event sources).
VISIBILITY_TIMEOUTS_MIN = 6


class Template(unittest.TestCase):
    """The expanded template, by resource type."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.resources = expand_sam.expanded(yaml_parse((ROOT / "infra" / "template.yaml").read_text()))["Resources"]

    def of(self, kind: str) -> dict[str, dict]:
        """Logical id -> properties, of one type."""
        return {name: found["Properties"] for name, found in self.resources.items() if found["Type"] == kind}

    def test_every_function_of_the_workspace_is_deployed_and_no_other(self) -> None:
        crates = {path.parent.name for path in (ROOT / "functions").glob("*/Cargo.toml")}
        names = {found["FunctionName"]["Fn::Sub"] for found in self.of("AWS::Lambda::Function").values()}
        self.assertEqual({f"${{AWS::StackName}}-{crate}" for crate in crates}, names)

    def test_every_function_has_a_role_of_its_own(self) -> None:
        roles = [found["Role"]["Fn::GetAtt"][0] for found in self.of("AWS::Lambda::Function").values()]
        self.assertEqual(len(roles), len(set(roles)))

    def test_every_function_logs_into_a_group_with_retention(self) -> None:
        groups = self.of("AWS::Logs::LogGroup")
        for name, function in self.of("AWS::Lambda::Function").items():
            with self.subTest(name):
                self.assertIn("RetentionInDays", groups[function["LoggingConfig"]["LogGroup"]["Ref"]])

    def test_environments_fit(self) -> None:
        for name, function in self.of("AWS::Lambda::Function").items():
            with self.subTest(name):
                variables = function["Environment"]["Variables"]
                sizes = [len(value) if isinstance(value, str) else REFERENCE_BYTES_MAX for value in variables.values()]
                size = sum(map(len, variables)) + sum(sizes)
                self.assertLess(size, ENVIRONMENT_BYTES_MAX)

    def test_functions_get_the_settings_they_need_and_no_other(self) -> None:
        config = (ROOT / "shared" / "runtime" / "src" / "config.rs").read_text()
        queues = dict(re.findall(r"QueueName::([A-Z]\w+)(?:\(Provider::\w+\))? => \"(\w+)\"", config))
        # The last is given by Lambda itself.
        given_to_all = {"RUST_LOG", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_REGION"}
        for name, function in self.of("AWS::Lambda::Function").items():
            crate = function["FunctionName"]["Fn::Sub"].removeprefix("${AWS::StackName}-")
            main = (ROOT / "functions" / crate / "src" / "main.rs").read_text()
            needed = set(re.findall(r"(?:need|find)\(\"(\w+)\"\)", main))
            needed |= {queues[queue] for queue in re.findall(r"\bQueueName::(\w+)", main)}
            if "OUTBOUND" in main:
                parked = "_DEAD_LETTER" if "OUTBOUND_PARKED" in main else ""
                needed |= {f"OUTBOUND_{provider}{parked}_QUEUE_URL" for provider in ("TELEGRAM", "MESSENGER", "WHATSAPP")}
            with self.subTest(name):
                self.assertEqual(needed - given_to_all, set(function["Environment"]["Variables"]) - given_to_all)

    def statements(self):
        """Every statement of every policy, as (where, statement)."""
        policies = [(name, found["PolicyDocument"]) for name, found in self.of("AWS::IAM::ManagedPolicy").items()]
        for name, role in self.of("AWS::IAM::Role").items():
            policies += [(name, policy["PolicyDocument"]) for policy in role.get("Policies", [])]
        for name, document in policies:
            for statement in document["Statement"]:
                yield name, statement

    def test_no_right_is_a_wildcard(self) -> None:
        for name, statement in self.statements():
            with self.subTest(name):
                for part in ("Action", "Resource"):
                    values = statement[part] if isinstance(statement[part], list) else [statement[part]]
                    for value in values:
                        self.assertNotEqual("*", value)
                        self.assertFalse(part == "Action" and "*" in value, value)

    def test_no_role_uses_a_policy_of_aws(self) -> None:
        for name, role in self.of("AWS::IAM::Role").items():
            with self.subTest(name):
                for policy in role.get("ManagedPolicyArns", []):
                    self.assertIsInstance(policy, dict)
                    self.assertIn(policy.get("Ref"), self.of("AWS::IAM::ManagedPolicy"))

    def test_queues_wait_longer_than_their_function_may_run(self) -> None:
        queues, functions = self.of("AWS::SQS::Queue"), self.of("AWS::Lambda::Function")
        for name, source in self.of("AWS::Lambda::EventSourceMapping").items():
            with self.subTest(name):
                queue = queues[source["EventSourceArn"]["Fn::GetAtt"][0]]
                function = functions[source["FunctionName"]["Ref"]]
                self.assertGreaterEqual(queue["VisibilityTimeout"], VISIBILITY_TIMEOUTS_MIN * function["Timeout"])

    def test_one_failed_message_hands_back_only_itself(self) -> None:
        for name, source in self.of("AWS::Lambda::EventSourceMapping").items():
            with self.subTest(name):
                self.assertEqual(["ReportBatchItemFailures"], source["FunctionResponseTypes"])

    def test_every_queue_has_a_dead_letter_queue_of_its_kind_with_an_alarm(self) -> None:
        queues = self.of("AWS::SQS::Queue")
        watched = json.dumps([alarm["Dimensions"] for alarm in self.of("AWS::CloudWatch::Alarm").values()])
        for name, queue in queues.items():
            if name.endswith("DeadLetterQueue"):
                continue
            with self.subTest(name):
                parked = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
                self.assertEqual(f"{name.removesuffix('Queue')}DeadLetterQueue", parked)
                self.assertEqual(queue.get("FifoQueue"), queues[parked].get("FifoQueue"))
                self.assertIn(f'"{parked}"', watched)

    def test_fifo_queues_have_high_throughput(self) -> None:
        for name, queue in self.of("AWS::SQS::Queue").items():
            if queue.get("FifoQueue") and not name.endswith("DeadLetterQueue"):
                with self.subTest(name):
                    self.assertEqual("messageGroup", queue["DeduplicationScope"])
                    self.assertEqual("perMessageGroupId", queue["FifoThroughputLimit"])

    def test_the_bucket_of_files_is_private_and_encrypted(self) -> None:
        (bucket,) = self.of("AWS::S3::Bucket").values()
        self.assertEqual({True}, set(bucket["PublicAccessBlockConfiguration"].values()))
        self.assertEqual(4, len(bucket["PublicAccessBlockConfiguration"]))
        self.assertIn("ServerSideEncryptionConfiguration", bucket["BucketEncryption"])
        self.assertEqual("BucketOwnerEnforced", bucket["OwnershipControls"]["Rules"][0]["ObjectOwnership"])

    def test_uploads_that_are_never_sent_are_deleted_and_nothing_else(self) -> None:
        (bucket,) = self.of("AWS::S3::Bucket").values()
        expiring = [rule["Prefix"] for rule in bucket["LifecycleConfiguration"]["Rules"] if "ExpirationInDays" in rule]
        self.assertEqual(["up/"], expiring)

    def test_only_pages_of_the_allowed_origins_reach_files(self) -> None:
        (bucket,) = self.of("AWS::S3::Bucket").values()
        condition, cors, nothing = bucket["CorsConfiguration"]["Fn::If"]
        self.assertEqual(("HasOrigins", {"Ref": "AWS::NoValue"}), (condition, nothing))
        (rule,) = cors["CorsRules"]
        self.assertEqual({"Ref": "AllowedOrigins"}, rule["AllowedOrigins"])
        self.assertEqual(["GET", "PUT"], rule["AllowedMethods"])

    def test_who_reads_or_writes_files_does_so_below_their_prefixes(self) -> None:
        for name, statement in self.statements():
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            if any(action.startswith("s3:") and action != "s3:ListBucket" for action in actions):
                resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
                for resource in resources:
                    with self.subTest(name):
                        self.assertRegex(resource["Fn::Sub"], r"^\$\{FilesBucket\.Arn\}/(in|up|out)/\*$")

    def test_webhooks_are_throttled_below_the_rest(self) -> None:
        stage = self.of("AWS::ApiGatewayV2::Stage")["HttpStage"]
        for key in (found["RouteKey"] for found in self.of("AWS::ApiGatewayV2::Route").values()):
            if "/webhooks/" in key:
                with self.subTest(key):
                    limit = stage["RouteSettings"][key]["ThrottlingRateLimit"]
                    self.assertLess(limit, stage["DefaultRouteSettings"]["ThrottlingRateLimit"])


if __name__ == "__main__":
    unittest.main()
