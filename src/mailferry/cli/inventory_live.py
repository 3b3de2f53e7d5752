"""What `mailferry inventory import` fetches by itself: sign-ins and traces from Graph, the gateway's own history.

Leaves to others: the pages (inventory.live) and reading (inventory). Invariant: no token and no secret is shown.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from mailferry.cli.output import Exit, fail, talk

if TYPE_CHECKING:
    from mailferry.config.schema import Config, TenantSettings

_SPOOL_FILE = "spool.db"


def spool_file(config: Path, words: dict[str, str]) -> Path:
    """The database of the configured spool."""
    from mailferry.app.build import spool_directory

    file = spool_directory(_config(config, words)) / _SPOOL_FILE
    if not file.is_file():
        fail(words["no_spool"].format(file=file), words["run_as"], Exit.UNAVAILABLE)
    return file


@contextmanager
def download(
    config: Path, tenant: str, days: int, words: dict[str, str], *, live: bool, traces: bool
) -> Iterator[list[Path]]:
    """Files of what was fetched, there while the context is open; none without `live` or `traces`."""
    if not (live or traces):
        yield []
        return
    whole = _config(config, words)
    one = _tenant(whole, config, tenant, words)
    if traces and one.cloud != "worldwide":  # Learn, "List messageTraces", national clouds (2026-01)
        fail(words["no_traces"].format(cloud=one.cloud), words["no_traces_hint"], Exit.USAGE)
    with tempfile.TemporaryDirectory() as folder:
        signins = Path(folder) / f"Microsoft Graph auditLogs signIns {days}d.ndjson" if live else None
        traced = Path(folder) / f"Microsoft Graph messageTraces {days}d.ndjson" if traces else None
        asyncio.run(_fetch(whole, one, days, signins, traced, words))
        yield [file for file in (signins, traced) if file is not None and file.stat().st_size]


async def _fetch(
    config: Config,
    tenant: TenantSettings,
    days: int,
    signins: Path | None,
    traced: Path | None,
    words: dict[str, str],
) -> None:
    from mailferry.app.build import build_broker
    from mailferry.clock import SystemClock, utc
    from mailferry.inventory.live import Endpoint, download, download_traces
    from mailferry.m365.clouds import cloud
    from mailferry.obs.maillog import MailLog
    from mailferry.obs.metrics import Metrics
    from mailferry.tokens.api import TokenError

    clock, place = SystemClock(), cloud(tenant.cloud)
    broker = build_broker(config, os.environ, clock, MailLog(lambda level, event, fields: None, Metrics()))

    async def token() -> str:
        return (await broker.token(tenant.name, place.graph_scope)).value

    until = utc(clock.time())
    since, endpoint = until - timedelta(days=days), Endpoint(place.graph)
    try:
        with talk().status(words["asking"].format(count=0)) as status:

            def told(text: str) -> Callable[[int], None]:
                return lambda count: status.update(text.format(count=f"{count:,}"))

            if signins is not None:
                await download(endpoint, token, clock, since, signins, told(words["asking"]))
            if traced is not None:
                await download_traces(endpoint, token, clock, since, until, traced, told(words["asking_traces"]))
    except TokenError as error:
        fail(words["no_token"].format(cause=error.cause), code=Exit.UNAVAILABLE)
    finally:
        await broker.close()


def _config(config: Path, words: dict[str, str]) -> Config:
    from mailferry.config.load import ConfigurationError, load_config

    if not config.is_file():
        fail(words["no_config"], f"--config {config}", Exit.CONFIGURATION)
    try:
        return load_config(config)
    except ConfigurationError as error:
        fail(str(error), f"`mailferry check {config}` shows every problem", Exit.CONFIGURATION)


def _tenant(config: Config, file: Path, name: str, words: dict[str, str]) -> TenantSettings:
    names = [each.name for each in config.tenants]
    if not name and len(names) > 1:
        fail(words["wants"].format(names=", ".join(names)), code=Exit.USAGE)
    found = next((each for each in config.tenants if not name or each.name == name), None)
    if found is None:
        fail(words["no_tenant"].format(name=name or "…", file=file), ", ".join(names), Exit.USAGE)
    return found
