"""`mailferry console`: the console in the browser, until Ctrl-C.

Leaves to others: everything that it shows and does (console). Invariants: what does not check never listens; the link
that lets in is told to the terminal alone, and a new one only where somebody sits at it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailferry.cli.language import Language, chosen
from mailferry.cli.output import Exit, fail, talk

if TYPE_CHECKING:
    from mailferry.config.console import ConsoleSettings
    from mailferry.console.serve import Console, Subject
    from mailferry.listener.settings import TlsSettings
    from mailferry.obs.maillog import MailLog

_WORDS = {
    "en": {
        "here": "The console is at {address} (Ctrl-C ends it).",
        "link": "Open this link to sign in. It lets in once:",
        "again": "The link was used. The next one:",
        "stopped": "The console has stopped.",
    },
    "ja": {
        "here": "コンソール: {address}（Ctrl-C で終了）",
        "link": "次のリンクを開いてサインインしてください。一度だけ有効です:",
        "again": "リンクが使用されました。次のリンク:",
        "stopped": "コンソールを終了しました。",
    },
}

DEFAULT_CONFIG = Path("mailferry.toml")

Config = Annotated[
    Path,
    typer.Option("--config", "-c", help="The configuration file. Without one: \\[console] by default, no mail.",
                 envvar="MAILFERRY_CONFIG"),
]  # fmt: skip
State = Annotated[
    Path | None,
    typer.Option(
        "--state",
        help="Directory of inventory, plan and announcements; default \\[gateway] state, else ./mailferry-state.",
        envvar="MAILFERRY_STATE",
        show_default=False,
    ),
]
Listen = Annotated[
    str,
    typer.Option(metavar="ADDRESS:PORT", help="Where it listens; default \\[console] listen, 127.0.0.1:8025. Port 0 "
                 "takes a free one.", show_default=False),
]  # fmt: skip


def console(
    config: Config = DEFAULT_CONFIG,
    state: State = None,
    listen: Listen = "",
    lang: Annotated[
        Language | None, typer.Option("--lang", help="Language of the terminal; default from LANG.")
    ] = None,
) -> None:
    """Show in the browser how long is left, who breaks, what is wrong, and the queue; act on mail there.

    It runs beside the gateway, as the same user. Without \\[console] password it prints a link that lets in once.

    Example: mailferry console --listen 127.0.0.1:8025
    """
    subject, settings = _subject(config, state, listen)
    try:
        asyncio.run(_run(subject, settings, chosen(lang)))
    except KeyboardInterrupt:  # before it could be caught
        return


def _subject(config: Path, state: Path | None, listen: str) -> tuple[Subject, ConsoleSettings]:
    """What is shown and how, checked. Without a configuration there is a state directory and no mail."""
    _needs_extra()
    from mailferry.cli.state import DEFAULT_STATE
    from mailferry.config.console import ConsoleSettings
    from mailferry.config.load import ConfigurationError, load_config
    from mailferry.console.serve import Subject
    from mailferry.listener.settings import TlsSettings

    if not config.exists() and config != DEFAULT_CONFIG:
        fail(f"there is no {config}", "name another one with --config", Exit.CONFIGURATION)
    try:
        known = load_config(config) if config.exists() else None
    except ConfigurationError as error:
        fail(str(error), f"`mailferry check {config}` shows every problem with its line", Exit.CONFIGURATION)
    settings = known.console if known is not None else ConsoleSettings()
    if listen:
        settings = _listening(settings, known.tls if known is not None else TlsSettings(), listen)
    own = known.gateway.state if known is not None else DEFAULT_STATE
    return Subject(state or own, known), settings


def _listening(settings: ConsoleSettings, tls: TlsSettings, listen: str) -> ConsoleSettings:
    """The settings at the address of the command line, as safe as a configured one."""
    from pydantic import ValidationError

    from mailferry.config.checks.console import findings

    try:
        changed = type(settings).model_validate({**settings.model_dump(), "listen": listen})
    except ValidationError as error:
        fail(f"--listen: {error.errors()[0]['msg'].removeprefix('Value error, ')}", code=Exit.USAGE)
    for problem in findings(changed, tls):
        fail(problem.what, problem.cure, Exit.CONFIGURATION)
    return changed


async def _run(subject: Subject, settings: ConsoleSettings, language: str) -> None:
    from mailferry.clock import SystemClock
    from mailferry.config.schema import LogSettings
    from mailferry.console.serve import Console
    from mailferry.listener.tls import TlsError
    from mailferry.obs.logging import Log
    from mailferry.obs.maillog import MailLog
    from mailferry.obs.metrics import Metrics

    clock, words = SystemClock(), _WORDS[language]
    terminal = sys.stderr.isatty()
    wanted = LogSettings() if subject.config is None else subject.config.log
    form = "console" if terminal or subject.config is None else wanted.format.value
    lines = Log(sys.stderr.buffer, clock, form=form, colours=terminal, journal=wanted.journal)
    lines.capture()
    log = MailLog(lines.sink, Metrics())

    def announce(link: str) -> None:
        lines.flush()
        _print_link(words["again"], link)

    console = Console(settings, subject, clock, log, announce if terminal else None)
    ended = _signals(console, log)
    try:
        await console.start()
    except (OSError, TlsError, ValueError) as error:
        lines.close()
        fail(f"the console cannot start: {error}", "choose another address with --listen", Exit.UNAVAILABLE)
    _notify("READY=1")
    talk().print(words["here"].format(address=console.address()), markup=False, soft_wrap=True)
    if console.first_link:
        _print_link(words["link"], console.first_link)
    await ended.wait()
    _notify("STOPPING=1")
    await console.stop()
    lines.close()
    talk().print(words["stopped"])


def _signals(console: Console, log: MailLog) -> asyncio.Event:
    """Ends on SIGINT and SIGTERM; SIGHUP reads the certificate again."""
    from mailferry.listener.tls import TlsError

    ended, loop = asyncio.Event(), asyncio.get_running_loop()

    def reload() -> None:
        try:
            console.reload()
        except TlsError as error:
            log.trouble("not reloaded", cause=str(error))

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    loop.add_signal_handler(signal.SIGHUP, reload)
    return ended


def _print_link(text: str, link: str) -> None:
    talk().print(text)
    talk().print(f"  {link}", style="bold", markup=False, soft_wrap=True)


def _notify(state: str) -> None:
    if os.environ.get("NOTIFY_SOCKET"):
        from mailferry.cli.serve import notify

        notify(state)


def _needs_extra() -> None:
    from importlib.util import find_spec

    if find_spec("jinja2") is None:
        fail("jinja2 is not installed", "pip install 'mailferry[console]'", Exit.UNAVAILABLE)
