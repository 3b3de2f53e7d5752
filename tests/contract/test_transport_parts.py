"""One envelope in as many transactions as the route takes: outcomes per recipient, nothing undone by what follows."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from mailferry.mail.body import BytesBody
from mailferry.mail.envelope import Recipient
from mailferry.mail.outcome import Deferred, Delivered, Failed, Unknown
from mailferry.smtp.commands import Notify
from support.transport_contract import (
    MAILBOX,
    TEXT,
    Authority,
    Bench,
    FileBody,
    acs_bench,
    assert_delivered,
    exchange_bench,
    hve_bench,
    kinds,
    preset_bench,
    smarthost_bench,
    without,
)
from support.upstream import DROP

MAKERS = {
    "exchange-smtp": exchange_bench,
    "smarthost": smarthost_bench,
    "hve": hve_bench,
    "acs-smtp": acs_bench,
    "direct-send": preset_bench("direct-send"),
}
#: From is the account's own, so that High Volume Email has nothing to edit.
LETTER = b"From: <" + MAILBOX.encode() + b">\r\n" + TEXT


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(params=MAKERS)
async def bench(request: pytest.FixtureRequest, ca: Authority) -> AsyncIterator[Bench]:
    """Two recipients of one message, whatever the service takes."""
    async with MAKERS[request.param](ca, limits={"recipients_per_message": 2}) as made:
        yield made


@pytest.fixture(params=[BytesBody, FileBody])
def carry(request: pytest.FixtureRequest) -> type:
    return request.param  # type: ignore[no-any-return]


async def test_each_part_carries_the_whole_message(bench: Bench, carry: type):
    addresses = [f"{name}@x.example" for name in "abcde"]
    result = await bench.send(*addresses, body=carry(LETTER))
    assert_delivered(result)
    assert len(result.outcomes) == 5
    assert [len(taken.rcpts) for taken in bench.upstream.taken] == [2, 2, 1]
    assert [rcpt for taken in bench.upstream.taken for rcpt in taken.rcpts] == [f"TO:<{each}>" for each in addresses]
    assert {taken.data for taken in bench.upstream.taken} == {LETTER}
    assert bench.upstream.connections == 1


async def test_outcomes_belong_to_their_recipients(bench: Bench):
    result = await bench.send("450-a@x.example", "b@x.example", "c@x.example", "550-d@x.example", "e@x.example")
    assert kinds(result) == [Deferred, Delivered, Delivered, Failed, Delivered]


async def test_a_later_refusal_does_not_undo_what_was_taken(bench: Bench):
    addresses = ("a@x.example", "b@x.example", "dot-554-c@x.example", "d@x.example", "e@x.example")
    result = await bench.send(*addresses)
    assert kinds(result) == [Delivered, Delivered, Failed, Failed, Delivered]
    assert result.handed_over


async def test_a_lost_answer_is_unknown_for_its_part_alone(bench: Bench):
    result = await bench.send("a@x.example", "b@x.example", "drop-after-dot@x.example", "d@x.example", "e@x.example")
    assert kinds(result) == [Delivered, Delivered, Unknown, Unknown, Delivered]
    assert bench.upstream.connections == 2


async def test_a_fault_of_the_lane_spares_the_rest_its_way(bench: Bench):
    bench.upstream.answer("MAIL", "250 2.1.0 OK", "421 4.3.2 Service not active", "421 4.3.2 Service not active")
    result = await bench.send(*(f"{name}@x.example" for name in "abcdefgh"))
    assert kinds(result) == [Delivered] * 2 + [Deferred] * 6
    assert {outcome.lane_fault for outcome in result.outcomes[2:]} == {"throttle"}  # type: ignore[union-attr]
    assert bench.upstream.verbs().count("MAIL") == 3, "once more on a fresh connection, and no more"


async def test_a_connection_that_breaks_between_parts_is_replaced(bench: Bench):
    bench.upstream.answer("MAIL", "250 2.1.0 OK", DROP)
    result = await bench.send("a@x.example", "b@x.example", "c@x.example")
    assert_delivered(result)
    assert bench.upstream.connections == 2


async def test_a_body_that_goes_missing_defers_what_is_left(bench: Bench):
    from mailferry.mail.body import BodyGone

    class Fading(FileBody):
        reads = 0

        def chunks(self):  # type: ignore[no-untyped-def]
            self.reads += 1
            self._error = BodyGone("removed") if self.reads > before else None
            return super().chunks()

    body = Fading(LETTER)
    before = 3  # High Volume Email reads the header once; every part reads the message once
    result = await bench.send(*(f"{name}@x.example" for name in "abcdefghij"), body=body)
    assert kinds(result)[:4] == [Delivered] * 4
    assert set(kinds(result)[-4:]) == {Deferred}


async def test_reports_are_the_next_hops_duty_only_where_every_part_was_given_it(bench: Bench):
    recipients = [Recipient(f"{name}@x.example", Notify.SUCCESS) for name in "abc"]
    assert (await bench.send_to(recipients)).dsn
    bench.upstream.hang_up()
    bench.upstream.capabilities = without(bench.upstream, "DSN")
    assert not (await bench.send_to(recipients)).dsn
