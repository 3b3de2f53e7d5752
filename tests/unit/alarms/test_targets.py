"""Each target against a real receiver: an HTTPS server, sockets, a program."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web

from mailferry.alarms import card
from mailferry.alarms.command import Command
from mailferry.alarms.report import Change
from mailferry.alarms.syslog import LONGEST, Syslog
from mailferry.alarms.target import TargetError
from mailferry.alarms.webhook import Webhook, json_body, teams_body
from mailferry.m365.facts import Text
from unit.alarms.conftest import alarm, report


class Receiver:
    """An HTTPS server that keeps what it gets and answers as told."""

    def __init__(self, ca: trustme.CA) -> None:
        self.got: list[tuple[str, dict[str, Any], str]] = []
        self.status = 202
        self.headers: dict[str, str] = {}
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        ca.issue_cert("localhost").configure_cert(self._context)

    async def start(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_post("/{path:.*}", self._take)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self._context).start()
        self.url = f"https://localhost:{runner.addresses[0][1]}/workflows/sig=THESECRET"
        return runner

    async def _take(self, request: web.Request) -> web.Response:
        self.got.append((request.path, await request.json(), request.headers.get("Authorization", "")))
        return web.Response(status=self.status, headers=self.headers)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(ca: trustme.CA, tmp_path: Path) -> Path:
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return tmp_path / "ca.pem"


@pytest.fixture
async def receiver(ca: trustme.CA) -> AsyncIterator[Receiver]:
    made = Receiver(ca)
    runner = await made.start()
    yield made
    await runner.cleanup()


async def test_plain_json(receiver: Receiver, ca_file: Path) -> None:
    hook = Webhook(lambda: receiver.url, lambda: "Bearer k", json_body("en"), ca_file, 5)
    await hook.send(report(alarm()))
    [(path, body, authorization)] = receiver.got
    assert (path, authorization) == ("/workflows/sig=THESECRET", "Bearer k")
    assert body["gateway"] == "gw.example.com"
    assert body["text"].startswith("Mailferry gw.example.com: Sending has stopped (critical)")
    [one] = body["alarms"]
    assert (one["change"], one["code"], one["severity"]) == ("raised", "lane", "critical")
    assert one["since"] == "2027-01-15T07:00:00+00:00"
    assert one["cure"] == "Check the credential."


async def test_a_teams_card(receiver: Receiver, ca_file: Path) -> None:
    await Webhook(lambda: receiver.url, None, teams_body("ja"), ca_file, 5).send(report(alarm(), alarm("other")))
    body = receiver.got[0][1]
    assert body["type"] == "message"
    [attachment] = body["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    made = attachment["content"]
    assert (made["type"], made["version"]) == ("AdaptiveCard", "1.4")
    assert "警報 2 件" in json.dumps(made, ensure_ascii=False)


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 413, 429, 500, 503])
async def test_refusals_hold_no_secret(receiver: Receiver, ca_file: Path, status: int) -> None:
    receiver.status = status
    receiver.headers = {"Retry-After": "77", "Location": "https://elsewhere.example/"}
    with pytest.raises(TargetError) as caught:
        await Webhook(lambda: receiver.url, None, json_body("en"), ca_file, 5).send(report(alarm()))
    assert str(status) in caught.value.cause
    assert caught.value.retry_after == 77
    assert_no_secret(caught.value, "THESECRET")


async def test_an_untrusted_certificate(receiver: Receiver) -> None:
    with pytest.raises(TargetError, match="not trusted") as caught:
        await Webhook(lambda: receiver.url, None, json_body("en"), None, 5).send(report(alarm()))
    assert receiver.got == []
    assert_no_secret(caught.value, "THESECRET")


@pytest.mark.parametrize("url", ["http://hooks.example/THESECRET", "THESECRET", "", "https://", "ftp://x/THESECRET"])
async def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(TargetError) as caught:
        await Webhook(lambda: url, None, json_body("en"), None, 5).send(report(alarm()))
    assert_no_secret(caught.value, "THESECRET")


async def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/THESECRET"
        with pytest.raises(TargetError, match="cannot be reached") as caught:
            await Webhook(lambda: url, None, json_body("en"), None, 5).send(report(alarm()))
    assert_no_secret(caught.value, "THESECRET")


def assert_no_secret(error: BaseException, secret: str) -> None:
    """Not in it, nor in what a traceback would show with it."""
    inner: BaseException | None = error
    while inner is not None:
        assert secret not in f"{inner} {inner!r}"
        inner = inner.__cause__ or (None if inner.__suppress_context__ else inner.__context__)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_card_stays_below_the_limit(language: str) -> None:
    long = alarm()
    long = type(long)(
        long.code, "鍵" * 3000, long.severity, Text("x" * 9000, "文" * 9000), Text("y" * 9000, "治" * 9000)
    )
    made = card.message(report(*[long] * 300, more=7), language)
    assert len(json.dumps(made)) <= card.LIMIT
    assert ("more" if language == "en" else "ほか") in json.dumps(made, ensure_ascii=False)


def test_what_a_server_says_makes_no_markdown() -> None:
    text = "[click](https://evil.example) **now**"
    one = alarm()
    made = card.message(report(type(one)(one.code, one.key, one.severity, Text(text, text))), "en")
    kinds = set(_types(made))
    assert text in json.dumps(made)
    assert kinds <= {"message", "AdaptiveCard", "Container", "RichTextBlock", "TextRun"}


def _types(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [value[key] for key in ("type",) if key in value] + [
            one for inner in value.values() for one in _types(inner)
        ]
    return [one for inner in value for one in _types(inner)] if isinstance(value, list) else []


# -- syslog ------------------------------------------------------------------------------------------------------------


async def test_syslog_udp() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        address = f"udp://127.0.0.1:{server.getsockname()[1]}"
        await Syslog(address, "mail", "ja", None, 5).send(report(alarm("a\nb"), alarm("c"), change=Change.RESOLVED))
        first, _ = await asyncio.to_thread(server.recvfrom, 4096)
        second, _ = await asyncio.to_thread(server.recvfrom, 4096)
    head, text = first.split(b"\xef\xbb\xbf")
    assert head.startswith(b"<21>1 2027-01-15T08:00:00.000000Z gw.example.com mailferry ")
    assert head.endswith(b" lane - ")
    assert text.decode() == "送信が停止しています (解消): a b - 次のサーバーがログインを拒否しています。"
    assert b": c" in second


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
async def test_syslog_local(kind: socket.SocketKind, tmp_path: Path) -> None:
    path = str(tmp_path / "log")
    with socket.socket(socket.AF_UNIX, kind) as server:
        server.bind(path)
        server.settimeout(5)
        if kind == socket.SOCK_STREAM:
            server.listen()
        await Syslog(path, "daemon", "en", None, 5).send(report(alarm()))
        if kind == socket.SOCK_STREAM:
            link, _ = server.accept()
            with link:
                got = link.recv(4096)
            assert got.endswith(b"\0")
        else:
            got = server.recv(4096)
    assert got.startswith(b"<26>1 ")
    assert b"What to do: Check the credential." in got


@pytest.mark.parametrize("secure", [False, True])
async def test_syslog_stream(secure: bool, ca: trustme.CA, ca_file: Path) -> None:
    got = asyncio.get_running_loop().create_future()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.set_result(await reader.read())
        writer.close()

    context = None
    if secure:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        ca.issue_cert("localhost").configure_cert(context)
    async with await asyncio.start_server(take, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        address = f"{'tls' if secure else 'tcp'}://localhost:{port}"
        await Syslog(address, "local0", "en", ca_file, 5).send(report(alarm("x" * 5000), alarm("y")))
        data = await asyncio.wait_for(got, 5)
    frames = []
    while data:
        length, _, data = data.partition(b" ")
        frames.append(data[: int(length)])
        data = data[int(length) :]
    assert len(frames) == 2
    assert len(frames[0]) == LONGEST
    assert all(each.startswith(b"<130>1 ") for each in frames)


async def test_a_local_socket_that_nobody_reads_holds_no_thread(tmp_path: Path) -> None:
    path = str(tmp_path / "log")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(path)
        full = report(*[alarm()] * 2000)
        with pytest.raises(TargetError, match="did not take it within"):
            await Syslog(path, "mail", "en", None, 0.3).send(full)
    assert not [one for one in threading.enumerate() if one.name.startswith("asyncio_")]


async def test_syslog_nobody_there(tmp_path: Path) -> None:
    for address in (str(tmp_path / "none"), "tcp://127.0.0.1:1"):
        with pytest.raises(TargetError, match=address):
            await Syslog(address, "mail", "en", None, 5).send(report(alarm()))


# -- command -----------------------------------------------------------------------------------------------------------


def program(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "program.py"
    file.write_text(text, encoding="utf-8")
    return [sys.executable, "-I", str(file)]


async def test_a_command_gets_json_and_its_words_as_they_are(tmp_path: Path) -> None:
    words = ["$(touch x); `id` && *", 'a "b"']
    argv = program(
        tmp_path,
        f"import sys, json, os\nd = json.load(sys.stdin)\n"
        f"json.dump([d, sys.argv[1:], dict(os.environ)], open({str(tmp_path / 'out')!r}, 'w'))\n",
    )
    await Command([*argv, *words], "ja", 10).send(report(alarm()))
    made, argv, environment = json.loads((tmp_path / "out").read_text())
    assert argv == words
    assert made["alarms"][0]["text"] == "次のサーバーがログインを拒否しています。"
    assert set(environment) <= {"PATH", "LANG", "LC_CTYPE"}


async def test_a_command_that_fails_says_why_without_secrets(tmp_path: Path) -> None:
    argv = program(tmp_path, "import sys\nsys.stderr.write('no line; password=hunter2\\n' + 'x' * 9999)\nsys.exit(3)")
    with pytest.raises(TargetError, match="ended with code 3: no line; password=") as caught:
        await Command(argv, "en", 10).send(report(alarm()))
    assert "hunter2" not in caught.value.cause


async def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    text = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(pid)!r}, 'w').write(str(child.pid))\ntime.sleep(600)\n"
    )
    with pytest.raises(TargetError, match="did not end within 1 s"):
        await Command(program(tmp_path, text), "en", 1).send(report(alarm()))
    async with asyncio.timeout(20):
        while not gone(pid):  # noqa: ASYNC110 - a signal is sent, then the machine ends the process
            await asyncio.sleep(0)


def gone(pid: Path) -> bool:
    """Whether the process of that number has ended; on a busy machine it may have been ended before it began."""
    state = Path(f"/proc/{pid.read_text()}/stat") if pid.exists() else pid
    try:
        return state.read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


async def test_no_such_command() -> None:
    with pytest.raises(TargetError, match="cannot be run"):
        await Command(["/nowhere/program"], "en", 1).send(report(alarm()))
