"""Plants bugs in the rules, one at a time, and counts those that the domain's own suites notice.

usage: mutants.py [OPTION...]      options of `cargo mutants`, e.g. --list, --re decline, --iterate (what was missed last time)

A mutant is tested by the suite that its module is written to: the tests beside it, or `shared/domain/tests/rules`. Building
one suite only is what makes hundreds of builds bearable. The passes leave their lists (caught, missed, unviable, timeout)
and each mutant's diff and log in `.local/mutants/PASS/mutants.out`. Exit code 1: too many were missed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

import tools

FOLDER = tools.ROOT / ".local" / "mutants"
# The least that has to be caught, percent of the mutants that compile.
CAUGHT_MIN = 95
# Modules whose tests are beside them; all others are tested by `tests/rules`.
BESIDE = [f"shared/domain/src/{module}" for module in ("settings.rs", "settings/**", "ids.rs", "refusal.rs", "content.rs")]
PASSES = {
    "unit": ["--cargo-arg=--lib", *(f"--file={module}" for module in BESIDE)],
    "rules": ["--cargo-arg=--test=rules", "--file=shared/domain/src/**", *(f"--exclude={module}" for module in BESIDE)],
}
# Few stories, always the same ones: what only one story in a hundred notices has no test of its own.
ENVIRONMENT = {
    "PROPTEST_CASES": "16",
    "PROPTEST_RNG_SEED": "1",
    # What the domain depends on is built once, not once a pass.
    "CARGO_TARGET_DIR": str(tools.ROOT / "target" / "of-mutants"),
}


def run(name: str, options: list[str]) -> int:
    """One pass; returns cargo-mutants' exit code."""
    home = FOLDER / name
    if not {"--iterate", "--list"} & set(options):
        # A pass in which nothing matches would leave the lists of the one before.
        shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True, exist_ok=True)
    command = ["nice", "cargo", "mutants", "--package=domain", "--no-shuffle", f"--output={home}", *PASSES[name], *options]
    environment = {**tools.with_tools_on_path(), **ENVIRONMENT}
    return subprocess.run(command, cwd=tools.ROOT, env=environment, check=False).returncode


def lines(name: str, verdict: str) -> list[str]:
    """The mutants of a pass with this verdict."""
    file = FOLDER / name / "mutants.out" / f"{verdict}.txt"
    return file.read_text().splitlines() if file.exists() else []


def main(options: list[str]) -> int:
    """Runs the passes, then counts."""
    # 0: all caught; 2 and 3: some missed, or hung; all else: it could not run.
    codes = [run(name, options) for name in PASSES]
    if any(code not in (0, 2, 3) for code in codes):
        return 1
    if "--list" in options:
        return 0
    found = {
        verdict: [mutant for name in PASSES for mutant in lines(name, verdict)]
        for verdict in ("caught", "timeout", "missed", "unviable")
    }
    caught = len(found["caught"]) + len(found["timeout"])
    viable = caught + len(found["missed"])
    share = 100 * caught / viable if viable else 100
    print(*found["missed"], sep="\n")
    print(
        f"mutants: {viable} viable, {caught} caught ({len(found['timeout'])} by the time limit), "
        f"{len(found['missed'])} missed: {share:.1f} %; {len(found['unviable'])} do not compile"
    )
    return int(share < CAUGHT_MIN)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
