"""`mailferry doctor`: is everything there that sending needs, and if not, why and who can cure it.

Leaves to others: the checks (ops.doctor). Invariant: no mail is sent unless --send-to says to whom, and a running
gateway is not disturbed.
"""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailferry.cli.language import Language, Prose, chosen
from mailferry.cli.output import Exit, fail, out, print_json, talk

if TYPE_CHECKING:
    from rich.console import Console

    from mailferry.config.load import Report
    from mailferry.ops.doctor.finding import Finding

_ADDRESS = re.compile(r"[^@\s<>]+@[^@\s<>]+")
_MARKS = {"good": ("✓", "green"), "note": ("·", "cyan"), "warning": ("!", "yellow"), "failed": ("✗", "bold red")}
_WORDS = {
    "en": {
        "cause": "Cause",
        "cure": "What to do",
        "who": "Who",
        "good": "All is well.",
        "bad": "{failed} failed, {warning} warnings.",
        "config": "The configuration has errors; nothing else was looked at.",
    },
    "ja": {
        "cause": "原因",
        "cure": "対処方法",
        "who": "対処する人",
        "good": "問題は見つかりませんでした。",
        "bad": "失敗 {failed} 件、警告 {warning} 件。",
        "config": "設定に誤りがあるため、ほかの診断は行いませんでした。",
    },
}


def doctor(
    config: Annotated[
        Path, typer.Option("--config", "-c", help="The configuration file.", envvar="MAILFERRY_CONFIG")
    ] = Path("mailferry.toml"),
    outside: Annotated[
        str, typer.Option(help="A mailbox the application must not reach: proves that it is refused.")
    ] = "",
    send_to: Annotated[
        str, typer.Option(help="Send a test message to this address by each route. Absent: no mail is sent.")
    ] = "",
    timeout: Annotated[float, typer.Option(help="Seconds to wait for each answer.", min=1, max=300)] = 20.0,
    lang: Annotated[Language | None, typer.Option(help="Language of the findings.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check everything that sending depends on, step by step, and say what is wrong, why, and who can cure it.

    Configuration, disk, ports, clock, secrets, tokens and their permissions;
    then each route: name, connection, TLS, login and sender. No mail is sent
    without --send-to. Exit code 1 when something failed, 3 when the
    configuration is wrong. Example:

        sudo -u mailferry mailferry doctor --outside ceo@example.com
    """
    from mailferry.clock import SystemClock
    from mailferry.config.load import examine

    language = chosen(lang)
    for name, address in (("--outside", outside), ("--send-to", send_to)):
        if address and not _ADDRESS.fullmatch(address):
            fail(f"{name} {address!r} is no address", "write for example me@example.com", Exit.USAGE)
    report = examine(config, SystemClock())
    findings = _configuration(report)
    show = None if as_json else out()
    for finding in findings if show else ():
        _print(show, finding, language)
    if report.config is not None and not report.errors:
        findings += asyncio.run(_visit(report, outside, send_to, timeout, show, language))
    if as_json:
        print_json({"findings": [one.plain(language) for one in findings]})
    else:
        _sum_up(report, findings, language)
    if report.errors:
        raise typer.Exit(int(Exit.CONFIGURATION))
    if any(one.level.value == "failed" for one in findings):
        raise typer.Exit(int(Exit.NO))


def _configuration(report: Report) -> list[Finding]:
    """What `mailferry check` would say."""
    from mailferry.m365.facts import Text
    from mailferry.ops.doctor.finding import Finding, Level

    found = []
    for problem in report.problems:
        level = Level.FAILED if problem.severity.value == "error" else Level.WARNING
        text = f"{problem.key}: {problem.what}"
        cure = Text(problem.cure, problem.cure)
        found.append(Finding("configuration", str(problem.place), level, Text(text, text), cure=cure))
    if not found:
        what = Text("the configuration is good", "設定に問題はありません")
        found.append(Finding("configuration", "mailferry.toml", Level.GOOD, what))
    return found


async def _visit(
    report: Report, outside: str, send_to: str, seconds: float, console: Console | None, language: str
) -> list[Finding]:
    from mailferry.clock import SystemClock
    from mailferry.ops.doctor.patient import Patient
    from mailferry.ops.doctor.visit import visit

    assert report.config is not None  # noqa: S101 - the caller has looked
    patient = Patient(report.config, os.environ, SystemClock(), outside=outside, send_to=send_to, seconds=seconds)
    found = []
    async for finding in visit(patient):
        found.append(finding)
        if console is not None:
            _print(console, finding, language)
    return found


def _print(console: Console | None, finding: Finding, language: str) -> None:
    from rich.padding import Padding
    from rich.text import Text

    assert console is not None  # noqa: S101 - the callers have looked
    mark, style = _MARKS[finding.level.value]
    head = Text.assemble((mark, style), " ", (f"{finding.check} ", "bold"), (finding.subject, "cyan"))
    console.print(head, soft_wrap=True)
    console.print(Padding(Prose(finding.what.of(language)), (0, 0, 0, 4)))
    for key, text in (("cause", finding.cause), ("cure", finding.cure), ("who", finding.who)):
        if finding.level.value in ("warning", "failed") and text.of(language):
            console.print(Padding(Prose(f"{_WORDS[language][key]}: {text.of(language)}"), (0, 0, 0, 4)))


def _sum_up(report: Report, findings: list[Finding], language: str) -> None:
    words = _WORDS[language]
    counts = {level: sum(one.level.value == level for one in findings) for level in ("failed", "warning")}
    if report.errors:
        talk().print(words["config"])
    talk().print(words["bad"].format(**counts) if any(counts.values()) else words["good"])
