"""Every letter of the corpus on the way that is expected of it: identical, edited by name, or refused with a reason."""

from __future__ import annotations

import base64
import email
from collections.abc import AsyncIterator
from email.message import Message

import pytest

from corpus.letters import LETTERS, MAILBOX, Letter
from mailferry.mail.body import BytesBody
from mailferry.mail.fidelity import assess
from mailferry.mail.headers import Header, mailboxes
from mailferry.mail.mime import scan
from support.graph_upstream import GraphUpstream, graph_bench
from support.transport_contract import (
    Bench,
    FileBody,
    assert_delivered,
    assert_failed,
    assert_held,
)

NAMED = {letter.name: letter for letter in LETTERS}


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with graph_bench() as made:
        yield made


@pytest.fixture(params=NAMED)
def letter(request: pytest.FixtureRequest) -> Letter:
    return NAMED[request.param]


def upstream(bench: Bench) -> GraphUpstream:
    assert isinstance(bench.upstream, GraphUpstream)
    return bench.upstream


def test_there_are_enough() -> None:
    assert len(NAMED) == len(LETTERS) >= 40


async def test_a_letter_goes_its_way(bench: Bench, letter: Letter) -> None:
    for body in (BytesBody(letter.data), FileBody(letter.data)):
        result = await bench.send(*letter.to, body=body, mailbox=MAILBOX)
        if letter.way == "failed":
            assert_failed(result, letter.says)
        elif letter.way == "held":
            assert_held(result, "sender", letter.says)
        else:
            assert_delivered(result)
    got = {base64.b64decode(one.body, validate=True) for one in upstream(bench).mails}
    if letter.way in ("failed", "held"):
        assert got == set()
        return
    (arrived,) = got
    assert named(arrived) == {address.lower() for address in letter.to}, "the recipients, all of them, nobody else"
    if letter.way == "identical":
        assert arrived == letter.data
    elif letter.edited:
        assert differing(letter.data, arrived) == set(letter.edited)


def named(data: bytes) -> set[str]:
    """Whom the service would mail, by its own reading of the header."""
    head = data.partition(b"\r\n\r\n")[0] + b"\r\n"
    header = Header(head)
    texts = [
        header.raw[start:end].partition(b":")[2] for name in (b"to", b"cc", b"bcc") for start, end in header.spans(name)
    ]
    return {one.address.lower() for text in texts for one in mailboxes(text)}


def differing(before: bytes, after: bytes) -> set[str]:
    """The fields, and "text", that are not the same, by the standard library's reading."""
    one, other = email.message_from_bytes(before), email.message_from_bytes(after)
    found = {name.lower() for name in {*one.keys(), *other.keys()} if values(one, name) != values(other, name)}
    return found | ({"text"} if before.partition(b"\r\n\r\n")[2] != after.partition(b"\r\n\r\n")[2] else set())


def values(message: Message, name: str) -> list[str]:
    return [str(value) for value in message.get_all(name, [])]


async def test_what_json_would_lose(letter: Letter) -> None:
    report = assess(await scan(FileBody(letter.data)))
    kinds = {finding.kind for finding in report.findings}
    assert report.severity.name.lower() == letter.json, report.findings
    assert kinds >= set(letter.kinds), report.findings
    if letter.json != "damage" and b"\r\n\r\n" in letter.data:
        assert report.text is not None or report.attachments


async def test_a_broken_header_names_nobody_more(bench: Bench) -> None:
    letter = NAMED["broken-header"]
    assert_delivered(await bench.send(*letter.to, data=letter.data, mailbox=MAILBOX))
    (asked,) = upstream(bench).mails
    head, _, text = base64.b64decode(asked.body).partition(b"\r\n\r\n")
    assert b"eve@" not in head
    assert text.startswith(b"this is no field\r\nTo: eve@")
