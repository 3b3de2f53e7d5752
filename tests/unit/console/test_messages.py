"""The queue in the browser: finding mail, reading its history, acting on it."""

from __future__ import annotations

import pytest

from mailferry.console.messages import PAGE
from mailferry.mail.message import format_id
from mailferry.spool.api import Filter, State
from support.console import Browser, Place

REPLY = "550 5.7.30 Basic authentication is not supported for Client Submission"


async def test_the_list_is_filtered(admin: Browser, place: Place) -> None:
    await place.put("one@example.org", sender="erp@example.com", client="erp")
    held = await place.put("two@example.org", sender="", client="scanner")
    await place.gateway.hold(Filter(ids=(held,)), place.clock.time(), "test")

    async def shown(query: str) -> set[str]:
        text = await admin.get(f"/messages?{query}")
        assert admin.status == 200
        return {name for name in ("one", "two") if f"{name}@example.org" in text}

    assert await shown("") == {"one", "two"}
    assert await shown("state=held") == {"two"}
    assert await shown("state=delivered") == set()
    assert await shown("state=all") == {"one", "two"}
    assert await shown("sender=erp@*") == {"one"}
    assert await shown("sender=%3C%3E") == {"two"}
    assert await shown("recipient=two*&client=scanner") == {"two"}
    assert await shown("lane=nothing") == set()
    assert await shown("age=newer-15m") == {"one", "two"}
    place.clock.advance(1000)
    assert await shown("age=newer-15m") == set()
    assert await shown("age=older-15m") == {"one", "two"}


async def test_a_long_queue_is_turned_over(admin: Browser, place: Place) -> None:
    ids = [format_id(await place.put()) for _ in range(PAGE + 2)]
    text = await admin.get("/messages?client=scanner")
    assert ids[PAGE - 1] in text
    assert ids[PAGE] not in text
    assert "/messages?client=scanner&amp;after=" in text
    text = await admin.get(f"/messages?client=scanner&after={ids[PAGE - 1]}")
    assert [f"/messages/{one}" in text for one in ids[-3:]] == [False, True, True]
    assert 'rel="next"' not in text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("What the last reply means", "Cause", "What to do", "deferred")),
        ("ja", ("最後の応答の意味", "原因", "対処方法")),
    ],
)
async def test_one_message_with_its_history_and_what_the_reply_means(
    admin: Browser, place: Place, language: str, words: tuple[str, ...]
) -> None:
    message = await place.put("one@example.org", subject="請求書")
    await place.answered(message, State.DEFERRED, REPLY)
    text = await admin.get(f"/messages/{format_id(message)}?lang={language}")
    assert admin.status == 200
    for word in (*words, "請求書", "192.0.2.7", "one@example.org", REPLY, "2026-11-24 09:10:00"):
        assert word in text
    assert "MC786329" in text
    assert "The body that nobody sees" not in text


async def test_an_unknown_reply_is_called_unknown(admin: Browser, place: Place) -> None:
    message = await place.put()
    await place.answered(message, State.DEFERRED, "451 4.3.0 the moon is full")
    text = await admin.get(f"/messages/{format_id(message)}")
    assert "This reply is not in the catalogue." in text
    assert "4xx: a temporary refusal" in text


async def test_many_recipients_with_one_reply_are_explained_once(admin: Browser, place: Place) -> None:
    message = await place.put(*(f"user{number}@example.org" for number in range(600)))
    await place.answered(message, State.DEFERRED, REPLY)
    text = await admin.get(f"/messages/{format_id(message)}")
    assert text.count('<article class="meaning">') == 1
    assert "The first 500;" in text
    assert "The last 500;" in text
    assert "and 597 more" in await admin.get("/messages")


@pytest.mark.parametrize("id", ["0000000000001", "not-an-id", "%3Cscript%3E"])
async def test_a_message_that_is_not_there(admin: Browser, id: str) -> None:
    await admin.get(f"/messages/{id}")
    assert admin.status == 404


