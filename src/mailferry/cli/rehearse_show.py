"""How a rehearsal looks: on a terminal, as JSON, as CSV. The answer first.

Leaves to others: the rehearsal (rehearsal.values), its words. Invariants: 80 columns are enough; text from outside is
never markup, and never a formula.
"""

from __future__ import annotations

import csv as csv_files
import io
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from mailferry.cli.language import Prose
from mailferry.cli.rehearse_words import WORDS

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from mailferry.rehearsal.values import Day, Leg, Rehearsal, Row

_LONG = 26
_MOST = 40
_REPLY = 96
#: The host and session that a reply ends with: of interest to Microsoft alone.
_HOST = re.compile(r"\s*\[(?:[A-Z0-9]+\.)+OUTLOOK\.COM[^\]]*\]")
_STYLES = {
    "works": "green",
    "plan-works": "green",
    "plan-fails": "bold red",
    "breaks": "bold red",
    "decision": "yellow",
    "retires": "bright_black",
    "not-played": "yellow",
}
#: What needs somebody stands first.
_ORDER = ("plan-fails", "breaks", "decision", "not-played", "retires", "plan-works", "works")
_SETTLED = ("works", "plan-works")


def answer(day: Day, language: str) -> str:
    """One date in a sentence."""
    from mailferry.rehearsal.values import Verdict

    words, counts = WORDS[language], day.counts
    values = {"date": day.at, "broken": day.broken, "all": len(day.rows), "good": day.delivering}
    parts = [words["answer" if day.broken else "none"].format(**values)]
    named = (
        (Verdict.PLAN_FAILS, "fails"),
        (Verdict.BREAKS, "left"),
        (Verdict.DECISION, "decision"),
        (Verdict.RETIRES, "retires"),
        (Verdict.NOT_PLAYED, "not-played"),
    )
    for verdict, key in named:
        if counts[verdict]:
            one = counts[verdict] == 1 and f"{key}_one" in words
            parts.append(words[f"{key}_one" if one else key].format(count=counts[verdict]))
    return ("。" if language == "ja" else "; ").join(parts) + ("。" if language == "ja" else ".")


def overview(console: Console, found: Rehearsal, language: str, *, every: bool) -> None:
    """The answer, the dates, and a line for each client that needs somebody on the last of them."""
    words = WORDS[language]
    console.print()
    for day in found.days:
        console.print(Prose(answer(day, language), "bold green" if day.holds else "bold red"), soft_wrap=False)
    if len(found.days) > 1:
        console.print()
        console.print(dates(found.days, language), soft_wrap=False)
    day = found.days[-1]
    rows = [row for row in ordered(day) if every or row.verdict.value not in _SETTLED]
    if rows:
        shown = rows if every else rows[:_MOST]
        console.print()
        console.print(words["all" if every else "open"].format(date=day.at), style="bold")
        console.print(_table(shown, language), soft_wrap=False)
        if len(rows) > len(shown):
            console.print(f"… {len(rows) - len(shown)}: --all, --csv, --json", style="bright_black")
    meanings(console, day, language)
    _footnotes(console, found, language)


def meanings(console: Console, day: Day, language: str) -> None:
    """Each refusal of the day once: how many got it, its cause and cure."""
    words = WORDS[language]
    groups: dict[tuple[str, str], int] = {}
    for row in day.rows:
        leg = row.planned if row.verdict.value == "plan-fails" else row.today
        if leg is not None and not leg.good:
            key = row.cause.of(language) or leg.reply, row.cure.of(language)
            groups[key] = groups.get(key, 0) + 1
    if not groups:
        return
    console.print()
    console.print(words["why_refused"], style="bold")
    for (cause, cure), count in sorted(groups.items(), key=lambda pair: -pair[1]):
        console.print(_bullet(f"{count}×", cause), soft_wrap=False)
        if cure:
            console.print(_bullet("", f"→ {cure}"), soft_wrap=False)


def _footnotes(console: Console, found: Rehearsal, language: str) -> None:
    words = WORDS[language]
    console.print()
    for day in found.days:
        if not day.account.holds or day is found.days[-1]:
            account = {name: getattr(day.account, name) for name in _FIGURES}
            mark = words["holds" if day.account.holds else "lost"]
            console.print(Prose(words["account"].format(**account, mark=mark)), soft_wrap=False)
    skipped = max(day.skipped for day in found.days)
    if skipped:
        console.print(Prose(words["simulated"].format(seconds=skipped), "bright_black"), soft_wrap=False)
    for text in found.assumed:
        console.print(Prose(text.of(language), "bright_black"), soft_wrap=False)


_FIGURES = ("accepted", "delivered", "queued", "bounced", "duplicates", "strangers")


def dates(days: Sequence[Day], language: str) -> Table:
    """A line for each date."""
    words = WORDS[language]
    table = _new_table((words["date"], ""), *((words[key], "right") for key in ("breaks", "deliver", "failing")))
    table.add_column(words["others"], justify="right")
    for day in days:
        failing = sum(row.verdict.value in ("plan-fails", "breaks") for row in day.rows)
        others = len(day.rows) - day.delivering - failing
        table.add_row(str(day.at), f"{day.broken:,}", f"{day.delivering:,}", f"{failing:,}", f"{others:,}")
    return table


def _table(rows: Sequence[Row], language: str) -> Table:
    from rich.text import Text

    words = WORDS[language]
    table = _new_table((words["client"], "fold"), (words["verdict"], ""))
    table.expand = True
    table.add_column(words["today"], ratio=3)
    table.add_column(words["planned"], ratio=2)
    for row in rows:
        verdict = Text(words[f"verdict.{row.verdict.value}"], _STYLES[row.verdict.value])
        table.add_row(_name(row.name), verdict, Prose(_today(row, language)), Prose(_planned(row, language)))
    return table


