"""What a hostile page, name, sender or form can do: nothing."""

from __future__ import annotations

import asyncio
import re

import pytest
from yarl import URL

from mailferry.console.hosts import Hosts
from mailferry.console.serve import Console
from mailferry.mail.message import format_id
from mailferry.spool.api import Alarm, State
from support.console import Browser, Place

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.mark.parametrize("host", ["evil.example", "gw.example.com.evil.example", "localhost.evil.example", "", "a b"])
async def test_a_foreign_name_is_refused_even_with_a_session(admin: Browser, host: str) -> None:
    await admin.get("/", headers={"Host": host})
    assert admin.status == 421
    assert "script-src" not in admin.headers["Content-Security-Policy"]
    await admin.get("/static/console.css", headers={"Host": host})
    assert admin.status == 421


@pytest.mark.parametrize("host", ["localhost:8025", "127.0.0.1", "[::1]:8025", "GW.example.com", "gw.example.com.:443"])
async def test_its_own_names_are_answered(admin: Browser, host: str) -> None:
    await admin.get("/timeline", headers={"Host": host})
    assert admin.status == 200


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({}, True),
        ({"Origin": "http://localhost:8025", "Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": "https://gw.example.com"}, True),
        ({"Origin": "null"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "https://localhost.evil.example"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:1"}, False),
    ],
)
def test_changes_come_from_pages_of_the_console(headers: dict[str, str], own: bool) -> None:
    assert Hosts(["gw.example.com"]).own(headers) is own


@pytest.mark.parametrize("token", ["", "x", "é", "0" * 10_000])
async def test_a_form_without_the_token_changes_nothing(admin: Browser, place: Place, token: str) -> None:
    message = await place.put()
    fields = [("id", format_id(message)), ("action", "hold")]
    await admin.get("/messages")
    await admin.post("/messages", fields, csrf=token)
    assert admin.status == 403
    assert await place.states(message) == ["queued"]
    await admin.get("/messages")
    await admin.post("/messages", fields)
    assert (admin.status, await place.states(message)) == (303, ["held"])


async def test_the_token_of_another_session_changes_nothing(admin: Browser, console: Console, place: Place) -> None:
    message = await place.put()
    await admin.get("/messages")
    async with Browser(console) as other:
        await other.sign_in()
        await other.post("/messages", [("id", format_id(message)), ("action", "hold")], csrf=admin.csrf)
        assert other.status == 403
    assert await place.states(message) == ["queued"]


async def test_a_form_of_another_site_changes_nothing(admin: Browser, place: Place) -> None:
    message = await place.put()
    await admin.get("/messages")
    fields = [("id", format_id(message)), ("action", "hold")]
    await admin.post("/messages", fields, headers={"Origin": "https://evil.example"})
    assert (admin.status, await place.states(message)) == (403, ["queued"])


async def test_nobody_acts_without_a_session(browser: Browser, place: Place) -> None:
    message = await place.put()
    await browser.get("/login")
    await browser.post("/messages", [("id", format_id(message)), ("action", "hold")])
    assert (browser.status, await place.states(message)) == (403, ["queued"])


async def test_a_login_form_of_another_visitor_lets_nobody_in(browser: Browser, console: Console) -> None:
    async with Browser(console) as other:
        await other.get("/login")
        await browser.get("/login")
        await browser.post("/login", [("password", "x")], csrf=other.csrf)
        assert browser.status == 403
        assert "too old or came from elsewhere" in browser.text


async def test_what_others_wrote_comes_out_as_text(admin: Browser, place: Place) -> None:
    sender = '"<script>alert(1)</script>"@example.org'
    message = await place.put(
        '"<img src=x onerror=alert(1)>"@example.org', sender=sender, subject=HOSTILE, client="<b>scanner</b>"
    )
    await place.answered(message, State.DEFERRED, f"451 4.7.0 {HOSTILE}")
    await place.gateway.raise_alarm(Alarm("lane:<x>", place.clock.time(), HOSTILE, f"do `{HOSTILE}`"))
    pages = [await admin.get(page) for page in ("/", "/messages", f"/messages/{format_id(message)}", f"/{HOSTILE}")]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in pages[2]
    for text in pages:
        assert re.findall(r"<(?:script|img|b)\b", text) == []
        assert re.findall(r"<[^>]*\son\w+=", text) == []


@pytest.mark.parametrize("page", ["//evil.example/", "/\\evil.example", "/%2F%2Fevil.example"])
async def test_no_link_of_a_page_leads_elsewhere(admin: Browser, page: str) -> None:
    await admin.get(URL(f"{admin.base}{page}", encoded=True))  # type: ignore[arg-type]
    assert admin.status == 404
    assert re.findall(r'href="(?!/[^/\\])(?!/")(?!#)[^"]*"', admin.text) == []


@pytest.mark.parametrize("value", ["%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "%00", "%ff"])
async def test_what_the_address_says_comes_out_as_text(admin: Browser, value: str) -> None:
    await admin.get(f"/messages?sender={value}&client={value}&lang={value}")
    assert admin.status == 200
    assert "<script" not in admin.text


@pytest.mark.parametrize("query", ["state=nonsense", "age=newer-9y", "age=1h", "after=!", "after=" + "Z" * 13])
async def test_a_filter_that_makes_no_sense(admin: Browser, query: str) -> None:
    await admin.get(f"/messages?{query}")
    assert admin.status == 400


@pytest.mark.parametrize("page", ["/", "/login", "/static/console.css", "/static/nothing", "/nothing", "/messages/!"])
async def test_every_answer_has_the_policy(admin: Browser, page: str) -> None:
    await admin.get(page)
    policy = admin.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert admin.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_form_that_is_too_large(admin: Browser) -> None:
    await admin.get("/messages")
    await admin.post("/messages", [("id", "0" * 100_000)])
    assert admin.status == 413


async def test_a_failure_inside_is_told_to_the_log_alone(
    admin: Browser, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mailferry.ops import timeline

    def fail(*_: object) -> None:
        raise RuntimeError("the cause")

    monkeypatch.setattr(timeline, "count", fail)
    await admin.get("/timeline")
    assert admin.status == 500
    assert "the cause" not in admin.text
    assert place.lines[-1][2]["cause"] == "RuntimeError: the cause"


async def test_many_sessions_push_out_the_idle_ones_and_take_no_memory(console: Console) -> None:
    site = console._site
    assert site is not None
    first = site.sessions.begin()
    others = [site.sessions.begin() for _ in range(200)]
    await asyncio.sleep(0)
    assert site.sessions.find(first) is None
    assert site.sessions.find(others[-1]) is not None
    assert sum(site.sessions.find(one) is not None for one in others) == 100
