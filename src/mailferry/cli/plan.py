"""`mailferry plan`: decide, for every client, by which way it sends after the change, and when.

Leaves to others: deciding (planner), the papers (planner.papers), how it looks (plan_show). Invariant: only `make`
changes the plan; `write` never touches what an administrator has filled in.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailferry.cli import collector, plan_document, plan_input, plan_show
from mailferry.cli.in_force import dates_in_force, tell
from mailferry.cli.language import chosen
from mailferry.cli.output import Exit, fail, out, print_json, talk
from mailferry.cli.plan_input import At, Config, Json, Lang, State

if TYPE_CHECKING:
    from datetime import date

    from mailferry.planner.settings import PlanSettings
    from mailferry.planner.values import Plan

plan = typer.Typer(help="Decide how every client will send, and when it is changed.", no_args_is_help=True)

_DATE = ["%Y-%m-%d"]
#: What an administrator fills in.
_FILLED_IN = ("gateway.toml", "scripts/")
#: More than this many clients are a table, not a page each.
_MOST_WHOLE = 10
Cutoff = Annotated[
    datetime | None,
    typer.Option(
        formats=_DATE,
        metavar="DATE",
        help="Day from which Basic is disabled; as announced or accepted.",
        show_default=False,
    ),
]
Start = Annotated[
    datetime | None,
    typer.Option(
        formats=_DATE, metavar="DATE", help="First day for changes; the next working day.", show_default=False
    ),
]


@plan.command()
def make(
    config: Config = None,
    state: State = None,
    at: At = None,
    cutoff: Cutoff = None,
    start: Start = None,
    country: Annotated[str, typer.Option(help='Whose holidays are no working days: "JP", "US", "DE-BY".')] = "",
    freeze: Annotated[
        list[str] | None, typer.Option(help='Days without changes: "2026-12-24/2027-01-03"; repeat.')
    ] = None,
    capacity: Annotated[
        int | None, typer.Option(min=1, help="Small changes that one owner makes a day; 10.", show_default=False)
    ] = None,
    way: Annotated[
        list[str] | None, typer.Option(help="A way that may be used, for example gateway-hve; repeat.")
    ] = None,
    prefer: Annotated[
        str, typer.Option(help="client: OAuth on the client where it can; gateway: the gateway first.")
    ] = "",
    licences: Annotated[
        int | None, typer.Option(min=0, help="Exchange Online licences, for the tenant's limit.", show_default=False)
    ] = None,
    owner: Annotated[str, typer.Option(help="Who changes what nobody owns.")] = "",
    contact: Annotated[str, typer.Option(help="Whom the owners ask.")] = "",
    gateway: Annotated[str, typer.Option(help="Host name that clients are pointed at.")] = "",
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Make the plan from the inventory, keep it, and show what it comes to.

    Example: mailferry plan make --country JP --freeze 2026-12-28/2027-01-04 --owner it@example.com

    Everything can stand in \\[plan] of the configuration; `mailferry plan show` then shows it client by client.
    """
    given: dict[str, Any] = {
        "cutoff": _date(cutoff),
        "start": _date(start),
        "country": country,
        "freeze": freeze,
        "capacity": capacity,
        "ways": way,
        "prefer": prefer,
        "licences": licences,
        "owner": owner,
        "contact": contact,
        "gateway": gateway,
    }
    language = chosen(lang)
    with collector.seldom():
        made = _make(config, state, given, plan_input.day(at), language)
    if as_json:
        print_json(plan_document.summary(made, language))
        return
    plan_show.overview(out(), made, language)
    plan_show.next_steps(talk(), language)


def _make(config: Path | None, state: Path | None, given: dict[str, Any], today: date, language: str) -> Plan:
    from mailferry.planner.days import CountryError
    from mailferry.planner.knowledge import products
    from mailferry.planner.make import make as make_plan
    from mailferry.planner.store import StoreError, save
    from mailferry.planner.waves import TooFar

    place = plan_input.directory(state, config)
    settings = _settings(config, given, place, language)
    with talk().status("reading the inventory"):
        clients, domains = plan_input.clients(place, settings.cutoff)
    if not clients:
        fail("the inventory is empty", "import the exports first: mailferry inventory import FILE…")
    if not settings.domains and domains:
        counts = Counter(client.sender.rpartition("@")[2] for client in clients)
        ordered = sorted(domains, key=lambda domain: (-counts[domain], domain))  # the first names the gateway
        settings = settings.model_copy(update={"domains": tuple(ordered)})
    try:
        with talk().status("deciding"):
            made = make_plan(clients, products(), settings, today)
            save(made, place)
    except (CountryError, TooFar) as error:
        fail(str(error), code=Exit.USAGE)
    except StoreError as error:
        fail(str(error), code=Exit.UNAVAILABLE)
    return made


