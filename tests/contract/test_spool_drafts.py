"""From draft to stored message, over every store."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from mailferry.mail.envelope import Envelope, Origin, Recipient
from mailferry.smtp.commands import BodyType, Notify
from mailferry.spool.api import Accepted, Filter, SpoolError, State
from support.spool_contract import LANE, OTHER, TEXT, Kit, accepted

FULL = Accepted(
    Envelope(
        "",
        (
            Recipient("anna@example.org", Notify.SUCCESS | Notify.DELAY, "rfc822;anna@example.org"),
            Recipient("björn@例え.example", Notify.NEVER),
            Recipient("carl@example.org"),
        ),
        BodyType.EIGHT_BIT,
        True,
        "HDRS",
        "QQ314159",
    ),
    Origin("erp", "2001:db8::7", "erp.example", "erp-user", "TLSv1.3", "submission"),
    "erp@example.com",
    (LANE, OTHER, LANE),
    "<abc@example.com>",
    "Überweisung 請求書",
)


async def test_a_committed_message_is_there_with_everything(kit: Kit) -> None:
    draft = kit.spool.draft()
    draft.write(TEXT[:5])
    draft.write(TEXT[5:])
    assert draft.size == len(TEXT)
    message = await draft.commit(FULL)
    assert message == draft.id
    view = await kit.spool.show(message)
    assert view is not None
    assert view.message.id == message
    assert view.message.envelope == FULL.envelope
    assert view.message.origin == FULL.origin
    assert view.message.size == len(TEXT)
    assert view.message.received_at == kit.clock.time()
    assert (view.message.mailbox, view.message.header_id, view.message.subject) == (
        FULL.mailbox,
        FULL.header_id,
        FULL.subject,
    )
    assert [each.address for each in view.recipients] == [each.address for each in FULL.envelope.recipients]
    assert [each.lane for each in view.recipients] == list(FULL.lanes)
    assert {each.state for each in view.recipients} == {State.QUEUED}
    assert {each.next_attempt for each in view.recipients} == {kit.clock.time()}
    assert await kit.content(message) == TEXT
    assert [(event.kind, event.recipient, event.at) for event in view.events] == [("accepted", None, kit.clock.time())]


async def test_what_is_stored_survives_opening_again(kit: Kit) -> None:
    draft = kit.spool.draft()
    draft.write(TEXT)
    message = await draft.commit(FULL)
    before = await kit.spool.show(message)
    await kit.open()
    assert await kit.spool.show(message) == before
    assert await kit.content(message) == TEXT
    (lease,) = await kit.claim(OTHER)
    assert before is not None
    assert lease.message == before.message
    assert lease.claims[0].recipient == FULL.envelope.recipients[1]
    assert b"".join([chunk async for chunk in lease.body.chunks()]) == TEXT


async def test_an_aborted_draft_leaves_nothing(kit: Kit) -> None:
    draft = kit.spool.draft()
    draft.write(TEXT)
    draft.abort()
    assert await kit.spool.find(Filter()) == []
    assert await kit.spool.show(draft.id) is None
    with pytest.raises(SpoolError):
        draft.write(TEXT)
    with pytest.raises(SpoolError):
        draft.commit(FULL)


async def test_a_draft_ends_once(kit: Kit) -> None:
    draft = kit.spool.draft()
    await draft.commit(FULL)
    with pytest.raises(SpoolError):
        draft.commit(FULL)
    draft.abort()
    assert len(await kit.spool.find(Filter())) == 1


async def test_an_empty_body_is_a_body(kit: Kit) -> None:
    message = await kit.put(body=b"")
    assert await kit.content(message) == b""
    assert (await kit.one()).body.size == 0


@pytest.mark.parametrize("size", [65_536, 65_537, 700_001])
async def test_bodies_of_every_size_come_back_whole(kit: Kit, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    draft = kit.spool.draft(size)
    for start in range(0, size, 40_000):
        draft.write(body[start : start + 40_000])
        if (room := draft.drain()) is not None:
            await room
    message = await draft.commit(accepted("user@example.org"))
    assert await kit.content(message) == body
    lease = await kit.one()
    assert lease.body.size == size
    assert b"".join([chunk async for chunk in lease.body.chunks()]) == body
    await kit.record(lease, kit.move(lease.claims[0]))
    assert await kit.spool.body(message) is None


async def test_an_aborted_large_draft_leaves_nothing(kit: Kit) -> None:
    draft = kit.spool.draft()
    for _ in range(10):
        draft.write(b"x" * 50_000)
    draft.abort()
    assert await kit.spool.show(draft.id) is None


async def test_the_body_is_what_was_written_at_that_time(kit: Kit) -> None:
    buffer = bytearray(TEXT)
    draft = kit.spool.draft()
    draft.write(buffer)
    buffer[:] = bytes(len(buffer))
    assert await kit.content(await draft.commit(accepted("user@example.org"))) == TEXT


async def test_concurrent_commits_are_all_stored(kit: Kit) -> None:
    bodies = {f"user{number}@example.org": f"text {number}".encode() for number in range(120)}
    ids = await asyncio.gather(*(kit.put(address, body=body) for address, body in bodies.items()))
    assert len(set(ids)) == 120
    found = await kit.spool.find(Filter(), limit=1000)
    assert [view.message.id for view in found] == sorted(ids)
    for message, body in zip(ids, bodies.values(), strict=True):
        assert await kit.content(message) == body


@pytest.mark.parametrize("wrong", [accepted(), accepted("a@example.org", lanes=(LANE, OTHER))])
async def test_a_message_that_could_never_leave_is_refused(kit: Kit, wrong: Accepted) -> None:
    draft = kit.spool.draft()
    draft.write(TEXT)
    with pytest.raises(SpoolError):
        await draft.commit(wrong)
    assert await kit.spool.find(Filter()) == []


@pytest.mark.parametrize("address", ["a\x00b@example.org", "a\udcff@example.org"])
async def test_an_address_that_no_store_could_give_back_is_refused(kit: Kit, address: str) -> None:
    for recipient, sender in ((address, ""), ("a@example.org", address)):
        with pytest.raises(SpoolError):
            await kit.put("b@example.org", recipient, sender=sender)
    assert await kit.spool.find(Filter()) == []


@pytest.mark.parametrize(
    "address", ['"q\\"uo,te]"@example.org', "björn@例え.example", "\U0001f600@example.org", "a'%_*@x.org"]
)
async def test_addresses_come_back_letter_by_letter(kit: Kit, address: str) -> None:
    draft = kit.spool.draft()
    draft.write(TEXT)
    recipient = Recipient(address, Notify.FAILURE, f"rfc822;{address}")
    message = await draft.commit(replace(FULL, envelope=Envelope(address, (recipient,)), lanes=(LANE,)))
    await kit.open()
    view = await kit.spool.show(message)
    assert view is not None
    assert view.message.envelope == Envelope(address, (recipient,))
    assert (await kit.one()).claims[0].recipient == recipient


async def test_texts_that_no_utf8_can_say_do_not_keep_mail_from_being_stored(kit: Kit) -> None:
    draft = kit.spool.draft()
    message = await draft.commit(replace(FULL, lanes=(LANE,) * 3, subject="a \udcff b", header_id="<\ud800@x>"))
    view = await kit.spool.show(message)
    assert view is not None
    assert (view.message.subject, view.message.header_id) == ("a \ufffd b", "<\ufffd@x>")
    lease = await kit.one()
    assert await kit.record(lease, *(kit.move(claim, reply="250 \udcff ü") for claim in lease.claims))
    assert (await kit.recipients(message))[0].last_reply == "250 \ufffd ü"


async def test_ids_rise_over_openings_though_the_clock_goes_back(kit: Kit) -> None:
    first = await kit.put()
    kit.clock.advance(-3600)
    await kit.open()
    assert await kit.put() > first


async def test_lanes_with_new_mail_are_told(kit: Kit) -> None:
    await kit.put("a@example.org", "b@example.org", lanes=(LANE, OTHER))
    await asyncio.sleep(0)
    assert kit.told == [{LANE, OTHER}]


async def test_there_is_room_at_first(kit: Kit) -> None:
    assert kit.spool.full() == ""
