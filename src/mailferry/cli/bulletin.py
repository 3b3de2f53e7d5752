"""`mailferry bulletin`: an announcement as facts and as a notice, printed, published or sent.

Leaves to others: reading it and writing it (bulletin), its input (bulletin_input), the table of facts (bulletin_facts).
Invariant: standard output holds the notice, the facts or what was done with them, and nothing else.
"""

from __future__ import annotations

import asyncio
import re
import sys
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from mailferry.cli.bulletin_facts import facts
from mailferry.cli.bulletin_watch import accept, compare, watch
from mailferry.cli.language import Language, chosen
from mailferry.cli.output import Exit, fail, out, print_json, talk
from mailferry.clock import SystemClock, utc

if TYPE_CHECKING:
    from mailferry.bulletin.facts import Announcement
    from mailferry.bulletin.notice import Notice
    from mailferry.bulletin.publish import Order, Published
    from mailferry.bulletin.settings import BulletinSettings, WordPressSettings


class _Pages(TyperGroup):
    """`bulletin PAGE` is `bulletin write PAGE`."""

    default_command = "write"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [self.default_command, *args]
        return super().parse_args(ctx, args)


bulletin = typer.Typer(
    cls=_Pages,
    no_args_is_help=True,
    help="Turn a vendor's announcement into facts and a notice in English or Japanese.\n\n"
    "[bold]mailferry bulletin PAGE[/] is short for [bold]mailferry bulletin write PAGE[/].",
)


class Audience(StrEnum):
    """For whom a notice is."""

    ADMINS = "admins"
    OWNERS = "owners"


class Format(StrEnum):
    """What `write` prints."""

    WORDPRESS = "wordpress"
    MARKDOWN = "markdown"
    HTML = "html"
    TEXT = "text"
    TEAMS = "teams"
    MAIL = "mail"


class Status(StrEnum):
    """What WordPress does with a post."""

    DRAFT = "draft"
    PENDING = "pending"
    PRIVATE = "private"
    PUBLISH = "publish"


Page = Annotated[
    str, typer.Argument(metavar="PAGE", help="The announcement: a file, - for standard input, or an http(s) address.")
]
Lang = Annotated[Language | None, typer.Option("--lang", help="Language of the notice; default from LANG.")]
For = Annotated[Audience, typer.Option("--audience", help="For administrators, or for owners of devices.")]
Figures = Annotated[
    Path | None, typer.Option("--figures", help="JSON file with the organisation's own figures.", show_default=False)
]
State = Annotated[
    Path | None,
    typer.Option("--state", help="State directory: figures from its inventory and plan.", show_default=False),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="The configuration file; mailferry.toml.", envvar="MAILFERRY_CONFIG"),
]
At = Annotated[
    datetime | None,
    typer.Option("--at", formats=["%Y-%m-%d"], metavar="DATE", help="Count the days that are left from this date."),
]


@bulletin.command()
def write(
    page: Page,
    lang: Lang = None,
    form: Annotated[Format, typer.Option("--format", "-f", help="Form of the notice.")] = Format.TEXT,
    audience: For = Audience.ADMINS,
    status: Annotated[Status, typer.Option("--status", help="Status in the form wordpress.")] = Status.DRAFT,
    figures: Figures = None,
    state: State = None,
    at: At = None,
    config: Config = None,
) -> None:
    """Write the notice of an announcement to standard output.

    wordpress is one JSON object with title, content and status, as the REST
    API takes it; teams is the body for a workflow's webhook; mail is a message
    ready to be sent.

    Example: mailferry bulletin page.html --lang ja --format wordpress
    """
    from mailferry.cli.bulletin_input import settings

    known = settings(config)
    _, composed = _notice(page, lang, audience, (figures, state, at), known)
    sys.stdout.write(_shown(composed, form, status, known))


@bulletin.command()
def publish(
    page: Page,
    lang: Lang = None,
    audience: For = Audience.ADMINS,
    status: Annotated[
        Status | None, typer.Option("--status", help="draft for a new post; an old one keeps its own.")
    ] = None,
    slug: Annotated[str, typer.Option("--slug", help="Name of the post; by default made from the announcement.")] = "",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Write over what a person changed on the site.")
    ] = False,
    figures: Figures = None,
    state: State = None,
    at: At = None,
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document for programs.")] = False,
) -> None:
    """Create or update the one post of an announcement on the WordPress site in the configuration.

    After a failure run it again: what is there is found, and never written twice.

    Example: mailferry bulletin publish page.html --lang ja --audience owners
    """
    from mailferry.bulletin import forms
    from mailferry.bulletin.publish import Order, slug_of
    from mailferry.cli.bulletin_input import settings

    known = settings(config, needed="bulletin.wordpress")
    if known.wordpress.url is None:
        fail(
            "no WordPress site is configured", "set url, user and password in [bulletin.wordpress]", Exit.CONFIGURATION
        )
    found, composed = _notice(page, lang, audience, (figures, state, at), known)
    order = Order(_slug(slug) or slug_of(found, composed), forms.post(composed), status, overwrite)
    done = _publish(order, known.wordpress)
    if as_json:
        print_json(
            {"did": done.deed.value, "id": done.id, "status": done.status, "link": done.link, "slug": order.slug}
        )
        return
    if done.withdrawn:
        talk().print(f"{done.withdrawn} further copies were put into the trash of the site.")
    out().print(f"{done.deed.value} ({done.status}): {done.link}", markup=False, soft_wrap=True)


