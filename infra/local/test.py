"""Runs every suite and ends with one line a suite and a total; the exit code says whether all passed.

usage: test.py [SUITE...]      all but chaos and reconcile by default, which run by name only      (in .tools/local)

The stack that contract and end-to-end tests need is one of its own, in .local/test: a running `make up` isn't disturbed. The
reconciliation kills functions, so it has one to itself, in .local/chaos: `chaos` is a small one, `reconcile`
the whole.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from dataclasses import dataclass
from pathlib import Path

import cloud
import processes
import tools
from stack import ROOT, Stack

SUITES = ("template", "unit", "simulation", "doc", "contract", "e2e")
BY_NAME_ONLY = ("chaos", "reconcile")
FOLDER = ROOT / ".local" / "test"
CHAOS = ROOT / ".local" / "chaos"
BINARIES = ROOT / "target" / "debug"
JUNIT = ROOT / "target" / "nextest" / "default" / "junit.xml"
TEMPLATE = ROOT / "infra" / "template.yaml"
CHECKS = ROOT / "infra" / "checks"
# They wait (for an accept timeout, for an auto-close) far more than they work, so more of them than there are processors.
E2E_THREADS = 12
# Seeds of the simulation; `make simulate SEEDS=n` looks at more.
SEEDS = 10_000


@dataclass
class Outcome:
    """What came of a suite."""

    name: str
    passed: int
    failed: int
    seconds: float


def say(text: str) -> None:
    """Prints progress at once, also into a pipe."""
    print(text, flush=True)


def run(command: list[str], **variables: str) -> tuple[int, str]:
    """Runs a command, showing its output as it comes; returns its exit code and output."""
    environment = {**tools.with_tools_on_path(), "SAM_CLI_TELEMETRY": "0", **variables}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        lines = []
        try:
            for line in process.stdout:
                print(line, end="", flush=True)
                lines.append(line)
        except KeyboardInterrupt:
            process.terminate()
            raise
    return process.returncode, "".join(lines)


def nextest(*selection: str, **variables: str) -> tuple[int, int]:
    """Runs a part of the workspace's tests; returns how many passed and failed. One that can't be built is one failure."""
    JUNIT.unlink(missing_ok=True)
    code, _ = run(["cargo", "nextest", "run", "--no-tests=pass", *selection], **variables)
    if not JUNIT.exists():
        return 0, int(code != 0)
    suites = xml.parse(JUNIT).getroot()
    failed = sum(int(suite.get("failures", 0)) + int(suite.get("errors", 0)) for suite in suites)
    total = sum(int(suite.get("tests", 0)) for suite in suites)
    return total - failed, max(failed, int(code != 0))


# Never a developer's own account: the local AWS and DynamoDB Local take these, and sign-in from elsewhere isn't looked for.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": cloud.REGION}


# ---------------------------------------------------------------- suites


def template() -> tuple[int, int]:
    """The template is valid, and neither linters nor this project's own rules object to the expanded one."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    expanded = FOLDER / "expanded.json"
    sam, checkov = tools.TOOLS / "sam" / "bin", tools.TOOLS / "checkov" / "bin"
    checks = [
        [str(sam / "sam"), "validate", "--lint", "--region", "eu-central-1", "--template", str(TEMPLATE)],
        [str(sam / "python"), str(CHECKS / "expand_sam.py"), str(TEMPLATE), str(expanded)],
        [str(sam / "cfn-lint"), str(expanded)],
        [str(checkov / "checkov"), "--skip-download", "--config-file", str(CHECKS / "checkov.yaml"), "--file", str(expanded)],
    ]
    failed = sum(run(check)[0] != 0 for check in checks)
    code, output = run([str(sam / "python"), "-m", "unittest", str(CHECKS / "test_template.py")])
    count = int((re.search(r"Ran (\d+) test", output) or [0, 0])[1])
    wrong = sum(map(int, re.findall(r"(?:failures|errors)=(\d+)", output))) or int(code != 0)
    return len(checks) - failed + max(count - wrong, 0), failed + wrong


def unit() -> tuple[int, int]:
    """Everything that needs no other process."""
    return nextest("--workspace", "--exclude", "e2e", "--exclude", "contract")


def simulation() -> tuple[int, int]:
    """Seeds of the simulation, and whether each planted bug is caught: what passes are seeds and bugs."""
    binary = str(BINARIES / "simulate")
    code, output = run([binary, "--seeds", str(SEEDS)])
    passed = int((re.search(r"^(\d+) seeds passed", output, re.MULTILINE) or [0, 0])[1])
    bugs_code, output = run([binary, "--bugs"])
    found = re.search(r"^(\d+) bugs caught, (\d+) missed", output, re.MULTILINE)
    caught, missed = (int(found[1]), int(found[2])) if found else (0, 1)
    return passed + caught, int(code != 0) + max(missed, int(bugs_code != 0))


def doc() -> tuple[int, int]:
    """The examples in the documentation."""
    code, output = run(["cargo", "test", "--quiet", "--workspace", "--doc"])
    results = re.findall(r"test result: .* (\d+) passed; (\d+) failed", output)
    passed, failed = (sum(int(result[index]) for result in results) for index in (0, 1))
    return passed, max(failed, int(code != 0))