def _settings(config: Path | None, given: dict[str, Any], place: Path, language: str) -> PlanSettings:
    """Without a cut-off of its own the plan follows the accepted change, where there is one."""
    settings = plan_input.settings(config, given)
    if settings.cutoff is not None:
        return settings
    found = dates_in_force(place)
    if found.ended_by is None:
        return settings
    tell(found, language)
    return plan_input.settings(config, {**given, "cutoff": found.ends})


def _date(value: datetime | None) -> date | None:
    return value.date() if value is not None else None


@plan.command()
def show(
    client: Annotated[str, typer.Argument(help="A client by mailbox, name, address or id: all about it.")] = "",
    config: Config = None,
    state: State = None,
    wave: Annotated[int | None, typer.Option(help="Only this wave; 0: what needs nothing.", show_default=False)] = None,
    owner: Annotated[str, typer.Option(help="Only this owner's clients.")] = "",
    way: Annotated[str, typer.Option(help="Only clients that go this way, for example gateway-smtp.")] = "",
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Show the plan client by client, or all about one client.

    Example: mailferry plan show --wave 1

    Example: mailferry plan show scanner@example.com
    """
    made, language = plan_input.plan(plan_input.directory(state, config)), chosen(lang)
    items = plan_document.chosen_items(made, client, wave, owner, way)
    if as_json:
        print_json(plan_document.document(made, items, language))
    elif client:
        for item in items if len(items) <= _MOST_WHOLE else ():
            plan_show.one(out(), item, language)
        if len(items) > _MOST_WHOLE:
            plan_show.table(out(), items, language)
    else:
        plan_show.table(out(), items, language)
    if not items and made.items:
        what = f"no client of the plan is called {client!r}" if client else "no client of the plan matches"
        fail(what, "`mailferry plan show` lists them all")


@plan.command()
def write(
    directory: Annotated[Path, typer.Argument(help="Where to; made if missing.", show_default=False)],
    config: Config = None,
    state: State = None,
    lang: Annotated[
        str, typer.Option("--lang", help="en, ja, or both.", show_default=True, metavar="LANGUAGE")
    ] = "both",
    replace: Annotated[
        bool, typer.Option("--replace", help="Write over gateway.toml and scripts that differ.")
    ] = False,
) -> None:
    """Write the papers: report (HTML, Markdown), tables (CSV, Excel), calendar, letters, scripts, gateway
    configuration.

    Example: mailferry plan write papers
    """
    plan_input.needs_extra()
    from mailferry.cli.plan_rehearsed import rehearsed
    from mailferry.planner.papers import LANGUAGES
    from mailferry.planner.papers import write as papers
    from mailferry.planner.progress import recall
    from mailferry.planner.store import StoreError

    if lang not in (*LANGUAGES, "both"):
        fail(f"there are no papers in {lang!r}", "write en, ja or both", Exit.USAGE)
    place = plan_input.directory(state, config)
    made = plan_input.plan(place)
    kept: list[str] = []
    wrote: set[Path] = set()
    try:
        with talk().status("writing") as status:
            languages = LANGUAGES if lang == "both" else (lang,)
            for name, data in papers(made, languages, recall(place), rehearsed(place)):
                status.update(f"writing {name}")
                file = directory / name
                if not replace and name.startswith(_FILLED_IN) and file.exists() and file.read_bytes() != data:
                    kept.append(name)
                    continue
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
                wrote.add(file)
    except StoreError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or directory} cannot be written: {error.strerror}", code=Exit.UNAVAILABLE)
    _tell_kept(directory, kept, wrote)
    plan_show.written(talk(), directory, wrote, "ja" if lang == "ja" else "en")


def _tell_kept(directory: Path, kept: list[str], wrote: set[Path]) -> None:
    """What lies there and is not of this plan."""
    if kept:
        names = ", ".join(kept[:3]) + (", …" if len(kept) > 3 else "")
        told = (
            f"{names} differ from this plan and are kept, for you may have filled them in; --replace writes over them."
        )
        talk().print(told, markup=False, soft_wrap=True)
    older = sorted(path for path in (directory / "letters").glob("*.txt") if path not in wrote)
    if older:
        talk().print(
            f"{len(older)} letters in {directory}/letters are of an earlier plan.", markup=False, soft_wrap=True
        )


@plan.command()
def progress(
    config: Config = None,
    state: State = None,
    at: At = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Show how many of the planned clients have moved, after importing newer exports or the gateway's history.

    Example: mailferry plan progress

    Each day's count is kept: the report that `mailferry plan write` makes draws it against the plan.
    """
    from mailferry.planner.keep import StoreError
    from mailferry.planner.progress import progress as compare
    from mailferry.planner.progress import remember

    place = plan_input.directory(state, config)
    made = plan_input.plan(place)
    clients, _ = plan_input.clients(place, made.cutoff)
    found = compare(made, clients, plan_input.day(at))
    try:
        history = remember(found.snapshot, place)
    except StoreError as error:
        fail(str(error), code=Exit.UNAVAILABLE)
    if as_json:
        print_json(plan_document.progress_document(found, history))
    else:
        plan_show.progress(out(), made, found, chosen(lang))
