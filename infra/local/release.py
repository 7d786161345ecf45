"""Builds the functions' release zips with cargo-lambda and prints their sizes against the budget.

usage: release.py [arm64|x86_64]      (needs .tools/build)
"""

from __future__ import annotations

import os
import subprocess
import sys

import tools

ROOT = tools.ROOT
# DESIGN: a larger zip makes every cold start slower.
ZIP_BYTES_MAX = 3_500_000
FLAGS = {"arm64": "--arm64", "x86_64": "--x86-64"}


def main(architecture: str) -> int:
    """Builds, then prints a line a function; fails when one is over the budget."""
    if architecture not in FLAGS:
        print(f"error: ARCH is {' or '.join(FLAGS)}, not {architecture}", file=sys.stderr)
        return 2
    names = sorted(path.parent.name for path in (ROOT / "functions").glob("*/Cargo.toml"))
    # zig, the linker, is found through the Python of the same environment.
    environment = {**os.environ, "PATH": f"{tools.TOOLS / 'build' / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    packages = [argument for name in names for argument in ("--package", name)]
    command = ["cargo", "lambda", "build", "--release", "--output-format", "zip", FLAGS[architecture], *packages]
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode != 0:
        return 1
    over = 0
    print(f"\nrelease zips ({architecture}), at most {ZIP_BYTES_MAX / 1e6:.1f} MB each:")
    for name in names:
        size = (ROOT / "target" / "lambda" / name / "bootstrap.zip").stat().st_size
        over += size > ZIP_BYTES_MAX
        print(f"  {name:<20} {size / 1e6:5.2f} MB{'   over the budget' if size > ZIP_BYTES_MAX else ''}")
    return int(over > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "arm64"))
