"""How fast announcements are read: `python -m bench.bulletin [--pages N] [--processes N]`.

The pages of tests/bulletin/pages in turn, from bytes to facts. Asked are 1,000 pages in under 60 s on two cores.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, islice
from pathlib import Path

from rich.console import Console
from rich.progress import track

from mailferry.bulletin.read import read

PAGES = Path(__file__).resolve().parent.parent / "tests" / "bulletin" / "pages"
ASKED = 60.0


def facts(data: bytes) -> int:
    found = read(data)
    return len(found.phases) + len(found.mentions)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.bulletin", description=__doc__)
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    corpus = [file.read_bytes() for file in sorted(PAGES.iterdir())]
    work = list(islice(cycle(corpus), options.pages))
    console = Console(stderr=True)
    started = time.perf_counter()
    with ProcessPoolExecutor(options.processes) as pool:
        found = sum(track(pool.map(facts, work, chunksize=10), "reading", total=len(work), console=console))
    seconds = time.perf_counter() - started
    asked = ASKED * options.pages / 1000
    reached = "reached" if seconds <= asked else "MISSED"
    Console().print(
        f"{options.pages:,} pages, {found:,} facts, {options.processes} processes: {seconds:.1f} s "
        f"({options.pages / seconds:,.0f} pages/s); asked {asked:g} s: {reached}"
    )
    return 0 if seconds <= asked else 1


if __name__ == "__main__":
    sys.exit(main())
