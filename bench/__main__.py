"""`python -m bench [--rounds N] [--seconds S] [--only TEXT] [--json FILE]`: measure, print the ratios.

Every round measures each peer of a cell in turn, so that the disk's mood meets all of them alike; the order of the
peers changes from round to round.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.cells import Cell, cells


def run(chosen: list[Cell], rounds: int, seconds: float, console: Console) -> None:
    total = rounds * sum(len(cell.peers) for cell in chosen)
    with Progress(console=console) as progress:
        task = progress.add_task("", total=total)
        for cell in chosen:
            for number in range(rounds):
                for peer in cell.peers if number % 2 == 0 else list(reversed(cell.peers)):
                    progress.update(task, description=f"{cell.name}, round {number + 1}, {peer.name}")
                    cell.figures.setdefault(peer.name, []).append(cell.measure(peer, seconds))
                    progress.advance(task)


def verdict(value: float, ask: float, aim: float, less: bool) -> str:
    if less:
        return "aim" if value <= aim else "ask" if value <= ask else "MISSED"
    return "aim" if value >= aim else "ask" if value >= ask else "MISSED"


def table(chosen: list[Cell]) -> tuple[Table, bool]:
    view = Table(title="mailferry against its peers, median of the rounds", header_style="bold")
    for column in ("work", "mailferry", "against", "peer", "ratio", "ask", "aim", "reached"):
        view.add_column(column, justify="left" if column in ("work", "against", "reached") else "right")
    good = True
    for cell in chosen:
        ours = statistics.median(cell.figures["mailferry"])
        for against, ask in cell.ask.items():
            alone = against not in cell.figures
            value = ours if alone else cell.ratio(against)
            reached = verdict(value, ask, cell.aim[against], alone and cell.better == "less")
            good = good and reached != "MISSED"
            peer = "" if alone else f"{statistics.median(cell.figures[against]):,.2f}"
            ratio = "" if alone else f"{value:.2f} x"
            view.add_row(
                cell.name,
                f"{ours:,.2f} {cell.unit}",
                against,
                peer,
                ratio,
                f"{ask:g}",
                f"{cell.aim[against]:g}",
                reached,
            )
    return view, good


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of one measurement")
    parser.add_argument("--only", default="", help="cells whose name contains this")
    parser.add_argument("--json", type=Path, help="write every figure there")
    options = parser.parse_args()
    chosen = [cell for cell in cells() if options.only in cell.name]
    console = Console(stderr=True)
    run(chosen, options.rounds, options.seconds, console)
    view, good = table(chosen)
    Console(width=None if sys.stdout.isatty() else 120).print(view)
    if options.json:
        options.json.write_text(json.dumps({cell.name: cell.figures for cell in chosen}, indent=2) + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
