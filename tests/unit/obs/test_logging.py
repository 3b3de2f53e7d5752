"""The log's lines: form, redaction, buffering and what happens when they cannot be written."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.clock import ManualClock
from mailferry.obs.logging import FLUSH_SECONDS, Log
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics


def make(form: str = "json", *, journal: bool = False) -> tuple[Log, io.BytesIO]:
    stream = io.BytesIO()
    return Log(stream, ManualClock(1_800_000_000.25), form=form, journal=journal), stream


def lines(stream: io.BytesIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_line() -> None:
    log, stream = make()
    MailLog(log.sink, Metrics()).accepted("01H8", "submission", "printers", "192.0.2.14", "scan@example.test", 1, 42)
    log.flush()
    assert lines(stream) == [
        {
            "time": "2027-01-15T08:00:00.250Z",
            "level": "info",
            "event": "accepted",
            "message": "01H8",
            "listener": "submission",
            "client": "printers",
            "address": "192.0.2.14",
            "sender": "scan@example.test",
            "recipients": 1,
            "size": 42,
        }
    ]


def test_console_line() -> None:
    log, stream = make("console")
    log.sink("warning", "login failed", {"account": "scan", "password": "hunter22"})
    text = stream.getvalue().decode()
    assert "login failed" in text
    assert "account=scan" in text
    assert "hunter22" not in text


def test_journal_priority() -> None:
    log, stream = make(journal=True)
    log.sink("error", "alarm", {})
    assert stream.getvalue().startswith(b'<3>{"time":')


def test_text_that_no_encoding_takes() -> None:
    log, stream = make()
    log.sink("warning", "rejected", {"sender": "\udc80\x00\n"})
    assert stream.getvalue().count(b"\n") == 1


async def test_info_lines_are_gathered_and_warnings_are_not() -> None:
    log, stream = make()
    log.sink("info", "one", {})
    log.sink("info", "two", {})
    assert stream.getvalue() == b""
    log.sink("warning", "three", {})
    assert [line["event"] for line in lines(stream)] == ["one", "two", "three"]


async def test_gathered_lines_are_written_in_time() -> None:
    log, stream = make()
    loop = asyncio.get_running_loop()
    log.sink("info", "one", {})
    due = loop.create_future()
    loop.call_later(FLUSH_SECONDS * 1.5, due.set_result, None)
    await due
    assert len(lines(stream)) == 1


async def test_much_is_written_at_once() -> None:
    log, stream = make()
    for _ in range(1000):
        log.sink("info", "x" * 100, {})
    assert len(stream.getvalue()) > 64 * 1024
    log.close()
    assert len(lines(stream)) == 1000


def test_a_closed_stream_loses_lines_and_nothing_else() -> None:
    log, stream = make()
    stream.close()
    log.sink("error", "alarm", {})
    assert log.lost == 1


def test_structlog_ends_in_the_same_lines() -> None:
    log, stream = make()
    log.logger.bind(lane="exo").info("lane resumed", token="abc")
    try:
        raise ValueError("no")
    except ValueError:
        log.logger.exception("broken")
    log.flush()
    first, second = lines(stream)
    assert (first["event"], first["lane"], first["token"]) == ("lane resumed", "exo", "[redacted]")
    assert second["level"] == "error"
    assert "ValueError: no" in second["exception"]


def test_libraries_are_captured() -> None:
    log, stream = make()
    log.capture()
    logging.getLogger("aiohttp.client").warning("got %s", "Bearer abcdefgh12345")
    logging.getLogger("aiohttp.client").info("not shown")
    log.close()
    logging.getLogger("aiohttp.client").warning("after close")
    assert [(line["event"], line["logger"], line["text"]) for line in lines(stream)] == [
        ("library", "aiohttp.client", "got Bearer [redacted]")
    ]


SECRETS = st.text(st.sampled_from("ABCDEFGHJKLMNPQRSTUVWXYZ23456789"), min_size=12, max_size=40)
CARRIERS = st.sampled_from(
    [
        lambda s: {"password": s},
        lambda s: {"detail": {"client_secret": s}},
        lambda s: {"detail": [{"access-token": s}]},
        lambda s: {"reason": f"Authorization: Bearer {s}"},
        lambda s: {"reason": f"AUTH PLAIN {s}"},
        lambda s: {"reason": f"token={s}; next"},
        lambda s: {"reason": base64.b64encode(f"user=a\x01auth=Bearer {s}\x01\x01".encode()).decode()},
        lambda s: {"error": ValueError(f"password: {s}")},
    ]
)

#: What else stands in the line: anything that cannot spell the secret by itself.
OTHERS = st.text(st.characters(exclude_characters="ABCDEFGHJKLMNPQRSTUVWXYZ23456789"))


@given(SECRETS, CARRIERS, st.sampled_from(["json", "console"]), st.sampled_from(["info", "warning"]), OTHERS)
def test_no_secret_in_any_line(secret: str, carrier: Any, form: str, level: str, other: str) -> None:
    log, stream = make(form)
    log.sink(level, "event", {"other": other, **carrier(secret)})
    log.close()
    text = stream.getvalue().decode()
    assert secret not in text
    assert base64.b64encode(secret.encode()).decode()[4:12] not in text


@pytest.mark.parametrize("event", ["token", "token failed"])
def test_token_events_keep_their_fields(event: str) -> None:
    log, stream = make()
    log.sink("error", event, {"credential": "contoso", "scope": "https://outlook.office365.com/.default"})
    assert lines(stream)[0]["credential"] == "contoso"


@pytest.mark.parametrize("form", ["json", "console"])
def test_what_others_said_forges_no_line(form: str) -> None:
    """One event is one line, and none of its characters moves a terminal's cursor."""
    log, stream = make(form)
    reply = "550 no\r\n12:00:00 [info] login account=root\x1b[2J\x9b2J\x85"
    MailLog(log.sink, Metrics()).failed("01H8", "exo/x@y", "a@b", reply, expired=False)
    log.flush()
    text = stream.getvalue().decode()
    assert text.count("\n") == 1
    assert "\x1b" not in text
    assert form == "json" or text.rstrip("\n").isprintable()
