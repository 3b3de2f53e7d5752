"""Run every fuzz entry point in turn: `python tools/fuzz.py --minutes 60`, the minutes shared among them.

What is found lies as crash-* in a new directory, which is printed; minimised, it belongs into tests/fuzz/corpus.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

FUZZERS = sorted((Path(__file__).resolve().parent.parent / "tests" / "fuzz").glob("fuzz_*.py"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="for all of them together")
    seconds = max(1, int(parser.parse_args().minutes * 60 / len(FUZZERS)))
    worst = 0
    for fuzzer in FUZZERS:
        found = tempfile.mkdtemp(prefix=f"mailferry-{fuzzer.stem}-")
        # New inputs go into the first directory, the seeds of the repository stay as they are.
        seeds = fuzzer.parent / "corpus" / fuzzer.stem.replace("fuzz_", "smtp_")
        print(f"{fuzzer.name}: {seconds} s, findings in {found}", file=sys.stderr)
        command = [sys.executable, str(fuzzer), f"-max_total_time={seconds}", f"-artifact_prefix={found}/"]
        command += [found, str(seeds)]
        worst = max(worst, subprocess.run(command, check=False).returncode)  # noqa: S603 - our own scripts
    return 1 if worst else 0


if __name__ == "__main__":
    sys.exit(main())
