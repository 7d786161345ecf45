"""How fast a function's release binary starts, how much memory it takes and how much processor time a warm call costs.

usage: cold_start.py [FUNCTION...]      (after `make build ARCH=x86_64`; telegram-webhook by default)

Plays Lambda's Runtime API and, under the same address, an AWS that knows nothing, so that what is measured is the function
alone: from the spawn of the process to its first answer, then the processor time of a hundred warm calls. A benchmark and no
test: its figures depend on the machine.
"""

from __future__ import annotations

import http.server
import json
import os
import queue
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 15
WARM_CALLS = 100
# Longest wait for one answer, seconds.
ANSWER_S_MAX = 10

WEBHOOK = {
    "version": "2.0",
    "routeKey": "POST /webhooks/telegram/{channel}",
    "rawPath": "/webhooks/telegram/tg-1",
    "rawQueryString": "",
    "headers": {"content-type": "application/json", "x-telegram-bot-api-secret-token": "forged"},
    "pathParameters": {"channel": "tg-1"},
    "requestContext": {
        "accountId": "1", "apiId": "1", "domainName": "x", "domainPrefix": "x", "requestId": "1", "routeKey": "x",
        "stage": "$default", "time": "x", "timeEpoch": 1,
        "http": {"method": "POST", "path": "/webhooks/telegram/tg-1", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "x"},
    },
    "body": "{}",
    "isBase64Encoded": False,
}
EVENTS = {"telegram-webhook": WEBHOOK, "inbound": {"Records": []}, "router": {"Records": []}, "outbound": {"Records": []}}


class Lambda(http.server.BaseHTTPRequestHandler):
    """The Runtime API for one process at a time; everything else is an AWS without anything in it."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def reply(self, body: bytes, **headers: str) -> None:
        """Answers 200."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        """The next invocation, when there is one."""
        event = self.server.invocations.get()
        deadline = str(int(time.time() * 1000) + 10_000)
        arn = "arn:aws:lambda:us-east-1:000000000000:function:x"
        self.reply(
            json.dumps(event).encode(), Lambda_Runtime_Aws_Request_Id="1", Lambda_Runtime_Deadline_Ms=deadline,
            Lambda_Runtime_Invoked_Function_Arn=arn, Content_Type="application/json",
        )

    def do_POST(self) -> None:
        """An answer of the function, or one of its own calls."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/2018-06-01/runtime/"):
            self.server.answers.put((self.path, time.monotonic()))
        self.reply(b"{}", Content_Type="application/x-amz-json-1.0")


class Server(http.server.ThreadingHTTPServer):
    """One thread a connection; what a killed process leaves half said is no error."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Lambda)
        self.invocations: queue.Queue = queue.Queue()
        self.answers: queue.Queue = queue.Queue()
        self.address = f"127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_: object) -> None:
        """Says nothing."""


def environment(address: str, function: str) -> dict[str, str]:
    """What Lambda gives, and a value for every setting the code asks for."""
    config = (ROOT / "shared" / "runtime" / "src" / "config.rs").read_text()
    names = set(re.findall(r'"([A-Z_]+_URL)"', config))
    names |= set(re.findall(r'need\("(\w+)"\)', (ROOT / "functions" / function / "src" / "main.rs").read_text()))
    return {
        **{name: f"http://{address}/x" for name in names},
        "AWS_LAMBDA_RUNTIME_API": address, "AWS_ENDPOINT_URL": f"http://{address}", "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_LAMBDA_FUNCTION_NAME": "x", "RUST_LOG": "warn",
        "AWS_LAMBDA_FUNCTION_VERSION": "1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_LOG_GROUP_NAME": "x",
        "AWS_LAMBDA_LOG_STREAM_NAME": "x",
    }


def cpu_s(process: subprocess.Popen) -> float:
    """Processor time of a process so far, seconds."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(binary: Path, function: str) -> tuple[float, float, float]:
    """Spawn to first answer (ms), resident memory (MB), processor time of a warm call (ms)."""
    # A server of its own: what a killed process has left on its way reaches no other.
    server = Server()
    server.invocations.put(EVENTS[function])
    started = time.monotonic()
    with subprocess.Popen([binary], env=environment(server.address, function), stdout=subprocess.DEVNULL) as process:
        try:
            path, answered = server.answers.get(timeout=ANSWER_S_MAX)
            if not path.endswith("/response"):
                raise RuntimeError(f"{function} answered with {path}")
            cold_cpu = cpu_s(process)
            for _ in range(WARM_CALLS):
                server.invocations.put(EVENTS[function])
                server.answers.get(timeout=ANSWER_S_MAX)
            warm = (cpu_s(process) - cold_cpu) / WARM_CALLS * 1000
            memory = int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())[1]) / 1024
        finally:
            process.kill()
    server.shutdown()
    server.server_close()
    return (answered - started) * 1000, memory, warm


def main(functions: list[str]) -> int:
    """Prints a line a function."""
    unknown = [name for name in functions if name not in EVENTS]
    if unknown:
        print(f"error: no benchmark for {', '.join(unknown)}; there are {', '.join(EVENTS)}", file=sys.stderr)
        return 2
    print(f"{'function':<18}{'cold start ms (median, max)':>30}{'memory MB':>12}{'warm CPU ms':>13}")
    for function in functions:
        with tempfile.TemporaryDirectory() as folder:
            with zipfile.ZipFile(ROOT / "target" / "lambda" / function / "bootstrap.zip") as archive:
                binary = Path(archive.extract("bootstrap", folder))
            binary.chmod(0o755)
            rounds = [measure(binary, function) for _ in range(ROUNDS)]
        cold, memory, warm = zip(*rounds, strict=True)
        print(
            f"{function:<18}{statistics.median(cold):>20.1f}{max(cold):>10.1f}"
            f"{statistics.median(memory):>12.1f}{statistics.median(warm):>13.2f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["telegram-webhook"]))
