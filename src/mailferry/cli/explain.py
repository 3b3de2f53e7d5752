"""`mailferry explain`: what a refusal means and what to do about it.

Leaves to others: the catalogue (m365.errors). Invariant: an unknown reply is called unknown, and only its class is
told.
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

_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "cause": "Cause",
        "cure": "What to do",
        "who": "Who",
        "reversible": "Can be undone",
        "gateway": "Mailferry",
        "stage": "When",
        "source": "Source",
        "unknown": "This reply is not in the catalogue.",
        "class": "What its class says",
        "lines": "{count} lines",
    },
    "ja": {
        "cause": "原因",
        "cure": "対処方法",
        "who": "対処する人",
        "reversible": "解除の可否",
        "gateway": "Mailferry の動作",
        "stage": "発生する段階",
        "source": "出典",
        "unknown": "この応答は一覧に登録されていません。",
        "class": "応答コードの意味",
        "lines": "{count} 行",
    },
}
#: RFC 5321 section 4.2.1, the first digit; "" where there is no code.
_CLASSES: dict[str, dict[str, str]] = {
    "en": {
        "2": "2xx: done as asked. This is no refusal.",
        "3": "3xx: the server waits for more. This is no refusal.",
        "4": "4xx: a temporary refusal. Mailferry tries the message again by its schedule.",
        "5": "5xx: a permanent refusal. Mailferry returns the message to its sender with a report.",
        "": "There is no SMTP reply code and no AADSTS number in it.",
    },
    "ja": {
        "2": "2xx: 要求どおり処理されました。拒否ではありません。",
        "3": "3xx: サーバーが続きを待っています。拒否ではありません。",
        "4": "4xx: 一時的な拒否です。Mailferry は再送スケジュールに従って再送します。",
        "5": "5xx: 恒久的な拒否です。Mailferry は差出人に配信不能レポートを返します。",
        "": "SMTP の応答コードも AADSTS 番号も含まれていません。",
    },
}
#: RFC 3463 section 3, the second digit of an enhanced status.
_SUBJECTS: dict[str, dict[str, str]] = {
    "en": {
        "1": "x.1.x: it concerns an address.",
        "2": "x.2.x: it concerns a mailbox.",
        "3": "x.3.x: it concerns the mail system.",
        "4": "x.4.x: it concerns network or routing.",
        "5": "x.5.x: it concerns the SMTP protocol.",
        "6": "x.6.x: it concerns content or format.",
        "7": "x.7.x: it concerns security or policy.",
    },
    "ja": {
        "1": "x.1.x: アドレスに関するものです。",
        "2": "x.2.x: メールボックスに関するものです。",
        "3": "x.3.x: メール システムに関するものです。",
        "4": "x.4.x: ネットワークまたは経路に関するものです。",
        "5": "x.5.x: SMTP プロトコルに関するものです。",
        "6": "x.6.x: 内容または形式に関するものです。",
        "7": "x.7.x: セキュリティまたはポリシーに関するものです。",
    },
}
_COLOURS = {"lane-fault": "red", "sender-fault": "red", "fail": "red", "throttle": "yellow", "defer": "yellow"}
_LONG = 180  # letters of an example that are worth reading
_CONTINUES = re.compile(r"^\s*[245]\d\d-")
_STATUS = re.compile(r"\b[245]\.(\d{1,3})\.\d{1,3}\b")
_ANY_CODE = re.compile(r"^\s*([23])\d\d\b")


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
    words = _WORDS[language]
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
    rest = [
        ("who", fact.who.label(language), ""),
        ("reversible", fact.reversible.label(language), ""),
        ("gateway", fact.disposition.label(language), ""),
        ("stage", fact.stage.label(language), ""),
        ("source", f"{fact.source.of(language)} [{fact.mark.label(language)}]", "dim"),
    ]
    _rows(console, language, rest)
    if fact.source.url:
        console.print(f"  {fact.source.url}", style="dim", soft_wrap=True)
    console.print()


def _rows(console: Console, language: str, rows: list[tuple[str, str, str]]) -> None:
    """Label and text, aligned with the other rows of the same fact."""
    from rich.cells import cell_len
    from rich.table import Table

    words = _WORDS[language]
    labels = ("cause", "cure", "who", "reversible", "gateway", "stage", "source")
    grid = Table.grid(padding=(0, 2), pad_edge=True)
    grid.add_column(style="cyan", no_wrap=True, min_width=max(cell_len(words[label]) for label in labels) + 2)
    grid.add_column(max_width=96)
    for label, text, style in rows:
        sentence = text[:1].upper() + text[1:] if language == "en" else text
        grid.add_row(words[label], Prose(sentence, style))
    console.print(grid, soft_wrap=False)


def _class(text: str, language: str) -> list[str]:
    """What the class of an unknown reply says."""
    from mailferry.m365.errors import reply_code

    positive = _ANY_CODE.match(text)
    code = positive[1] if positive else str(reply_code(text) or "")[:1]
    status = _STATUS.search(text)
    subject = _SUBJECTS[language].get(status[1]) if status and code in ("4", "5") else None
    return [_CLASSES[language][code], *([subject] if subject else [])]


def _show_class(console: Console, text: str, language: str) -> None:
    from rich.padding import Padding

    words = _WORDS[language]
    console.print()
    console.print(Prose(words["unknown"], "bold yellow"), soft_wrap=False)
    console.print()
    for line in _class(text, language):
        console.print(Padding(Prose(line), (0, 0, 0, 2)), soft_wrap=False)
    console.print()


def _document(text: str, found: dict[ErrorFact, int], language: str) -> dict[str, Any]:
    return {
        "reply": text,
        "known": bool(found),
        "facts": [{**_fact(fact, language), "lines": count} for fact, count in found.items()],
        "class": _class(text, language) if not found else [],
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