def _today(row: Row, language: str) -> str:
    return _told(row.today, language) if row.today is not None else row.why.of(language) or "—"


def _planned(row: Row, language: str) -> str:
    words = WORDS[language]
    if row.planned is not None:
        return _told(row.planned, language)
    return words[{"decision": "nothing", "retires": "off"}.get(row.verdict.value, "as_today")]


def _told(leg: Leg, language: str) -> str:
    """A way in a few words: that it works, or the reply."""
    words = WORDS[language]
    if not leg.good:
        said = _HOST.sub("", leg.reply.partition("\n")[0])
        return said if len(said) <= _REPLY else f"{said[: _REPLY - 1].rstrip()}…"
    return f"{words['works']}; {words['held'].format(seconds=leg.held)}" if leg.held else words["works"]


def ordered(day: Day) -> list[Row]:
    return sorted(day.rows, key=lambda row: (_ORDER.index(row.verdict.value), row.name, row.client))


def picked(found: Rehearsal, client: str) -> list[tuple[Day, Row]]:
    """The rows of `client` on every date; everything where none is named."""
    wanted = client.casefold()
    return [
        (day, row)
        for day in found.days
        for row in day.rows
        if not wanted or fnmatch(row.name.casefold(), wanted) or row.client == client
    ]


def one(console: Console, found: Rehearsal, client: str, language: str) -> None:
    """All about one client, date by date."""
    from rich.text import Text

    words = WORDS[language]
    for day, row in picked(found, client):
        verdict = Text(words[f"verdict.{row.verdict.value}"], _STYLES[row.verdict.value])
        console.print(Text.assemble((f"\n{day.at}  ", "bold"), verdict, "  ", (row.name, "bold")), soft_wrap=False)
        for key, value in _details(row, language):
            console.print(_bullet(f"{key}:", value), soft_wrap=False)


def _details(row: Row, language: str) -> Iterator[tuple[str, str]]:
    words = WORDS[language]
    for key, leg in (("today", row.today), ("planned", row.planned)):
        if leg is not None:
            yield words[key], f"{words[f'door.{leg.door.value}']}: {_told(leg, language)}"
            yield words["reply"], leg.reply
            if leg.taken:
                how = words["identical" if leg.intact else "changed"]
                yield words["arrived"], words["copies"].format(copies=leg.copies, expected=leg.expected, how=how)
    for key, text in (("why", row.why), ("cause", row.cause), ("cure", row.cure)):
        if text.en:
            yield words[key], text.of(language)
    for text in row.assumed:
        yield words["assumed"], text.of(language)


def next_steps(console: Console, found: Rehearsal, language: str) -> None:
    words = WORDS[language]
    console.print()
    console.print(words["next"])
    steps = [("rehearse --last --client NAME", "next_client"), ("plan write papers", "next_write")]
    if not found.holds:
        steps.insert(0, ("plan make", "next_fix"))
    for command, key in steps:
        console.print(f"  [cyan]{f'mailferry {command}':40}[/] {words[key]}")


def document(found: Rehearsal, client: str = "") -> dict[str, Any]:
    """For programs."""
    from pydantic_core import to_jsonable_python as plain

    return {
        "made": found.made.isoformat(),
        "holds": found.holds,
        "assumed": [plain(text) for text in found.assumed],
        "days": [
            {
                "date": day.at.isoformat(),
                "breaks_as_is": day.broken,
                "delivers_as_planned": day.delivering,
                "verdicts": {verdict.value: count for verdict, count in sorted(day.counts.items())},
                "reconciliation": {**plain(day.account), "holds": day.account.holds},
                "simulated_seconds": day.skipped,
                "clients": [plain(row) for other, row in picked(found, client) if other is day],
            }
            for day in found.days
        ],
    }


def csv(found: Rehearsal, language: str) -> bytes:
    """One line for each client and date, as Excel reads it."""
    from mailferry.planner.papers.table import harmless

    words, text = WORDS[language], io.StringIO()
    writer = csv_files.writer(text, lineterminator="\r\n")
    head = ("date", "client", "verdict", "today", "planned", "cause", "cure", "why", "assumed")
    writer.writerow([words[key] for key in head])
    for day in found.days:
        for row in ordered(day):
            assumed = " ".join(one.of(language) for one in row.assumed)
            texts = [row.cause.of(language), row.cure.of(language), row.why.of(language), assumed]
            legs = [leg.reply if leg is not None else "" for leg in (row.today, row.planned)]
            cells = [str(day.at), row.name, words[f"verdict.{row.verdict.value}"], *legs, *texts]
            writer.writerow([harmless(cell) for cell in cells])
    return text.getvalue().encode("utf-8-sig")


def _name(text: str) -> Any:
    """A long address on two lines, broken before its @."""
    from rich.text import Text

    local, at, domain = text.rpartition("@")
    return Text(f"{local}\n{at}{domain}" if local and len(text) > _LONG else text, overflow="fold")


def _new_table(*columns: tuple[str, str]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name, kind in columns:
        table.add_column(
            name,
            justify="right" if kind == "right" else "left",
            no_wrap=kind != "fold",
            overflow="fold",
            min_width=_LONG if kind == "fold" else None,
        )
    return table


def _bullet(mark: str, text: str) -> Any:
    from rich.table import Table
    from rich.text import Text

    row = Table.grid(padding=(0, 1), pad_edge=True)
    row.add_column(no_wrap=True, min_width=5)
    row.add_column()
    row.add_row(Text(mark, "cyan"), Prose(text))
    return row
