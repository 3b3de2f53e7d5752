"""The second part of `mailferry demo`: from an organisation's exports to a plan that was rehearsed, in short tables.

Leaves to others: the loop (rehearsal.loop). Invariant: every figure is the loop's.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from mailferry.cli.output import out, talk

if TYPE_CHECKING:
    from mailferry.rehearsal.loop import Loop

#: While passwords still work.
BEFORE = date(2026, 12, 1)
_WORDS = {
    "en": {
        "sample": "writing the exports of a made-up organisation",
        "inventory": "reading them",
        "plan": "planning",
        "rehearsal": "rehearsing",
        "title": "The whole loop, on a made-up organisation: what an administrator does with exports",
        "files": "{files} files of its exports read.",
        "good": "By the organisation's own truth {doomed} of {all} are refused after the change; {found} were.",
    },
    "ja": {
        "sample": "架空の組織のエクスポートを作成しています",
        "inventory": "読み込んでいます",
        "plan": "計画しています",
        "rehearsal": "予行演習をしています",
        "title": "架空の組織で一巡: 管理者がエクスポートから行うこと",
        "files": "エクスポート {files} ファイルを読み込みました。",
        "good": "この組織の正解では、変更後に {all} 件中 {doomed} 件が拒否されます。検出: {found} 件。",
    },
}


def played(at: date, language: str) -> Loop:
    """The loop, before the change and on `at`."""
    from mailferry.rehearsal.loop import play

    words = _WORDS[language]
    with talk().status(words["sample"]) as status:
        return play(sorted({BEFORE, at}), language, lambda step: status.update(words[step]))


def show(loop: Loop, language: str) -> None:
    """The three steps, each with its command and its answer."""
    from mailferry.cli.inventory_view import answer as inventory_answer
    from mailferry.cli.language import Prose
    from mailferry.cli.plan_show import ways
    from mailferry.cli.rehearse_show import answer, dates

    words, console = _WORDS[language], out()

    def step(command: str) -> None:
        console.print(f"\n[bold cyan]$ mailferry {command}[/]")

    console.print()
    console.rule(style="bright_black")
    console.print(Prose(words["title"], "bold"), soft_wrap=False)
    step("inventory import exports/")
    text = inventory_answer(loop.clients, loop.plan.cutoff, language)
    console.print(Prose(f"{words['files'].format(files=loop.files)} {text}"), soft_wrap=False)
    step("plan make")
    console.print(ways(console, loop.plan, language), soft_wrap=False)
    last = loop.rehearsal.days
    step("rehearse " + " ".join(f"--at {day.at}" for day in last))
    console.print(dates(last, language), soft_wrap=False)
    for day in last:
        console.print(Prose(answer(day, language)), soft_wrap=False)
    told = words["good"].format(doomed=loop.doomed, all=len(loop.clients), found=loop.found)
    console.print(Prose(told, "bold green" if loop.holds else "bold red"), soft_wrap=False)
