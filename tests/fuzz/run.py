"""Builds the coverage-guided fuzzer and runs every target, or those named, for so many minutes of processor time each.

The toolchain is a stable one: the flags below are what `cargo fuzz` passes, without a sanitizer. What breaks a parser is
written to corpus/<target>/found-…, to be mended and committed; `cargo test -p fuzz` then replays it for ever.
"""

import math
import os
import pathlib
import resource
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


def processor_seconds() -> float:
    """What the fuzzers that have ended took of a processor, altogether."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def fuzz(binary: pathlib.Path, target: str, seconds: int) -> bool:
    """Runs a target. The fuzzer's own clock is the wall's: on a busy machine it is started again until it has had its time."""
    seeds = HERE / "corpus" / target
    work = TARGET_DIR / "corpus" / target
    work.mkdir(parents=True, exist_ok=True)
    command = [str(binary), str(work), str(seeds), f"-artifact_prefix={seeds}/found-", *LIMITS, "-print_final_stats=1"]
    used, executed, peak, code, began = 0.0, 0, "?", 0, processor_seconds()
    while used < seconds and code == 0:
        again = [*command, f"-max_total_time={max(math.ceil(seconds - used), 5)}"]
        done = subprocess.run(again, stderr=subprocess.PIPE, text=True)
        used, code = processor_seconds() - began, done.returncode
        told = dict(line.split(": ")[-2:] for line in done.stderr.splitlines() if line.startswith("stat::"))
        executed += int(told.get("stat::number_of_executed_units", 0))
        peak = told.get("stat::peak_rss_mb", peak).strip()
        if code:
            print(done.stderr[-4000:], flush=True)
    print(f"{target}: {used / 60:.1f} CPU minutes, {executed} inputs, peak {peak} MB, exit {code}", flush=True)
    return code == 0


def main() -> int:
    minutes, *named = sys.argv[1:] or ["10"]
    binary = build()
    targets = named or sorted(path.name for path in (HERE / "corpus").iterdir())
    # A list, so that one failure does not keep the others from running.
    return 0 if all([fuzz(binary, target, int(float(minutes) * 60)) for target in targets]) else 1


if __name__ == "__main__":
    sys.exit(main())