@bulletin.command()
def send(
    page: Page,
    to: Annotated[
        list[str] | None, typer.Option("--to", help="A recipient; repeat. Default: those of the configuration.")
    ] = None,
    lang: Lang = None,
    audience: For = Audience.OWNERS,
    figures: Figures = None,
    state: State = None,
    at: At = None,
    config: Config = None,
) -> None:
    """Send the notice of an announcement by mail, through the gateway.

    Example: mailferry bulletin send page.html --lang ja --to all-staff@example.com
    """
    from mailferry.bulletin.letter import NotSent, letter, submit
    from mailferry.cli.bulletin_input import secret, settings

    known = settings(config, needed="bulletin.mail")
    mail, recipients = known.mail, tuple(to or known.mail.recipients)
    if mail.sender is None:
        fail("no sender is configured", "set sender in [bulletin.mail]", Exit.CONFIGURATION)
    for one in recipients:
        if re.fullmatch(r"[^\s@<>]+@[^\s@<>]+", one) is None:
            fail(f"{one!r} is no mail address", "write for example --to all-staff@example.com", Exit.USAGE)
    if not recipients:
        fail("there is no recipient", "name one with --to, or recipients in [bulletin.mail]", Exit.USAGE)
    _, composed = _notice(page, lang, audience, (figures, state, at), known)
    message = letter(composed, mail.sender, known.organisation, recipients, SystemClock())
    try:
        sent = submit(message, mail.sender, recipients, mail, secret(mail.password, "bulletin.mail", "password"))
    except NotSent as error:
        fail(str(error), error.hint, Exit.UNAVAILABLE)
    out().print(f"sent to {', '.join(sent.accepted)}: {message['Message-ID']}", markup=False, soft_wrap=True)
    for recipient, reply in sent.refused.items():
        talk().print(f"refused: {recipient}: {reply}", markup=False, soft_wrap=True)
    if sent.refused:
        raise typer.Exit(int(Exit.NO))


for _command in (facts, compare, watch, accept):
    bulletin.command()(_command)


def _notice(
    page: str,
    lang: Language | None,
    audience: Audience,
    counting: tuple[Path | None, Path | None, datetime | None],
    known: BulletinSettings,
) -> tuple[Announcement, Notice]:
    from mailferry.bulletin.notice import Reader
    from mailferry.cli import bulletin_input as given
    from mailferry.cli.bulletin_figures import figures

    found = given.announcement(page)
    file, state, at = counting
    today: date = at.date() if at is not None else utc(SystemClock().time()).date()
    counted = figures(file, state, found, today)
    return found, given.notice(found, Reader(audience.value), chosen(lang), known, counted)


def _shown(composed: Notice, form: Format, status: Status, known: BulletinSettings) -> str:
    from mailferry.bulletin import forms
    from mailferry.bulletin.card import TooLarge

    if form is Format.WORDPRESS:
        return forms.wordpress(composed, status.value)
    if form is Format.MAIL:
        return _mail(composed, known)
    try:
        return forms.TEXTS[forms.Form(form.value)](composed)
    except TooLarge as error:
        fail(str(error), "write it for the other audience, or publish it and post the link")


def _mail(composed: Notice, known: BulletinSettings) -> str:
    from mailferry.bulletin.letter import letter

    if known.mail.sender is None:
        fail("a mail needs a sender", "set sender, and recipients, in [bulletin.mail]", Exit.CONFIGURATION)
    return letter(composed, known.mail.sender, known.organisation, known.mail.recipients, SystemClock()).as_string()


def _slug(text: str) -> str:
    if text and re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text) is None:
        fail(f"{text!r} is no name of a post", "use small letters, digits and single hyphens", Exit.USAGE)
    return text


def _publish(order: Order, site: WordPressSettings) -> Published:
    from mailferry.bulletin.publish import publish as put
    from mailferry.bulletin.site import PublishError, opened
    from mailferry.cli.bulletin_input import secret

    password = secret(site.password, "bulletin.wordpress", "password")
    clock = SystemClock()

    async def run() -> Published:
        async with opened(site, password, clock) as there:
            return await put(
                there, order, clock, site.patience, lambda text: talk().print(text, markup=False, soft_wrap=True)
            )

    try:
        return asyncio.run(run())
    except PublishError as error:
        fail(str(error), error.hint, Exit.UNAVAILABLE)
