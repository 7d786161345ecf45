"""Processes of a local stack: started in a session of their own, found again, and ended with everything they started."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 5


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port: int) -> bool:
    """Whether somebody accepts connections on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers(url: str) -> bool:
    """Whether an HTTP GET of the address is answered with success."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status < 400
    except (OSError, urllib.error.URLError):
        return False


def start(command: list[str], environment: dict[str, str], log: Path) -> subprocess.Popen:
    """Starts a process in a session (and so a process group) of its own, in the log's folder, its output appended to the log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            env=environment,
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def wait_until(ready, process: subprocess.Popen, what: str, log: Path) -> None:
    """Waits until `ready()`; fails with the end of the log when the process dies before, or takes too long."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            state = "ended" if process.poll() is not None else f"is not ready after {START_SECONDS_MAX} s"
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
            raise RuntimeError(f"{what} {state}; the end of {log}:\n{tail}")
        time.sleep(0.05)


def processes() -> list[tuple[int, str]]:
    """Every process as (id, command line), dead ones whose parent hasn't noticed yet left out. `ps` and not /proc, as macOS
    has none."""
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,stat=,args="], stdout=subprocess.PIPE, text=True, check=True)
    found = []
    for line in listed.stdout.splitlines():
        pid, state, *arguments = line.split(None, 2)
        if not state.startswith("Z"):
            found.append((int(pid), arguments[0] if arguments else ""))
    return found


def alive(pid: int, marker: str) -> bool:
    """Whether the process runs and is the one meant: its command line contains the marker."""
    return any(number == pid and marker in arguments for number, arguments in processes())


def stop(recorded: dict[int, str], code: Path) -> int:
    """Ends the recorded processes (id -> what its command line must contain, as ids are used again) and every function that
    runs from the code folder, also when whoever started it is gone. Returns how many there were."""

    def left() -> list[int]:
        return [
            pid
            for pid, arguments in processes()
            if (pid in recorded and recorded[pid] in arguments) or arguments.startswith(f"{code}{os.sep}")
        ]

    count = len(left())
    for stop_signal in (signal.SIGTERM, signal.SIGKILL):
        for pid in left():
            try:
                os.kill(pid, stop_signal)
            except ProcessLookupError:
                continue
        deadline = time.monotonic() + STOP_SECONDS_MAX
        while left() and time.monotonic() < deadline:
            time.sleep(0.05)
    return count
