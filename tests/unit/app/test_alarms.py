"""A gateway that cannot send says so by another way than mail, and shows it in /healthz."""

from __future__ import annotations

import asyncio
import smtplib
import socket
from pathlib import Path

import aiohttp

from mailferry.app.gateway import Gateway
from mailferry.clock import SystemClock
from mailferry.config.load import load_config
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics

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
networks = ["127.0.0.0/8"]
recipients = "anywhere"
[[route]]
name = "relay"
type = "smarthost"
host = "127.0.0.1"
port = 1
tls = "none"
[[alarm]]
name = "siem"
type = "syslog"
address = "{log}"
gather = "0s"
language = "ja"
[metrics]
address = "127.0.0.1:0"
"""


def send(port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=25) as client:
        client.sendmail("scan@example.com", "a@example.net", "Subject: x\r\n\r\nhello\r\n")


async def test_a_route_that_is_gone(tmp_path: Path) -> None:
    path = str(tmp_path / "log")
    (tmp_path / "m.toml").write_text(CONFIG.format(state=tmp_path / "state", log=path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(path)
        server.setblocking(False)
        gateway = Gateway(load_config(tmp_path / "m.toml"), SystemClock(), MailLog(lambda *_: None, Metrics()), {})
        await gateway.start()
        try:
            await asyncio.to_thread(send, gateway.listeners.addresses("in")[0][1])
            async with asyncio.timeout(20):
                line = (await asyncio.get_running_loop().sock_recv(server, 4096)).decode()
            assert "送信が停止しています (緊急): relay" in line
            assert gateway.endpoint is not None
            async with aiohttp.ClientSession(f"http://127.0.0.1:{gateway.endpoint.port}") as http:
                async with http.get("/healthz") as answer:
                    assert (answer.status, (await answer.text())[:22]) == (200, "ok\ndegraded: lane:rela")
                async with http.get("/healthz/sending") as answer:
                    assert answer.status == 503
        finally:
            await gateway.stop(0)
