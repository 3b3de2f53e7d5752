"""The answer to the end of data is lost over SMTP: looked for in Sent Items or in the message trace, before anything is
sent again, and by the gateway that comes after a kill as well. End to end, against the sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mailferry.sandbox.certificates import Keys, make_keys
from mailferry.sandbox.serve import Sandbox
from mailferry.spool.api import Filter, State
from support.aftermath import MAY_READ, MAY_TRACE, SCANNER, Machine, Post, gateway, service

ANNA, OUTSIDE = "anna@contoso.example", "x@fabrikam.example"
LOOKS = {"graph": MAY_READ, "trace": MAY_TRACE}
#: The connection is cut after the end of data: before the message is taken, and after.
LOST, TAKEN = "drop", "take-and-drop"
HOLD = {"lookup_patience": 200, "unknown": "hold"}


@pytest.fixture(scope="module")
def keys() -> Keys:
    return make_keys()


@pytest.fixture(params=LOOKS)
def lookup(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def box(keys: Keys, lookup: str) -> AsyncIterator[Sandbox]:
    async with service(keys, LOOKS[lookup]) as made:
        made.world.tune(sent_items_delay=30, trace_delay=30)  # the service knows, and does not say so at once
        yield made


def cut(post: Post, action: str) -> None:
    post.lose("end", action, surface="smtp")


def messages(box: Sandbox) -> int:
    """How often a message was handed over whole."""
    return sum(line.endswith(" octets)") for one in box.recorder.dialogues for line in one.lines)


def copies(post: Post) -> tuple[int, int]:
    return post.arrived(ANNA, "smtp"), post.arrived(OUTSIDE, "smtp")


async def test_what_was_taken_is_found_and_not_sent_again(box: Sandbox, lookup: str) -> None:
    async with gateway(box, kind="exchange-smtp", lookup=lookup) as post:
        cut(post, TAKEN)
        message = await post.submit(ANNA, OUTSIDE)
        view = await post.until(State.DELIVERED, State.DELIVERED, of=message)
        box.clock.advance(3600)
        await post.quiet(0.1)
        assert copies(post) == (1, 1)
        assert messages(box) == 1
        details = [event.detail for event in view.events]
        assert any(detail.startswith("settled: found in") for detail in details)
        assert any(detail.startswith("answer lost, not found yet") for detail in details)


async def test_what_was_not_taken_is_sent_again_after_the_patience(box: Sandbox, lookup: str) -> None:
    async with gateway(box, kind="exchange-smtp", lookup=lookup, delivery={"lookup_patience": 200}) as post:
        cut(post, LOST)
        message = await post.submit(ANNA, OUTSIDE)
        view = await post.until(State.DELIVERED, State.DELIVERED, of=message, step=10.0)
        assert copies(post) == (1, 1)
        assert messages(box) == 2
        lost = next(event.at for event in view.events if event.kind == "unknown")
        again = next(event for event in view.events if event.detail.startswith("answer lost, but not found in"))
        assert again.at - lost >= 200


async def test_a_mailbox_that_keeps_no_copies_proves_nothing_and_the_trace_does_not_mind(
    box: Sandbox, lookup: str
) -> None:
    """Set-Mailbox -MessageCopyForSMTPClientSubmissionEnabled $false: what is not in Sent Items may be taken."""
    keeps = {"message_copy_for_smtp_client_submission_enabled": False}
    box.world.patch({"tenant": {"mailboxes": {SCANNER: keeps}}})
    async with gateway(box, kind="exchange-smtp", lookup=lookup, delivery=HOLD) as post:
        cut(post, TAKEN)
        wanted, step = (State.HELD, 10.0) if lookup == "graph" else (State.DELIVERED, 1.0)
        await post.until(wanted, of=await post.submit(ANNA), step=step)
        assert post.arrived(ANNA, "smtp") == 1


async def killed(box: Sandbox, lookup: str, action: str, machine: Machine) -> None:
    """A gateway that is killed as it learns that the answer is lost."""
    async with gateway(
        box, kind="exchange-smtp", spool=machine.spool(), checkpoint=machine.checkpoint, lookup=lookup
    ) as post:
        cut(post, action)
        await post.submit(ANNA, OUTSIDE)
        while machine.left is None:
            await post.quiet(0.01)


@pytest.mark.parametrize("action", [TAKEN, LOST])
async def test_after_a_kill_the_next_gateway_looks_before_it_sends(
    box: Sandbox, lookup: str, action: str, tmp_path: Path
) -> None:
    machine = Machine(box, tmp_path / "spool")
    await killed(box, lookup, action, machine)
    sent = messages(box)
    delivery = {"lookup_patience": 200}
    spool = machine.spool(machine.left)
    async with gateway(box, kind="exchange-smtp", spool=spool, lookup=lookup, delivery=delivery) as post:
        message = (await spool.find(Filter(states=frozenset(State))))[0].message.id
        assert [event.kind for event in (await post.view(message)).events].count("interrupted") == 2
        step = 2.0 if action == TAKEN else 10.0
        view = await post.until(State.DELIVERED, State.DELIVERED, of=message, step=step)
        assert copies(post) == (1, 1)
        assert messages(box) - sent == (0 if action == TAKEN else 1)
        wanted = "settled: found in" if action == TAKEN else "answer lost, but not found in"
        assert sum(event.detail.startswith(wanted) for event in view.events) == 2


async def test_after_a_kill_under_hold_what_is_not_found_is_held(box: Sandbox, lookup: str, tmp_path: Path) -> None:
    machine = Machine(box, tmp_path / "spool")
    await killed(box, lookup, LOST, machine)
    spool = machine.spool(machine.left)
    async with gateway(box, kind="exchange-smtp", spool=spool, lookup=lookup, delivery=HOLD) as post:
        [view] = await spool.find(Filter(states=frozenset(State)))
        await post.until(State.HELD, State.HELD, of=view.message.id, step=10.0)
        assert copies(post) == (0, 0)
