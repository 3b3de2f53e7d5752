"""How fast announcements are read: `python -m bench.bulletin [--pages N] [--processes N]`, `python -m bench --only
announcements`.

The pages of tests/bulletin/pages in turn, from bytes to facts. Asked are 1,000 pages in under 60 s on two cores.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.cells import Cell
from mailferry.bulletin.read import read

PAGES = Path(__file__).resolve().parent.parent / "tests" / "bulletin" / "pages"
ASKED = 60.0


class Mailferry:
    """It has no peer at this."""

    name = "mailferry"


def facts(data: bytes) -> int:
    found = read(data)
    return len(found.phases) + len(found.mentions)


def measured(pages: int, processes: int) -> tuple[float, int]:
    """Seconds, and how many facts were found."""
    corpus = [file.read_bytes() for file in sorted(PAGES.iterdir())]
    started = time.perf_counter()
    with ProcessPoolExecutor(processes) as pool:
        found = sum(pool.map(facts, islice(cycle(corpus), pages), chunksize=10))
    return time.perf_counter() - started, found


def bulletin_cells() -> list[Cell]:
    """Issue 6's figure."""
    alone: Any = [Mailferry]
    return [
        Cell(
            "announcements, read 1,000",
            lambda kind, seconds: measured(1000, 2)[0],
            alone,
            {"s at most": ASKED},
            {"s at most": ASKED / 2},
            "s",
            better="less",
        )
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.bulletin", description=__doc__)
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    seconds, found = measured(options.pages, options.processes)
    asked = ASKED * options.pages / 1000
    reached = "reached" if seconds <= asked else "MISSED"
    Console().print(
        f"{options.pages:,} pages, {found:,} facts, {options.processes} processes: {seconds:.1f} s "
        f"({options.pages / seconds:,.0f} pages/s); asked {asked:g} s: {reached}"
    )
    return 0 if seconds <= asked else 1


if __name__ == "__main__":
    sys.exit(main())
