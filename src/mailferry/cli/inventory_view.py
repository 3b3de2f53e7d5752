"""Tables of the inventory for people: the answer first, then who, then why.

Leaves to others: choosing (inventory). Invariant: 80 columns are enough; text from outside is never markup.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mailferry.cli.inventory_words import WORDS
from mailferry.cli.language import Prose
from mailferry.cli.output import out, talk
from mailferry.inventory.records import Client, Fate, Severity

if TYPE_CHECKING:
    from mailferry.inventory.merging import Source

_STYLE = {Fate.BREAKS: "red", Fate.BROKEN: "magenta", Fate.UNCERTAIN: "yellow", Fate.CONTINUES: "green"}
_WORD = {
    Fate.BREAKS: "breaks",
    Fate.BROKEN: "broken_one",
    Fate.UNCERTAIN: "uncertain_one",
    Fate.CONTINUES: "continues_one",
}
_SEVERITY = {Severity.PROBLEM: "red", Severity.WARNING: "yellow", Severity.NOTE: "bright_black"}
_ORDER = [Fate.BREAKS, Fate.BROKEN, Fate.UNCERTAIN, Fate.CONTINUES]


@dataclass(frozen=True, slots=True)
class Shown:
    """What `show` shows: of `every` client those `picked`."""

    every: Sequence[Client]
    picked: Sequence[Client]
    at: date
    details: bool
    limit: int


def clients(shown: Shown, language: str) -> None:
    """The answer and the table."""
    words, console = WORDS[language], out()
    console.print(Prose(answer(shown.every, shown.at, language), "bold"), soft_wrap=False)
    if not shown.picked:
        talk().print(words["empty"])
        return
    rows = sorted(shown.picked, key=lambda each: (_ORDER.index(each.fate), -(each.volume.at_most or 0), each.sender))
    visible = rows[: shown.limit] if shown.limit else rows
    console.print()
    if shown.details:
        for client in visible:
            console.print(_detail(client, language), soft_wrap=False)
    else:
        console.print(_table(visible, language), soft_wrap=False)
    if len(rows) > len(visible):
        talk().print(words["more"].format(count=len(rows) - len(visible)), style="bright_black")
    if not shown.details:
        talk().print(words["details"], style="bright_black")


def answer(every: Iterable[Client], at: date, language: str) -> str:
    """The inventory in a sentence or two."""
    words, count = WORDS[language], Counter(client.fate for client in every)
    key = "all_break" if count[Fate.BREAKS] else "none_break"
    parts = [words[key].format(breaks=count[Fate.BREAKS], all=count.total(), date=at.isoformat())]
    for fate, name in ((Fate.BROKEN, "broken"), (Fate.UNCERTAIN, "uncertain"), (Fate.CONTINUES, "continues")):
        if count[fate]:
            parts.append(words[name].format(count=count[fate]))
    return ("" if language == "ja" else " ").join(parts)


def _table(rows: Sequence[Client], language: str) -> Table:
    words = WORDS[language]
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(words["fate"], no_wrap=True)
    table.add_column(words["sender"], overflow="fold", ratio=4, min_width=18)
    table.add_column(words["what"], overflow="fold", ratio=3, min_width=14)
    table.add_column(words["auth"], no_wrap=True)
    table.add_column(words["messages"], justify="right", no_wrap=True)
    table.add_column(words["last"], no_wrap=True)
    for client in rows:
        table.add_row(
            Text(words[_WORD[client.fate]], _STYLE[client.fate]),
            _sender(client, words),
            Text(_what(client, language)),
            Text(words[client.authentication.value]),
            _messages(client),
            _day(client.last_seen),
        )
    return table


def _messages(client: Client) -> str:
    """Their number, or what it cannot exceed."""
    most = client.volume.at_most
    return "" if most is None else f"{'≤ ' if client.volume.messages is None else ''}{most:,}"


def _sender(client: Client, words: dict[str, str]) -> Text:
    """A long address breaks before its domain."""
    name = client.sender or (client.senders[0] if client.senders else words["anonymous_sender"])
    local, at, domain = name.rpartition("@")
    return Text(f"{local}\n@{domain}" if at and len(name) > 26 else name)


def _what(client: Client, language: str) -> str:
    """The product, else its name, and where it is: the address of the LAN says more than that of the line."""
    name = _product(client, language) or (client.names[0] if client.names else "")
    return " ".join(filter(None, (name, *client.addresses[-1:])))


def _product(client: Client, language: str) -> str:
    """What people call the product, or the family where no more is known."""
    from mailferry.clients.base import knowledge

    base = knowledge()
    known = base.products.get(client.product) or base.families.get(client.product)
    return known.name.of(language) if known is not None else client.product


def _signs(client: Client, words: dict[str, str]) -> str:
    """By what it was recognised, or what hints at it."""
    if not client.evidence:
        return ""
    sure = f"{client.confidence:.0%}; " if client.product else ""
    return f"{words['recognised'] if client.product else words['perhaps']}: {sure}{'; '.join(client.evidence[:3])}"


def _detail(client: Client, language: str) -> Group:
    from mailferry.inventory.join.findings import sentence

    words = WORDS[language]
    volume = _messages(client)
    head = Text.assemble(
        (words[_WORD[client.fate]], f"bold {_STYLE[client.fate]}"), "  ",
        (client.sender or " ".join(client.senders[:1]) or words["anonymous_sender"], "bold"),
        f"  {_what(client, language)}" if _what(client, language) else "",
    )  # fmt: skip
    facts = ", ".join(
        filter(None, (
            words[client.authentication.value],
            "TLS " + "/".join(client.tls) if client.tls and client.tls != ("none",) else "",
            f"{words['messages']}: {volume}" if volume else "",
            f"{words['last']}: {_day(client.last_seen)}" if client.last_seen else "",
            client.owner,
            client.site,
        ))
    )  # fmt: skip
    reasons = ((sentence(each, language), _SEVERITY[each.severity]) for each in client.findings)
    signs = _signs(client, words)
    lines = [(facts, "bright_black"), *([(signs, "bright_black")] if signs else []), *reasons]
    return Group(head, *(Padding(Prose(text, style), (0, 0, 0, 4)) for text, style in lines))


def imported(sources: Sequence[Source], language: str) -> None:
    """After an import: how much, what was not taken, what next."""
    words, console = WORDS[language], talk()
    read = [source for source in sources if source.kind not in ("unknown", "companion")]
    rows, taken, fresh = (
        (sum(values) for values in zip(*((s.rows, s.taken, s.fresh) for s in read), strict=True)) if read else (0, 0, 0)
    )
    files = words["file"] if len(read) == 1 else words["files"].format(count=len(read))
    console.print(words["taken"].format(taken=f"{taken:,}", rows=f"{rows:,}", fresh=f"{fresh:,}", files=files))
    if read and not fresh:
        console.print(words["nothing"])
    skips = _skips(read, language)
    if skips is not None:
        console.print(f"\n[bold]{words['skipped']}[/]")
        console.print(skips)
    other = [source for source in sources if source.kind in ("unknown", "companion")]
    if other:
        console.print(f"\n[bold]{words['passed_over']}[/]")
        for line in _passed_over(other):
            console.print(Padding(Prose(line, "bright_black"), (0, 0, 0, 2)))
    console.print(f"\n{words['next']}: [cyan]mailferry inventory show[/]")


def _passed_over(sources: Iterable[Source]) -> Iterator[str]:
    """A line for each reason, with the first names."""
    named: dict[str, list[str]] = {}
    for source in sources:
        named.setdefault(source.note, []).append(source.name.rsplit("/", 1)[-1])
    for number, (note, names) in enumerate(named.items()):
        if number == 10:
            yield f"… {len(named) - 10}"
            return
        more = f", … (+{len(names) - 3:,})" if len(names) > 3 else ""
        yield f"{', '.join(names[:3])}{more}: {note}"


def _skips(sources: Sequence[Source], language: str) -> Table | None:
    from mailferry.inventory.reasons import reason

    rows = [(source, skip) for source in sources for skip in source.skipped]
    if not rows:
        return None
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 2))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(ratio=1)
    merged: dict[tuple[str, str], tuple[int, str, int | None]] = {}
    for source, skip in rows:
        count, name, line = merged.get((source.kind, skip.reason), (0, source.name, skip.line))
        merged[source.kind, skip.reason] = (count + skip.count, name, line)
    for (kind, code), (count, name, line) in merged.items():
        where = f", {WORDS[language]['line'].format(line=line)}" if line is not None else ""
        table.add_row(f"{count:,}", Prose(f"{reason(kind, code).of(language)} ({name.rsplit('/', 1)[-1]}{where})"))
    return table


def listed(sources: Sequence[Source], language: str) -> Table:
    """The sources one by one."""
    from mailferry.inventory.reasons import label, reason

    words = WORDS[language]
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(words["kind"], ratio=3)
    table.add_column(words["name"], overflow="fold", ratio=4)
    table.add_column(words["took"], justify="right", no_wrap=True)
    table.add_column(words["rows"], justify="right", no_wrap=True)
    table.add_column(words["from"], no_wrap=True)
    table.add_column(words["to"], no_wrap=True)
    for source in sources:
        notes = [f"{skip.count:,} {reason(source.kind, skip.reason).of(language)}" for skip in source.skipped]
        kind = label(source.kind).of(language)
        table.add_row(
            Group(Prose(kind), *(Prose(note, "bright_black") for note in notes)),
            Text(source.name.rsplit("/", 1)[-1]),
            f"{source.taken:,}", f"{source.rows:,}", _day(source.first), _day(source.last),
        )  # fmt: skip
    return table


def imported_document(sources: Sequence[Source]) -> dict[str, Any]:
    """The sources for JSON."""
    return {"sources": [_source(source) for source in sources]}


def _source(source: Source) -> dict[str, Any]:
    skipped = [{"reason": skip.reason, "count": skip.count, "line": skip.line} for skip in source.skipped]
    return {
        "kind": source.kind,
        "name": source.name,
        "rows": source.rows,
        "taken": source.taken,
        "fresh": source.fresh,
        "first": _iso(source.first),
        "last": _iso(source.last),
        "imported": _iso(source.imported),
        "note": source.note,
        "skipped": skipped,
    }


def _day(value: datetime | None) -> str:
    return "" if value is None else f"{value:%Y-%m-%d}"


def _iso(value: datetime | None) -> str | None:
    return None if value is None else f"{value:%Y-%m-%dT%H:%M:%SZ}"
