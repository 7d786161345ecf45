"""Checks and installs what the verbs need, into .tools/. Standard library only: it runs before anything is installed.

usage: tools.py NEED...   where NEED is rust, nextest, deny, mutants, node, java, local, sam, checkov, build or dynamodb-local

Every installation leaves a stamp with a digest of what it was made from, so that a second run takes no time and a changed pin
installs anew.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools"
REQUIREMENTS = Path(__file__).resolve().parent / "requirements"

PYTHON_MIN = (3, 10)
RUST_MIN = (1, 95)
NODE_MIN = (20,)
JAVA_MIN = (17,)

NEXTEST_VERSION = "0.9.143"
DENY_VERSION = "0.20.2"
MUTANTS_VERSION = "27.1.0"

# Amazon's own DynamoDB engine, as the npm package carries it. Only the package itself is unpacked: its dependencies
# (283 packages, 350 MB) start the engine for Amplify, and here Java does. The digest takes a lock file's place.
DYNAMODB_LOCAL = "amplify-dynamodb-simulator@2.9.30"
DYNAMODB_LOCAL_SHA512 = "xTeeRLvzEfqyd5lh3bH4c0kHvSHHmmhD5ZDsHFKAQ5g2Zl6JqlFdutaQhCLHzxEp6Ry1o7TB6niIoXuQAnSewQ=="


class Missing(Exception):
    """Something is missing or too old; the text says what to install."""


def say(text: str) -> None:
    """Prints progress at once, also into a pipe."""
    print(text, flush=True)


def version_of(command: list[str], pattern: str) -> tuple[int, ...] | None:
    """The version a command prints, or None when it isn't there."""
    if shutil.which(command[0]) is None:
        return None
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    found = re.search(pattern, done.stdout)
    return tuple(int(part) for part in found.group(1).split(".")) if found else None


def require(name: str, command: list[str], pattern: str, minimum: tuple[int, ...], advice: str) -> None:
    """Fails with a clear line unless the command is there in the version asked for."""
    wanted = ".".join(map(str, minimum))
    found = version_of(command, pattern)
    if found is None:
        raise Missing(f"{name} is missing: install {name} {wanted} or newer ({advice}).")
    if found < minimum:
        raise Missing(f"{name} {'.'.join(map(str, found))} is too old: install {wanted} or newer ({advice}).")


def python() -> None:
    """This interpreter is recent enough, and can make virtual environments."""
    if sys.version_info < PYTHON_MIN:
        raise Missing(f"Python {sys.version.split()[0]} is too old: install Python 3.10 or newer (python.org).")
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        raise Missing("Python has no venv module: install it (Debian, Ubuntu: apt-get install python3-venv).") from None


def rust() -> None:
    """The compiler of the workspace's rust-version."""
    require("Rust", ["rustc", "--version"], r"rustc (\d+\.\d+)", RUST_MIN, "rustup.rs; then: rustup update stable")
    if not any(shutil.which(linker) for linker in ("cc", "gcc", "clang")):
        raise Missing("A C compiler is missing: Rust links with it (Debian, Ubuntu: apt-get install build-essential).")


def node() -> None:
    """Node with npm, to fetch the DynamoDB engine."""
    require("Node", ["node", "--version"], r"v(\d+)", NODE_MIN, "nodejs.org")
    if shutil.which("npm") is None:
        raise Missing("npm is missing: install it with Node 20 or newer (nodejs.org).")


def java() -> None:
    """Java, for the store's contract suite only."""
    advice = "Debian, Ubuntu: apt-get install openjdk-17-jre-headless"
    require("Java", ["java", "-version"], r'version "(\d+)', JAVA_MIN, advice)


def stamped(name: str, made_from: str) -> bool:
    """Whether the tool is installed from exactly this."""
    stamp = TOOLS / f"{name}.stamp"
    return stamp.exists() and stamp.read_text() == made_from


def stamp(name: str, made_from: str) -> None:
    """Remembers what the tool was installed from."""
    (TOOLS / f"{name}.stamp").write_text(made_from)


def environment(name: str) -> None:
    """A virtual environment of requirements/NAME.txt in .tools/NAME."""
    python()
    pins = REQUIREMENTS / f"{name}.txt"
    made_from = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()
    if stamped(name, made_from):
        return
    wanted = [line for line in pins.read_text().splitlines() if line and not line.startswith("#")]
    say(f"installing {', '.join(wanted)} into .tools/{name} (once)")
    home = TOOLS / name
    shutil.rmtree(home, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--requirement", str(pins)], check=True)
    stamp(name, made_from)


def cargo_tool(crate: str, version: str) -> None:
    """A cargo subcommand: the one on PATH, else this version compiled into .tools/bin."""
    rust()
    if shutil.which(crate) or (TOOLS / "bin" / crate).exists():
        return
    say(f"installing {crate} {version} into .tools/bin (once; compiles for some minutes)")
    command = ["cargo", "install", "--locked", "--root", str(TOOLS), "--version", version, crate]
    subprocess.run(command, check=True)


def dynamodb_local() -> None:
    """Amazon's DynamoDB engine in .tools/dynamodb-local."""
    java()
    if stamped("dynamodb-local", DYNAMODB_LOCAL_SHA512):
        return
    node()
    say(f"fetching {DYNAMODB_LOCAL} into .tools/dynamodb-local (once)")
    packed = subprocess.run(
        ["npm", "pack", "--json", "--loglevel=error", f"--pack-destination={TOOLS}", DYNAMODB_LOCAL],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    archive = TOOLS / json.loads(packed.stdout)[0]["filename"]
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != DYNAMODB_LOCAL_SHA512:
        raise Missing(f"{DYNAMODB_LOCAL} is not the file that was pinned: its SHA-512 is {digest}.")
    home = TOOLS / "dynamodb-local"
    shutil.rmtree(home, ignore_errors=True)
    prefix = "package/emulator/"
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            inside = member.name.removeprefix(prefix)
            if member.isfile() and inside != member.name and ".." not in Path(inside).parts:
                target = home / inside
                target.parent.mkdir(parents=True, exist_ok=True)
                with tar.extractfile(member) as source, target.open("wb") as copy:
                    shutil.copyfileobj(source, copy)
    archive.unlink()
    stamp("dynamodb-local", DYNAMODB_LOCAL_SHA512)


NEEDS = {
    "rust": rust,
    "node": node,
    "java": java,
    "nextest": lambda: cargo_tool("cargo-nextest", NEXTEST_VERSION),
    "deny": lambda: cargo_tool("cargo-deny", DENY_VERSION),
    "mutants": lambda: cargo_tool("cargo-mutants", MUTANTS_VERSION),
    "local": lambda: environment("local"),
    "sam": lambda: environment("sam"),
    "checkov": lambda: environment("checkov"),
    "build": lambda: environment("build"),
    "dynamodb-local": dynamodb_local,
}


def with_tools_on_path() -> dict[str, str]:
    """This process's environment with the cargo subcommands of .tools/bin found too."""
    return {**os.environ, "PATH": os.environ["PATH"] + os.pathsep + str(TOOLS / "bin")}


def main(needs: list[str]) -> int:
    """Checks and installs; says in one line what is missing."""
    TOOLS.mkdir(exist_ok=True)
    try:
        for need in needs:
            NEEDS[need]()
    except Missing as missing:
        print(f"error: {missing}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as failed:
        print(f"error: `{' '.join(map(str, failed.cmd))}` failed; its output is above.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
