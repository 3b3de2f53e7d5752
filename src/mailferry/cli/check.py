"""`mailferry check`: every problem of a configuration at once, or a picture of what the gateway will do.

Leaves to others: finding problems (config.load) and the picture's rows (config.summary).
Invariant: nothing is started, changed or asked over the network.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailferry.cli.output import Exit, out, print_json, talk

if TYPE_CHECKING:
    from mailferry.config.load import Report
    from mailferry.config.problem import Problem

#: Columns where no terminal says how many there are.
_PIPE_WIDTH = 160
_COLOURS = {"error": "bold red", "warning": "yellow"}


def check(
    config: Annotated[
        Path, typer.Argument(help="The configuration file.", envvar="MAILFERRY_CONFIG", show_default=True)
    ] = Path("mailferry.toml"),
    json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Check the configuration: every problem with its line and what to do, or a picture of what the gateway will do.

    Looks at the files it names (certificates, secrets, directories), starts nothing and asks nobody over the network.
    The exit code is 3 when there is an error, 0 when there are none or only warnings.

    Example: mailferry check /etc/mailferry/mailferry.toml
    """
    from mailferry.clock import SystemClock
    from mailferry.config.load import examine

    report = examine(config, SystemClock())
    if json:
        print_json(_document(report))
    else:
        _show(report)
    if report.errors:
        raise typer.Exit(int(Exit.CONFIGURATION))


def _document(report: Report) -> dict[str, Any]:
    from mailferry.config.summary import summary

    return {
        "ok": not report.errors,
        "problems": [dataclasses.asdict(problem) for problem in report.problems],
        "summary": summary(report.config) if report.config is not None else None,
    }


def _show(report: Report) -> None:
    for problem in report.problems:
        _problem(problem)
    if report.config is not None:
        _picture(report)
    errors, warnings = len(report.errors), len(report.warnings)
    if errors:
        talk().print(f"{_count(errors, 'error')}, {_count(warnings, 'warning')}: not ready to serve.")
    elif warnings:
        talk().print(f"The configuration can be used; {_count(warnings, 'warning')}.")
    else:
        talk().print("The configuration is good.")


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _problem(problem: Problem) -> None:
    from rich.text import Text

    key = f"{problem.key}: " if problem.key else ""
    line = Text.assemble(
        f"{problem.place}: ", (f"{problem.severity}: ", _COLOURS[problem.severity]), f"{key}{problem.what}"
    )
    console = out()
    console.print(line, soft_wrap=True)
    if problem.cure:
        console.print(Text.assemble(("    hint: ", "cyan"), problem.cure), soft_wrap=True)


def _picture(report: Report) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from mailferry.config.summary import summary

    assert report.config is not None  # noqa: S101 - the caller has looked
    for rows in summary(report.config).values():
        if not rows:
            continue
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for column in rows[0]:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(Text(value) for value in row.values()))
        console = out()
        if not console.is_terminal:
            console.width = _PIPE_WIDTH
        console.print(table)
