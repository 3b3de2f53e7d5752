"""`mailferry explain`: what a refusal means and what to do about it.

Leaves to others: the catalogue (m365.errors), its words (ops.explain). Invariant: an unknown reply is called unknown,
and only its class is told.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailferry.cli.language import Language, Prose, chosen
from mailferry.cli.output import Exit, out, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from mailferry.m365.errors import ErrorFact

_COLOURS = {"lane-fault": "red", "sender-fault": "red", "fail": "red", "throttle": "yellow", "defer": "yellow"}
_LONG = 180  # letters of an example that are worth reading
_CONTINUES = re.compile(r"^\s*[245]\d\d-")


def explain(
    reply: Annotated[
        list[str],
        typer.Argument(help="A server's reply, a log line, a report, an AADSTS error; - reads standard input."),
    ],
    lang: Annotated[Language | None, typer.Option("--lang", help="Language; default from LANG.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document for programs.")] = False,
) -> None:
    """Say what a refusal means, what to do and who can do it. Exits 1 when nothing is known about it.

    Examples: mailferry explain "535 5.7.139 Authentication unsuccessful, account locked."
    · grep said: /var/log/mail.log | mailferry explain -
    """
    language = chosen(lang)
    text = sys.stdin.read() if reply == ["-"] else " ".join(reply)
    found = _found(text)
    if as_json:
        print_json(_document(text, found, language))
    elif found:
        console = out()
        for fact, count in found.items():
            _show(console, fact, count, language)
    else:
        _show_class(out(), text, language)
    if not found:
        raise typer.Exit(int(Exit.NO))


def _found(text: str) -> dict[ErrorFact, int]:
    """The facts about each reply in `text` and how many lines speak of them, in the order of their appearance."""
    from mailferry.m365 import errors

    counts: dict[ErrorFact, int] = {}
    for line in _replies(text.splitlines()):
        for fact in errors.explain(line):
            counts[fact] = counts.get(fact, 0) + 1
    # A report wraps its sentences anywhere; then only the whole text holds them.
    return counts or dict.fromkeys(errors.explain(text), 1)


def _replies(lines: Iterable[str]) -> Iterator[str]:
    """Lines, with those of one multi-line reply joined (RFC 5321 section 4.2.1)."""
    held: list[str] = []
    for line in lines:
        held.append(line)
        if not _CONTINUES.match(line):
            yield "\n".join(held)
            held = []
    if held:
        yield "\n".join(held)


def _show(console: Console, fact: ErrorFact, count: int, language: str) -> None:
    from mailferry.ops.explain import WORDS, rows

    words = WORDS[language]
    times = f"  ({words['lines'].format(count=count)})" if count > 1 else ""
    console.print()
    example = fact.example if len(fact.example) <= _LONG else f"{fact.example[:_LONG]}…"
    console.print(Prose(example + times, f"bold {_COLOURS[fact.disposition.value]}"), soft_wrap=False)
    console.print()
    _rows(console, language, [("cause", fact.cause.of(language), ""), ("cure", fact.cure.of(language), "bold")])
    if fact.commands:
        console.print()
    for command in fact.commands:  # on lines of their own, to be copied whole
        console.print(f"  {command}", style="bold green", soft_wrap=True, markup=False)
    console.print()
    rest = [(key, text, "dim" if key == "source" else "") for key, text in rows(fact, language)]
    _rows(console, language, rest)
    if fact.source.url:
        console.print(f"  {fact.source.url}", style="dim", soft_wrap=True)
    console.print()


def _rows(console: Console, language: str, lines: list[tuple[str, str, str]]) -> None:
    """Label and text, aligned with the other rows of the same fact."""
    from rich.cells import cell_len
    from rich.table import Table

    from mailferry.ops.explain import WORDS, sentence

    words = WORDS[language]
    labels = ("cause", "cure", "who", "reversible", "gateway", "stage", "source")
    grid = Table.grid(padding=(0, 2), pad_edge=True)
    grid.add_column(style="cyan", no_wrap=True, min_width=max(cell_len(words[label]) for label in labels) + 2)
    grid.add_column(max_width=96)
    for label, text, style in lines:
        grid.add_row(words[label], Prose(sentence(text, language), style))
    console.print(grid, soft_wrap=False)


def _show_class(console: Console, text: str, language: str) -> None:
    from rich.padding import Padding

    from mailferry.ops.explain import WORDS, classes

    words = WORDS[language]
    console.print()
    console.print(Prose(words["unknown"], "bold yellow"), soft_wrap=False)
    console.print()
    for line in classes(text, language):
        console.print(Padding(Prose(line), (0, 0, 0, 2)), soft_wrap=False)
    console.print()


def _document(text: str, found: dict[ErrorFact, int], language: str) -> dict[str, Any]:
    from mailferry.ops.explain import classes

    return {
        "reply": text,
        "known": bool(found),
        "facts": [{**_fact(fact, language), "lines": count} for fact, count in found.items()],
        "class": classes(text, language) if not found else [],
    }


def _fact(fact: ErrorFact, language: str) -> dict[str, Any]:
    published = fact.source.published
    return {
        "id": fact.id,
        "example": fact.example,
        "stage": fact.stage.value,
        "disposition": fact.disposition.value,
        "cause": fact.cause.of(language),
        "cure": fact.cure.of(language),
        "commands": list(fact.commands),
        "who": fact.who.value,
        "reversible": fact.reversible.value,
        "source": {
            "title": fact.source.title,
            "url": fact.source.url,
            "published": published.isoformat() if published else None,
        },
        "mark": fact.mark.value,
    }
