"""`mailferry alarm test`: one alarm through each target, now, with its result.

Leaves to others: the targets (alarms). Invariant: a test waits for nothing and is filtered by nothing, so that what it
shows is the target alone.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailferry.cli.language import Language, Prose, chosen
from mailferry.cli.output import Exit, fail, out, print_json, talk

_WORDS = {
    "en": {
        "taken": "taken",
        "look": "Now look whether it arrived: a webhook takes what its workflow may drop.",
        "unknown": "there is no [[alarm]] {name!r}",
        "known": "there are: {names}",
        "nobody": "{config} has no [[alarm]] section",
        "guide": "docs/guides/alarms.md shows how to add one",
    },
    "ja": {
        "taken": "受け付けられました",
        "look": "実際に届いたかどうかを確認してください。Webhook が受け付けても、その先で破棄されることがあります。",
        "unknown": "[[alarm]] {name!r} はありません",
        "known": "設定済みの通知先: {names}",
        "nobody": "{config} に [[alarm]] セクションがありません",
        "guide": "追加方法は docs/guides/alarms.md を参照してください",
    },
}

if TYPE_CHECKING:
    from mailferry.alarms.report import Report
    from mailferry.config.schema import AlarmSettings, Config

alarm = typer.Typer(help="Who is told when something is wrong, by another way than mail.", no_args_is_help=True)


@alarm.callback()
def group() -> None:
    """Who is told when something is wrong, by another way than mail."""


@alarm.command()
def test(
    names: Annotated[
        list[str] | None, typer.Argument(help="Targets by name. None: all.", metavar="[TARGET]...")
    ] = None,
    config: Annotated[
        Path, typer.Option("--config", "-c", help="The configuration file.", envvar="MAILFERRY_CONFIG")
    ] = Path("mailferry.toml"),
    lang: Annotated[Language | None, typer.Option(help="Language of what is said here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Send a test alarm through each configured target and say whether it was taken.

    Exit code 1 when one did not take it. Example:

        mailferry alarm test operations
    """
    from mailferry.config.load import ConfigurationError, load_config

    try:
        settings = load_config(config)
    except ConfigurationError as error:
        fail(str(error), f"`mailferry check {config}` shows every problem with its line", Exit.CONFIGURATION)
    words = _WORDS[chosen(lang)]
    known = {one.name: one for one in settings.alarms}
    if missing := [name for name in names or () if name not in known]:
        names_known = words["known"].format(names=", ".join(known) or "-")
        fail(words["unknown"].format(name=missing[0]), names_known, Exit.USAGE)
    if not known:
        fail(words["nobody"].format(config=config), words["guide"], Exit.NO)
    results = asyncio.run(_send(settings, [known[name] for name in names or known]))
    if as_json:
        print_json([{"target": name, "taken": not cause, "cause": cause} for name, cause in results])
    else:
        _show(results, chosen(lang))
    if any(cause for _, cause in results):
        raise typer.Exit(int(Exit.NO))


def _show(results: list[tuple[str, str]], language: str) -> None:
    words = _WORDS[language]
    for name, cause in results:
        out().print(
            f"{name}: {cause or words['taken']}", style="red" if cause else "green", markup=False, soft_wrap=True
        )
    if not any(cause for _, cause in results):
        talk().print(Prose(words["look"]))


async def _send(config: Config, targets: list[AlarmSettings]) -> list[tuple[str, str]]:
    from mailferry.alarms.target import TargetError
    from mailferry.app.alarms import target
    from mailferry.clock import SystemClock

    report = _report(config, SystemClock().time())

    async def one(settings: AlarmSettings) -> tuple[str, str]:
        try:
            await target(settings, os.environ).send(report)
        except TargetError as error:
            return settings.name, error.cause
        return settings.name, ""

    return list(await asyncio.gather(*(one(settings) for settings in targets)))


def _report(config: Config, now: float) -> Report:
    from mailferry.alarms import report
    from mailferry.alarms.api import Alarm, Code, Severity
    from mailferry.m365.facts import Text

    text = Text(
        "This is a test by `mailferry alarm test`. Nothing is wrong.",
        "`mailferry alarm test` によるテストです。異常はありません。",
    )
    made = Alarm(Code.TEST, config.gateway.hostname, Severity.WARNING, text)
    return report.Report(config.gateway.hostname, now, (report.Notice(report.Change.RAISED, made, now, now),))
