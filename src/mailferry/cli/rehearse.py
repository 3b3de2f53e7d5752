"""`mailferry rehearse`: every client on the day, as it is and as planned, before the day comes.

Leaves to others: the play (rehearsal), how it looks (rehearse_show). Invariant: exits 0 only when every planned client
delivers, nothing that is left as it is breaks, and all mail is accounted for.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailferry.cli import plan_input, rehearse_show
from mailferry.cli.language import chosen
from mailferry.cli.output import Exit, fail, out, print_json, talk
from mailferry.cli.plan_input import Config, Json, Lang, State
from mailferry.cli.rehearse_words import WORDS

if TYPE_CHECKING:
    from mailferry.planner.values import Plan
    from mailferry.rehearsal.values import Rehearsal

At = Annotated[
    list[datetime] | None,
    typer.Option(
        "--at",
        formats=["%Y-%m-%d"],
        metavar="DATE",
        help="A day on which everything is tried; repeat. Default: today and the days of the schedule.",
        show_default=False,
    ),
]
Client = Annotated[str, typer.Option(help="Show all about this client, by mailbox, name or id; * is a wildcard.")]
Every = Annotated[bool, typer.Option("--all", help="A line for every client, also for those that are well.")]
Last = Annotated[bool, typer.Option("--last", help="Show the last rehearsal again; play nothing.")]
Csv = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write CSV.", show_default=False)]
Processes = Annotated[
    int | None,
    typer.Option(min=1, max=64, help="Processes that share the work; one for each core.", show_default=False),
]


def rehearse(
    at: At = None,
    client: Client = "",
    every: Every = False,
    last: Last = False,
    csv: Csv = None,
    processes: Processes = None,
    config: Config = None,
    state: State = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Try every client against Exchange Online as it will be on a day: as it sends now, and as the plan says.

    A tenant in a box is made from the inventory and its clock set to the day.
    Each client speaks as it was seen to: straight, then by its planned way,
    through the real gateway with the planned configuration. Nothing leaves this
    machine, and the result is kept for the report.

    Example: mailferry rehearse --at 2026-12-01 --at 2027-01-01
    """
    plan_input.needs_extra()
    language, place = chosen(lang), plan_input.directory(state, config)
    found = _last(place) if last else _play(place, [moment.date() for moment in at or ()], processes, language)
    if csv is not None:
        _write(csv, found, language)
    if as_json:
        print_json(rehearse_show.document(found, client))
    elif client:
        rehearse_show.one(out(), found, client, language)
    else:
        rehearse_show.overview(out(), found, language, every=every)
        rehearse_show.next_steps(talk(), found, language)
    if client and not rehearse_show.picked(found, client):
        fail(WORDS[language]["nobody"].format(client=client), WORDS[language]["nobody_hint"])
    raise typer.Exit(int(Exit.OK if found.holds else Exit.NO))


def _play(place: Path, dates: Sequence[date], processes: int | None, language: str) -> Rehearsal:
    from mailferry.clock import SystemClock, utc
    from mailferry.rehearsal.run import usual_dates
    from mailferry.rehearsal.store import StoreError, digest, save
    from mailferry.rehearsal.theatre import PlanRefused

    plan, now = plan_input.plan(place), utc(SystemClock().time())
    try:
        mark = digest(place)
        found = played(plan, dates or usual_dates(plan, now.date()), now, mark, processes, WORDS[language]["playing"])
        save(found, place)
    except StoreError as error:
        fail(str(error), code=Exit.UNAVAILABLE)
    except PlanRefused as error:
        fail(WORDS[language]["refused"].format(problems=error), WORDS[language]["refused_hint"])
    except OSError as error:
        fail(WORDS[language]["no_port"].format(reason=error.strerror or error), code=Exit.UNAVAILABLE)
    return found


def played(
    plan: Plan, dates: Sequence[date], now: datetime, digest: str, processes: int | None, saying: str
) -> Rehearsal:
    """The rehearsal, with a bar on standard error."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from mailferry.rehearsal.run import rehearse as run

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=talk(), transient=True) as bar:
        task = bar.add_task(saying, total=None)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        return run(plan, plan.domains, dates, now, digest, tell, processes or _cores())


def _cores() -> int:
    return min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def _last(place: Path) -> Rehearsal:
    from mailferry.rehearsal.store import NoRehearsalError, StoreError, load

    try:
        return load(place)
    except NoRehearsalError as error:
        fail(str(error), code=Exit.UNAVAILABLE)
    except StoreError as error:
        fail(str(error))


def _write(file: Path, found: Rehearsal, language: str) -> None:
    words: dict[str, Any] = WORDS[language]
    try:
        file.write_bytes(rehearse_show.csv(found, language))
    except OSError as error:
        fail(words["cannot_write"].format(file=file, reason=error.strerror or error), code=Exit.UNAVAILABLE)
    talk().print(words["written"].format(file=file), markup=False, soft_wrap=True)
