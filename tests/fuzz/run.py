"""Builds the coverage-guided fuzzer and runs every target, or those named, for so many minutes each.

The toolchain is a stable one: the flags below are what `cargo fuzz` passes, without a sanitizer. What breaks a parser is
written to corpus/<target>/found-…, to be mended and committed; `cargo test -p fuzz` then replays it for ever.
"""

import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET_DIR = ROOT / "target" / "fuzz"
FLAGS = (
    "--cfg fuzzing -Cpasses=sancov-module -Ccodegen-units=1 "
    "-Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters "
    "-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
)
# Per input: seconds, megabytes of the whole process, bytes.
LIMITS = ["-timeout=5", "-rss_limit_mb=512", "-max_len=65536"]


def host() -> str:
    lines = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout.splitlines()
    return next(line.removeprefix("host: ") for line in lines if line.startswith("host: "))


def build() -> pathlib.Path:
    triple = host()
    # A target is named so that the flags do not reach build scripts.
    command = ["cargo", "build", "-p", "fuzz", "--features", "guided", "--bin", "guided"]
    command += ["--target", triple]
    # As in `make test`, with every debug assertion, and all of it optimised: what is fuzzed is little and runs for long.
    environment = {**os.environ, "RUSTFLAGS": FLAGS, "CARGO_TARGET_DIR": str(TARGET_DIR), "CARGO_PROFILE_DEV_OPT_LEVEL": "2"}
    subprocess.run(command, check=True, cwd=ROOT, env=environment)
    return TARGET_DIR / triple / "debug" / "guided"


def fuzz(binary: pathlib.Path, target: str, seconds: int) -> bool:
    seeds = HERE / "corpus" / target
    work = TARGET_DIR / "corpus" / target
    work.mkdir(parents=True, exist_ok=True)
    command = [str(binary), str(work), str(seeds), f"-max_total_time={seconds}", f"-artifact_prefix={seeds}/found-"]
    done = subprocess.run(command + LIMITS + ["-print_final_stats=1"], stderr=subprocess.PIPE, text=True)
    told = [line for line in done.stderr.splitlines() if "DONE" in line or "number_of_executed" in line or "peak_rss" in line]
    print(f"{target}: {seconds} s, exit {done.returncode}", *told, sep="\n  ", flush=True)
    if done.returncode:
        print(done.stderr[-4000:], flush=True)
    return done.returncode == 0


def main() -> int:
    minutes, *named = sys.argv[1:] or ["10"]
    binary = build()
    targets = named or sorted(path.name for path in (HERE / "corpus").iterdir())
    # A list, so that one failure does not keep the others from running.
    return 0 if all([fuzz(binary, target, int(float(minutes) * 60)) for target in targets]) else 1


if __name__ == "__main__":
    sys.exit(main())
