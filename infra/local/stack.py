"""The local stack in the background: a local AWS, the system deployed to it, and the messengers' simulators.

usage: stack.py up [--folder F] [--port P] [--binaries B]     start it, or bring what runs up to date; prints its addresses
       stack.py down [--folder F]                              end everything that it started

The folder (.local by default) holds stack.json (addresses and sign-ins, for tests and tools), state.json (what runs),
logs/ (one file a function) and tmp/. Stacks in several folders run side by side. Nothing is kept over a down.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import time
from pathlib import Path

import cloud
import people
import processes

ROOT = Path(__file__).resolve().parents[2]
EMULATOR = Path(__file__).resolve().parent / "emulator.py"
# By messenger: who stands in for it.
SIMULATORS = {"telegram": "telegram-simulator", "messenger": "graph-simulator", "whatsapp": "twilio-simulator"}
STACK = "switchboard"
# Browsers reach the local stack from the console's development server, tests from no page at all.
ALLOWED_ORIGINS = "http://localhost:8300,http://127.0.0.1:8300"
MAXIMUM_CONCURRENCY = "8"


def say(text: str) -> None:
    """Prints progress at once, also into a pipe."""
    print(text, flush=True)


class Stack:
    """A stack and its folder."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        self.folder = folder.resolve()
        self.binaries = binaries.resolve()
        self.logs = self.folder / "logs"
        self.code = self.folder / "tmp"
        self.record = self.folder / "state.json"
        self.description = self.folder / "stack.json"

    def state(self) -> dict:
        """What was started the last time, or nothing."""
        return json.loads(self.record.read_text()) if self.record.exists() else {}

    def keep(self, state: dict) -> None:
        """Remembers what runs, so that a later call finds it."""
        self.record.write_text(json.dumps(state, indent=2) + "\n")

    # ------------------------------------------------------------ up

    def up(self, port: int | None) -> None:
        """Starts what does not run, deploys what has changed, writes stack.json."""
        started = time.monotonic()
        self.logs.mkdir(parents=True, exist_ok=True)
        self.code.mkdir(parents=True, exist_ok=True)
        digest = self.digest()
        state = self.state()
        if self.runs(state) and state.get("digest") == digest and self.description.exists():
            say("the local stack is up to date")
            return
        if not self.runs(state):
            self.down(quiet=True)
            state = self.start(port or processes.free_port())
        endpoint = state["endpoint"]
        say("deploying infra/template.yaml")
        outputs = cloud.deploy(STACK, self.binaries, self.parameters(state), endpoint)
        users = people.create(outputs["UserPoolId"], endpoint)
        self.describe(state, outputs, users)
        self.keep({**state, "digest": digest})
        say(f"the local stack is up after {time.monotonic() - started:.1f} s")

    def runs(self, state: dict) -> bool:
        """Whether every process of the state runs, and the local AWS answers."""
        if not state or not all(processes.alive(int(pid), marker) for pid, marker in state["processes"].items()):
            return False
        return processes.answers(f"{state['endpoint']}/_ministack/health")

    def digest(self) -> str:
        """Changes with anything that a deployed stack consists of."""
        whole = hashlib.sha256()
        # This file, too: the parameters are in it.
        parts = [cloud.TEMPLATE, EMULATOR, Path(__file__)]
        parts += [self.binaries / name for name in cloud.functions(cloud.template()).values()]
        for part in [*parts, *(self.binaries / name for name in SIMULATORS.values())]:
            if not part.exists():
                raise RuntimeError(f"{part} is missing: build the workspace first (make up does)")
            whole.update(hashlib.sha256(part.read_bytes()).digest())
        return whole.hexdigest()

    def start(self, port: int) -> dict:
        """Starts the local AWS and the simulators; returns the state."""
        say(f"starting the local AWS on port {port}")
        endpoint = f"http://127.0.0.1:{port}"
        log = self.logs / "local-aws.log"
        # An environment of its own: the functions inherit it whole.
        environment = {
            "PATH": os.environ["PATH"],
            "TMPDIR": str(self.code),
            "STATE_DIR": str(self.code / "state"),
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            # The functions' roles are enforced: a right that the template forgets fails here, not on AWS.
            "AUTH": "true",
            "AWS_ENDPOINT_URL": endpoint,
            "MINISTACK_REGION": cloud.REGION,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "PYTHONUNBUFFERED": "1",
            "SWITCHBOARD_LOGS": str(self.logs),
        }
        aws = processes.start([sys.executable, str(EMULATOR)], environment, log)
        state = {"endpoint": endpoint, "processes": {str(aws.pid): str(EMULATOR)}}
        self.keep(state)
        processes.wait_until(lambda: processes.answers(f"{endpoint}/_ministack/health"), aws, "the local AWS", log)
        state["simulators"] = {}
        for messenger in SIMULATORS:
            self.start_simulator(state, messenger)
        return state

    def start_simulator(self, state: dict, messenger: str) -> None:
        """Starts a messenger's stand-in on a port of its own."""
        port = processes.free_port()
        name = SIMULATORS[messenger]
        log = self.logs / f"{name}.log"
        environment = {"PATH": os.environ["PATH"], "RUST_LOG": "info"}
        simulator = processes.start([str(self.binaries / name), "--port", str(port)], environment, log)
        state["processes"][str(simulator.pid)] = str(self.binaries / name)
        state["simulators"][messenger] = f"http://127.0.0.1:{port}"
        self.keep(state)
        processes.wait_until(lambda: processes.listens(port), simulator, f"the {name}", log)

    def parameters(self, state: dict) -> dict[str, str]:
        """What differs from AWS: addresses, and the processor of this machine."""
        return {
            "Architecture": "arm64" if os.uname().machine in ("arm64", "aarch64") else "x86_64",
            "LocalEndpoint": state["endpoint"],
            "TelegramBaseUrl": state["simulators"]["telegram"],
            "GraphBaseUrl": state["simulators"]["messenger"],
            "FacebookBaseUrl": state["simulators"]["messenger"],
            "TwilioBaseUrl": state["simulators"]["whatsapp"],
            "TwilioMessagingBaseUrl": state["simulators"]["whatsapp"],
            "AllowedOrigins": ALLOWED_ORIGINS,
            "MaximumConcurrency": MAXIMUM_CONCURRENCY,
            "ProtectData": "false",
        }

    def describe(self, state: dict, outputs: dict[str, str], users: list[dict]) -> None:
        """Writes stack.json. Its first eight fields are a contract with tests and tools, the others help to look inside."""
        description = {
            "api_url": outputs["HttpApiUrl"],
            "websocket_url": outputs["WebSocketUrl"].replace("http://", "ws://", 1),
            "console_url": None,
            "issuer": outputs["Issuer"],
            "client_id": outputs["ClientId"],
            "users": users,
            "simulators": state["simulators"],
            "origin": ALLOWED_ORIGINS.split(",")[0],
            "aws_endpoint": state["endpoint"],
            "aws_region": cloud.REGION,
            "stack": STACK,
            "logs": str(self.logs),
            "outputs": outputs,
        }
        self.description.write_text(json.dumps(description, indent=2) + "\n")

    # ------------------------------------------------------------ down

    def down(self, quiet: bool = False) -> None:
        """Ends everything that was started here, functions included, and forgets it. The logs stay until the next up."""
        recorded = {int(pid): marker for pid, marker in self.state().get("processes", {}).items()}
        count = processes.stop(recorded, self.code)
        for name in (self.record, self.description):
            name.unlink(missing_ok=True)
        shutil.rmtree(self.code, ignore_errors=True)
        if quiet:
            shutil.rmtree(self.logs, ignore_errors=True)
            self.logs.mkdir(parents=True, exist_ok=True)
            self.code.mkdir(parents=True, exist_ok=True)
        else:
            say(f"the local stack is down ({count} processes ended)" if count else "no local stack was running")

    def summary(self) -> str:
        """The addresses and sign-ins, for a person."""
        described = json.loads(self.description.read_text())
        lines = [
            f"  HTTP API       {described['api_url']}",
            f"  WebSocket API  {described['websocket_url']}",
            *(f"  {name.capitalize():<13}  {url} (simulator)" for name, url in described["simulators"].items()),
            f"  AWS endpoint   {described['aws_endpoint']}",
            f"  logs           {described['logs']}",
        ]
        lines += [f"  sign-in        {user['email']}  {user['password']}" for user in described["users"]]
        return "\n".join(lines)


def main() -> int:
    """Reads the command line; says in plain words what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("verb", choices=["up", "down"])
    parser.add_argument("--folder", type=Path, default=ROOT / ".local")
    parser.add_argument("--port", type=int, help="port of the local AWS (default: a free one)")
    parser.add_argument("--binaries", type=Path, default=ROOT / "target" / "debug")
    arguments = parser.parse_args()
    stack = Stack(arguments.folder, arguments.binaries)
    try:
        if arguments.verb == "down":
            stack.down()
            return 0
        stack.up(arguments.port)
        say(stack.summary())
    except RuntimeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