def contract() -> tuple[int, int]:
    """The store's contract on three engines: memory, the local AWS and DynamoDB Local."""
    state = Stack(FOLDER, BINARIES).state()
    port = processes.free_port()
    jar = tools.TOOLS / "dynamodb-local"
    command = ["java", f"-Djava.library.path={jar / 'DynamoDBLocal_lib'}", "-jar", str(jar / "DynamoDBLocal.jar")]
    log = FOLDER / "logs" / "dynamodb-local.log"
    options = ["-inMemory", "-disableTelemetry", "-port", str(port)]
    engine = processes.start([*command, *options], dict(os.environ), log)
    try:
        processes.wait_until(lambda: processes.listens(port), engine, "DynamoDB Local", log)
        return nextest(
            "-p",
            "contract",
            CONTRACT_ENGINES="all",
            CONTRACT_MINISTACK_URL=state["endpoint"],
            CONTRACT_DYNAMODB_LOCAL_URL=f"http://127.0.0.1:{port}",
            **CREDENTIALS,
        )
    finally:
        engine.kill()
        engine.wait()


def e2e() -> tuple[int, int]:
    """The deployed template, over real HTTP and WebSocket."""
    outcome = nextest("-p", "e2e", f"--test-threads={E2E_THREADS}", SWITCHBOARD_STACK=str(FOLDER / "stack.json"), **CREDENTIALS)
    if outcome[1]:
        say(f"the functions' logs are in {FOLDER / 'logs'}")
    return outcome


def chaos() -> tuple[int, int]:
    """Every message is accounted for after functions were killed: a size that takes about two minutes."""
    return reconciled("--messages", "300", "--customers", "30", "--operators", "4", "--kills", "12")


def reconcile() -> tuple[int, int]:
    """The same in full: 2,000 messages of 100 customers, 10 operators."""
    return reconciled()


def reconciled(*size: str) -> tuple[int, int]:
    """One reconciliation on a stack that nobody else uses."""
    code, _ = run([str(BINARIES / "reconcile"), *size], SWITCHBOARD_STACK=str(CHAOS / "stack.json"))
    if code:
        say(f"the functions' logs are in {CHAOS / 'logs'}")
    return int(code == 0), int(code != 0)


# ---------------------------------------------------------------- the run


def build() -> bool:
    """Builds the functions that the stack runs, and what the suites need."""
    say("\n=== build")
    return run(["cargo", "build", "--workspace", "--bins"])[0] == 0


def measured(name: str) -> Outcome:
    """Runs a suite; a suite that breaks is one failure, with its reason shown."""
    say(f"\n=== {name}")
    started = time.monotonic()
    try:
        passed, failed = globals()[name]()
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        say(f"error: {error}")
        passed, failed = 0, 1
    return Outcome(name, passed, failed, time.monotonic() - started)


def start_stack(stack: Stack) -> Outcome | None:
    """Starts the stack afresh; an outcome only if that failed."""
    say("\n=== stack")
    started = time.monotonic()
    try:
        stack.down(quiet=True)
        stack.up(None)
    except (RuntimeError, OSError) as error:
        say(f"error: {error}")
        return Outcome("stack", 0, 1, time.monotonic() - started)
    return None


def all_of(wanted: list[str]) -> list[Outcome]:
    """Runs the suites in their order. Those that need the stack are left out if it can't be built or started."""
    outcomes = [measured("template")] if "template" in wanted else []
    rust = [name for name in wanted if name != "template"]
    if rust and not build():
        return [*outcomes, Outcome("build", 0, 1, 0.0)]
    outcomes += [measured(name) for name in ("unit", "simulation", "doc") if name in rust]
    # Suites that share a stack; each reconciliation starts on a fresh one.
    for folder, group in ((FOLDER, ("contract", "e2e")), (CHAOS, ("chaos",)), (CHAOS, ("reconcile",))):
        outcomes += on_stack(folder, [name for name in group if name in rust])
    return outcomes


def on_stack(folder: Path, suites: list[str]) -> list[Outcome]:
    """Runs suites on a stack that is started and ended for them."""
    if not suites:
        return []
    stack = Stack(folder, BINARIES)
    try:
        broken = start_stack(stack)
        return [broken] if broken else [measured(name) for name in suites]
    finally:
        stack.down()


def main(wanted: list[str]) -> int:
    """Runs what is wanted; prints the table and the total."""
    known = (*SUITES, *BY_NAME_ONLY)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        print(f"error: no suite {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        outcomes = all_of(wanted or list(SUITES))
    except KeyboardInterrupt:
        print("\ninterrupted; what was started is stopped", file=sys.stderr)
        return 130
    passed, failed = sum(one.passed for one in outcomes), sum(one.failed for one in outcomes)
    say("")
    for one in outcomes:
        say(f"{one.name:<10} {one.passed:>5} passed {one.failed:>4} failed {one.seconds:>7.1f} s")
    say(f"\n{passed} passed, {failed} failed")
    return int(failed > 0 or passed == 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