async def test_hold_release_and_try_now(admin: Browser, place: Place) -> None:
    message, other = await place.put(), await place.put()
    page = f"/messages/{format_id(message)}"
    for action, state, notice in (
        ("hold", "held", "Recipients held: 1."),
        ("release", "deferred", "Recipients released: 1."),
        ("retry", "deferred", "Recipients tried now: 1."),
        ("settle", "deferred", ""),
    ):
        await admin.get(page)
        await admin.post("/messages", [("id", format_id(message)), ("action", action), ("back", page)])
        if action == "settle":
            assert "Mark as delivered?" in admin.text
            break
        assert (admin.status, admin.place) == (303, page)
        assert await place.states(message) == [state]
        assert notice in await admin.get(page)
        assert notice not in await admin.get(page)
    assert await place.states(other) == ["queued"]
    assert "by console:127.0.0.1" in await admin.get(page)


async def test_dropping_is_asked_about_first(admin: Browser, place: Place) -> None:
    messages = [await place.put(), await place.put()]
    chosen = [("id", format_id(message)) for message in messages]
    await admin.get("/messages")
    await admin.post("/messages", [*chosen, ("action", "drop"), ("back", "/messages?state=queued")])
    assert admin.status == 200
    assert "Drop for good (2)" in admin.text
    assert [await place.states(message) for message in messages] == [["queued"]] * 2
    await admin.post("/messages", [*chosen, ("action", "drop"), ("confirmed", "settle")])
    assert [await place.states(message) for message in messages] == [["queued"]] * 2
    await admin.post(
        "/messages", [*chosen, ("action", "drop"), ("confirmed", "drop"), ("back", "/messages?state=queued")]
    )
    assert (admin.status, admin.place) == (303, "/messages?state=queued")
    assert [await place.states(message) for message in messages] == [["dropped"]] * 2
    assert "Recipients dropped: 2." in await admin.get("/messages")


async def test_what_arrived_is_settled(admin: Browser, place: Place) -> None:
    message = await place.put()
    await place.answered(message, State.UNKNOWN, "no answer came")
    await admin.get("/messages")
    chosen = [("id", format_id(message)), ("action", "settle")]
    await admin.post("/messages", [*chosen, ("confirmed", "settle")])
    assert admin.status == 303
    assert await place.states(message) == ["delivered"]


@pytest.mark.parametrize("action", ["hold", "drop", "settle", "release", "retry"])
async def test_an_empty_choice_is_no_choice(admin: Browser, place: Place, action: str) -> None:
    message = await place.put()
    await admin.get("/messages")
    await admin.post("/messages", [("action", action), ("confirmed", action)])
    assert admin.status == 303
    assert await place.states(message) == ["queued"]
    assert "No message was chosen." in await admin.get("/messages")


@pytest.mark.parametrize(
    "fields",
    [
        [("id", "0000000000001"), ("action", "explode")],
        [("id", "0000000000001")],
        [("id", "*"), ("action", "hold")],
        [("id", ""), ("action", "drop"), ("confirmed", "drop")],
        [*(("id", f"{number:013}") for number in range(PAGE + 1)), ("action", "hold")],
    ],
)
async def test_a_form_that_makes_no_sense(admin: Browser, place: Place, fields: list[tuple[str, str]]) -> None:
    message = await place.put()
    await admin.get("/messages")
    await admin.post("/messages", fields)
    assert admin.status == 400
    assert await place.states(message) == ["queued"]


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/login", "/messages/../logout", ""])
async def test_the_way_back_leads_to_messages(admin: Browser, place: Place, back: str) -> None:
    message = await place.put()
    await admin.get("/messages")
    await admin.post("/messages", [("id", format_id(message)), ("action", "hold"), ("back", back)])
    assert admin.place == "/messages"


async def test_a_spool_that_fails_is_told_and_opened_again(admin: Browser, place: Place, console: object) -> None:
    message = await place.put()
    assert format_id(message) in await admin.get("/messages")
    from mailferry.console.serve import Console

    assert isinstance(console, Console)
    site = console._site
    assert site is not None
    spool = site.mailroom._spool
    assert spool is not None
    await spool.close()
    assert "The queue cannot be shown" in await admin.get("/messages")
    assert format_id(message) in await admin.get("/messages")
