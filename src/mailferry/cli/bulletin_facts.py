"""`mailferry bulletin facts`: what was read from an announcement, each fact with its sentence.

Leaves to others: reading it (bulletin). Invariant: what was not understood is shown too.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailferry.cli.language import Language, Prose, chosen
from mailferry.cli.output import Exit, out, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from mailferry.bulletin.facts import Announcement

_WORDS = {
    "en": {
        "when": "When",
        "what": "What",
        "sentence": "Sentence on the page",
        "fact": "Fact",
        "unread": "Not understood: a date or a code in a sentence that no rule knows",
        "none": "No fact was found.",
        "replaced": "earlier plan",
        "product": "product",
        "endpoint": "server",
        "error": "error text",
        "alternative": "other way",
        "action": "request",
        "risk": "risk",
        "reenabling": "back on",
    },
    "ja": {
        "when": "時期",
        "what": "内容",
        "sentence": "ページの原文",
        "fact": "事実",
        "unread": "理解できなかった文（日付またはコードを含むもの）",
        "none": "事実は見つかりませんでした。",
        "replaced": "以前の予定",
        "product": "製品",
        "endpoint": "接続先",
        "error": "エラー",
        "alternative": "移行先",
        "action": "依頼",
        "risk": "リスク",
        "reenabling": "再有効化",
    },
}


def facts(
    page: Annotated[
        str,
        typer.Argument(metavar="PAGE", help="The announcement: a file, - for standard input, or an http(s) address."),
    ],
    lang: Annotated[Language | None, typer.Option("--lang", help="Language; default from LANG.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document for programs.")] = False,
) -> None:
    """Show the facts of an announcement, each with the sentence it was read from, and what was not understood.

    The exit code is 1 when there is no fact at all.

    Example: mailferry bulletin facts page.html
    """
    from mailferry.cli.bulletin_input import announcement

    found = announcement(page)
    if as_json:
        print_json(_document(found))
    else:
        _show(out(), found, chosen(lang))
    if not found.phases and not found.mentions:
        raise typer.Exit(int(Exit.NO))


def _document(found: Announcement) -> dict[str, Any]:
    document = dataclasses.asdict(found)
    document["published"] = found.published.isoformat() if found.published else None
    for phase in document["phases"]:
        phase["period"] |= {name: phase["period"][name].isoformat() for name in ("first", "last")}
    return document


def _show(console: Console, found: Announcement, language: str) -> None:
    words = _WORDS[language]
    console.print()
    console.print(Prose(found.title or found.address, "bold"), soft_wrap=False)
    about = [found.publisher, found.published.isoformat() if found.published else "", found.address]
    console.print(Prose(" · ".join(part for part in about if part), "dim"), soft_wrap=False)
    console.print()
    if found.phases:
        _phases(console, found, language)
    if found.mentions:
        _mentions(console, found, language)
    if not found.phases and not found.mentions:
        console.print(words["none"])
    if found.unread:
        console.print(Prose(words["unread"], "bold yellow"), soft_wrap=False)
        for sentence in found.unread:
            console.print(Prose(f"? {sentence}"), soft_wrap=False)


def _phases(console: Console, found: Announcement, language: str) -> None:
    from rich import box
    from rich.table import Table

    from mailferry.bulletin import wording
    from mailferry.bulletin.catalogue import catalogue

    words, messages = _WORDS[language], catalogue(language)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=console.width < 110)
    table.add_column(words["when"], width=16)
    table.add_column(words["what"], width=26)
    table.add_column(words["sentence"], ratio=1, max_width=90)
    for phase in found.phases:
        what = wording.effect(phase.effect, messages) or phase.effect.value
        whom = wording.audience(phase.audience, messages)
        what = f"{whom}: {what}" if whom else what
        if phase.superseded:
            what = f"({words['replaced']}) {what}"
        style = "dim" if phase.superseded else ""
        table.add_row(
            Prose(wording.label(phase, language), style or "cyan"), Prose(what, style), Prose(phase.sentence, style)
        )
    console.print(table, soft_wrap=False)


def _mentions(console: Console, found: Announcement, language: str) -> None:
    from rich import box
    from rich.table import Table

    words = _WORDS[language]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=console.width < 110)
    table.add_column("", width=10)
    table.add_column(words["fact"], width=30)
    table.add_column(words["sentence"], ratio=1, max_width=90)
    for mention in found.mentions:
        sentence = "〃" if mention.value == mention.sentence else mention.sentence
        table.add_row(Prose(words[mention.kind.value], "cyan"), Prose(mention.value), Prose(sentence))
    console.print(table, soft_wrap=False)
