"""The pages: what a message brings along stays text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from mailferry.sandbox.control import Control
from support.sandbox_lab import Lab

SCANNER, IT = "scanner@contoso.example", "it@contoso.example"
EVIL = "<script>alert(1)</script>"
Client = TestClient[Any, Any]


@pytest.fixture
async def client(lab: Lab) -> AsyncIterator[Client]:
    async with TestClient(TestServer(Control(lab.world, dict).application())) as client:
        yield client


async def page(client: Client, path: str) -> str:
    answer = await client.get(path)
    assert answer.status == 200
    return await answer.text()


async def test_empty(client: Client) -> None:
    text = await page(client, "/inbox")
    assert "Nothing has arrived here." in text
    assert "scanner@contoso.example" in text


async def test_everything_is_escaped(client: Client, lab: Lab) -> None:
    message = (
        f'From: "{EVIL}" <scanner@contoso.example>\r\nTo: {EVIL}\r\nSubject: {EVIL}\r\nMessage-ID: <"{EVIL}"@x>\r\n'
        f"\r\n{EVIL}\r\n"
    ).encode()
    assert lab.logged_in().send(SCANNER, IT, message=message).startswith("250")
    for path in ("/inbox", f"/inbox?box={IT}&folder=Inbox", "/inbox/message/0000001", f"/inbox?box={EVIL}"):
        text = await page(client, path)
        assert "<script" not in text.lower()
        assert "&lt;script&gt;alert(1)" in text


@pytest.mark.parametrize(
    "path", ["/inbox", "/inbox/message/0000001", "/inbox/style.css", "/inbox/message/0000001/source"]
)
async def test_policy_allows_no_script(client: Client, lab: Lab, path: str) -> None:
    lab.logged_in().send(SCANNER, IT)
    answer = await client.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self';")
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_page_asks_for_nothing_of_other_sites(client: Client, lab: Lab) -> None:
    lab.logged_in().send(SCANNER, IT)
    for path in ("/inbox", "/inbox/message/0000001", "/inbox/style.css"):
        text = await page(client, path)
        assert "http:" not in text
        assert "https:" not in text
        assert "<img" not in text


async def test_message_view(client: Client, lab: Lab) -> None:
    message = (
        b"From: scanner@contoso.example\r\nTo: IT <it@contoso.example>\r\nSubject: =?utf-8?b?44K544Kt44Oj44Oz?=\r\n"
        b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n'
        b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n"
        b"\x1b$B%9%-%c%s\x1b(B done\r\n--b\r\nContent-Type: application/pdf; name=scan.pdf\r\n"
        b"Content-Disposition: attachment; filename=scan.pdf\r\n\r\n%PDF\r\n--b--\r\n"
    )
    lab.logged_in().send(SCANNER, IT, message=message)
    text = await page(client, "/inbox/message/0000001")
    assert "<h2>スキャン</h2>" in text
    assert "スキャン done" in text
    assert "scan.pdf" in text
    assert "scanner@contoso.example (LOGIN)" in text
    source = await client.get("/inbox/message/0000001/source")
    assert source.content_type == "text/plain"
    assert (await source.read()).endswith(message)


async def test_html_is_shown_as_source(client: Client, lab: Lab) -> None:
    message = b"From: scanner@contoso.example\r\nContent-Type: text/html\r\n\r\n<img src=x onerror=alert(1)>\r\n"
    lab.logged_in().send(SCANNER, IT, message=message)
    text = await page(client, "/inbox/message/0000001")
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "<img" not in text


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Type: text/plain; charset=nonsense\r\n\r\nx",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!",
        b"Subject: \xff\xfe\r\n\r\n\xff",
        b"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b--",
        b"\r\n",
        b"no header at all",
    ],
)
async def test_broken_messages_have_a_page(client: Client, lab: Lab, rest: bytes) -> None:
    lab.logged_in().send(SCANNER, IT, message=b"From: scanner@contoso.example\r\n" + rest + b"\r\n")
    await page(client, "/inbox")
    await page(client, "/inbox/message/0000001")


async def test_no_such_message(client: Client) -> None:
    assert (await client.get("/inbox/message/none")).status == 404
    assert (await client.get("/inbox/message/none/source")).status == 404
