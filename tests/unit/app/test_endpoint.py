"""What /healthz says, over HTTP, and that one failing step of a stop skips no other."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from mailferry.app.endpoint import Endpoint
from mailferry.app.gateway import Gateway
from mailferry.clock import ManualClock
from mailferry.config.load import load_config
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics


@pytest.mark.parametrize(
    ("trouble", "troubles", "health", "sending"),
    [
        ("", [], (200, "ok\n"), (200, "ok\n")),
        ("", ["lane:exo: no token"], (200, "ok\ndegraded: lane:exo: no token\n"), (503, "lane:exo: no token\n")),
        ("disk full", [], (503, "disk full\n"), (503, "disk full\n")),
    ],
)
async def test_health(trouble: str, troubles: list[str], health: tuple[int, str], sending: tuple[int, str]) -> None:
    endpoint = Endpoint("127.0.0.1", 0, Metrics(), lambda: trouble, lambda: troubles)
    await endpoint.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{endpoint.port}") as session:
            for path, expected in (("/healthz", health), ("/healthz/sending", sending)):
                async with session.get(path) as answer:
                    assert (answer.status, await answer.text()) == expected
    finally:
        await endpoint.stop()


CONFIG = """
[gateway]
hostname = "gw.example.com"
state = "{state}"
[[listener]]
name = "in"
address = "127.0.0.1:0"
tls = "none"
authentication = "none"
[[client]]
name = "scanner"
networks = ["192.0.2.0/24"]
recipients = "anywhere"
[[route]]
name = "relay"
type = "smarthost"
host = "relay.example.com"
"""


async def test_a_step_that_fails_skips_no_other(clock: ManualClock, tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(CONFIG.format(state=tmp_path))
    lines: list[tuple[str, str]] = []
    log = MailLog(lambda level, event, fields: lines.append((event, str(fields.get("step", "")))), Metrics())
    gateway = Gateway(load_config(tmp_path / "m.toml"), clock, log, {})
    await gateway.start()
    ended = gateway.scheduler.stop

    async def fail() -> None:
        await ended()
        raise OSError("no")

    gateway.scheduler.stop = fail  # type: ignore[method-assign]
    await gateway.stop(0)
    assert ("stopping failed", "scheduler") in lines
    assert lines[-1] == ("stopped", "")
    again = Gateway(load_config(tmp_path / "m.toml"), clock, log, {})  # the spool's lock was let go
    await again.start()
    await again.stop(0)
