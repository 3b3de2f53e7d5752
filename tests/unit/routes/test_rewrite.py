"""A message sent as another: header edited, all else untouched, nothing read that need not be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.mail.body import CHUNK, Body, BytesBody
from mailferry.routes.rewrite import as_account
from support.transport_contract import FileBody

ACCOUNT = "bulk@contoso.example"


async def whole(body: Body) -> bytes:
    data = b"".join([chunk async for chunk in body.chunks()])
    assert len(data) == body.size
    assert body.inline in (None, data)
    return data


@pytest.fixture(params=[BytesBody, FileBody])
def carry(request: pytest.FixtureRequest) -> type:
    return request.param  # type: ignore[no-any-return]


async def test_from_names_the_account_and_the_original_stays_known(carry: type) -> None:
    data = b"Received: x\r\nFrom: =?utf-8?q?K=C3=B6ln?= <erp@contoso.example>\r\nSubject: s\r\n\r\nFrom: body\r\n"
    assert await whole(await as_account(carry(data), ACCOUNT)) == (
        b"Received: x\r\nFrom: =?utf-8?q?K=C3=B6ln?= <bulk@contoso.example>\r\nSubject: s\r\n"
        b"Reply-To: =?utf-8?q?K=C3=B6ln?= <erp@contoso.example>\r\n"
        b"X-Mailferry-Original-From: =?utf-8?q?K=C3=B6ln?= <erp@contoso.example>\r\n"
        b"\r\nFrom: body\r\n"
    )


async def test_a_reply_to_that_is_there_stays(carry: type) -> None:
    data = b"From: a@contoso.example\r\nReply-To: desk@contoso.example\r\n\r\n"
    assert await whole(await as_account(carry(data), ACCOUNT)) == (
        b"From: <bulk@contoso.example>\r\nReply-To: desk@contoso.example\r\n"
        b"X-Mailferry-Original-From: a@contoso.example\r\n\r\n"
    )


async def test_a_line_that_a_client_wrote_is_not_taken_for_ours(carry: type) -> None:
    data = b"X-Mailferry-Original-From: boss@contoso.example\r\nFrom: a@contoso.example\r\n\r\n"
    edited = await whole(await as_account(carry(data), ACCOUNT))
    assert edited.count(b"X-Mailferry-Original-From: a@contoso.example\r\n") == 1
    assert b"boss" not in edited


async def test_a_folded_from_stays_folded(carry: type) -> None:
    data = b"From: One\r\n <a@contoso.example>\r\n\r\n"
    edited = await whole(await as_account(carry(data), ACCOUNT))
    assert b"X-Mailferry-Original-From: One\r\n <a@contoso.example>\r\n" in edited


async def test_what_comes_from_the_account_already_is_not_touched(carry: type) -> None:
    body = carry(b"From: <bulk@contoso.example>\r\n\r\nx\r\n")
    assert await as_account(body, ACCOUNT) is body


async def test_no_from_at_all_gets_one(carry: type) -> None:
    assert await whole(await as_account(carry(b"Subject: s\r\n\r\nx"), ACCOUNT)) == (
        b"Subject: s\r\nFrom: <bulk@contoso.example>\r\n\r\nx"
    )


class Counting:
    """Ten megabytes that say how far they were read."""

    def __init__(self) -> None:
        self.head = b"From: a@contoso.example\r\n\r\n".ljust(CHUNK, b"x")
        self.size = 40 * CHUNK
        self.inline: bytes | None = None
        self.read = 0
        self.open = 0

    async def chunks(self) -> AsyncIterator[bytes]:
        self.open += 1
        try:
            for number in range(40):
                self.read += 1
                yield b"y" * CHUNK if number else self.head
        finally:
            self.open -= 1


async def test_only_the_header_is_read_before_sending() -> None:
    body = Counting()
    edited = await as_account(body, ACCOUNT)
    assert (body.read, body.open) == (1, 0)
    largest = max([len(chunk) async for chunk in edited.chunks()])
    assert (body.read, body.open) == (41, 0)
    assert largest <= CHUNK


async def test_the_file_is_closed_when_sending_stops_early() -> None:
    body = Counting()
    chunks = (await as_account(body, ACCOUNT)).chunks()
    for _ in range(3):
        await anext(chunks)
    await chunks.aclose()  # type: ignore[attr-defined]
    assert body.open == 0


class Crumbs:
    """A body in chunks of any length."""

    inline: bytes | None = None

    def __init__(self, data: bytes, length: int) -> None:
        self._data, self._length, self.size = data, length, len(data)

    async def chunks(self) -> AsyncIterator[bytes]:
        for start in range(0, self.size, self._length):
            yield self._data[start : start + self._length]


@given(
    head=st.lists(
        st.sampled_from([b"From: A <a@x.example>\r\n", b"Subject: s\r\n\tt\r\n", b"Sender: s@x.example\r\n"])
    ),
    rest=st.binary(max_size=60),
    length=st.integers(1, 40),
)
def test_however_it_comes_the_same_goes_out(head: list[bytes], rest: bytes, length: int) -> None:
    data = b"".join(head) + b"\r\n" + rest

    async def check() -> None:
        once = await whole(await as_account(BytesBody(data), ACCOUNT))
        assert once.endswith(b"\r\n" + rest)
        assert await whole(await as_account(Crumbs(data, length), ACCOUNT)) == once
        assert await whole(await as_account(BytesBody(once), ACCOUNT)) == once

    asyncio.run(check())
