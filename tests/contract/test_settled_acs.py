"""Lost answers of Azure Communication Services: the operation is looked for before policy decides, end to end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mailferry.sandbox.certificates import Keys, make_keys
from mailferry.sandbox.serve import Sandbox
from mailferry.spool.api import Filter, State
from support.aftermath import Machine, Post, gateway, service

ANNA, OUTSIDE = "anna@contoso.example", "x@fabrikam.example"
HOLD = {"lookup_patience": 200, "unknown": "hold"}
RESEND = {"lookup_patience": 200, "unknown": "resend"}
DELIVERED, HELD = (State.DELIVERED, State.DELIVERED), (State.HELD, State.HELD)


@pytest.fixture(scope="module")
def keys() -> Keys:
    return make_keys()


@pytest.fixture
async def box(keys: Keys) -> AsyncIterator[Sandbox]:
    async with service(keys) as made:
        yield made


def lose(post: Post, *, taken: bool) -> None:
    """The answer to the request that sends, and the one that would tell at once what became of it."""
    where = ("response", "take-and-drop") if taken else ("request", "drop")
    post.lose(*where, operation="send", surface="acs-rest")
    post.lose("request", "drop", operation="getStatus", surface="acs-rest", count=2)  # the client asks a second time


def copies(post: Post) -> tuple[int, int]:
    return post.arrived(ANNA, "acs-rest"), post.arrived(OUTSIDE, "acs-rest")


@pytest.mark.parametrize("delivery", [HOLD, RESEND], ids=["hold", "resend"])
async def test_what_was_taken_is_found_by_its_operation(box: Sandbox, delivery: dict[str, object]) -> None:
    async with gateway(box, kind="acs-rest", delivery=delivery) as post:
        lose(post, taken=True)
        message = await post.submit(ANNA, OUTSIDE)
        view = await post.until(*DELIVERED, of=message, always=True)
        assert copies(post) == (1, 1)
        settled = [event.detail for event in view.events if event.detail.startswith("settled: found in")]
        assert len(settled) == 2
        assert all("Succeeded, operation " in detail for detail in settled)


async def test_a_message_id_that_others_share_does_not_matter(box: Sandbox) -> None:
    """An operation is this message's own, whatever the device writes into it."""
    async with gateway(box, kind="acs-rest", delivery=HOLD) as post:
        await post.until(State.DELIVERED, of=await post.submit(ANNA), always=True)
        lose(post, taken=True)
        await post.until(State.DELIVERED, of=await post.submit(ANNA), always=True)
        assert post.arrived(ANNA, "acs-rest") == 2


async def test_what_was_not_taken_is_held_or_sent_again(box: Sandbox) -> None:
    async with gateway(box, kind="acs-rest", delivery=HOLD) as post:
        lose(post, taken=False)
        view = await post.until(*HELD, of=await post.submit(ANNA, OUTSIDE), step=10.0, always=True)
        assert copies(post) == (0, 0)
        assert "no such message in Azure Communication Services, operation" in view.recipients[0].last_reply
    async with gateway(box, kind="acs-rest", delivery=RESEND) as post:
        lose(post, taken=False)
        await post.until(*DELIVERED, of=await post.submit(ANNA, OUTSIDE), step=10.0, always=True)
        assert copies(post) == (1, 1)


@pytest.mark.parametrize("taken", [True, False])
async def test_after_a_kill_the_next_gateway_asks_for_the_operation(box: Sandbox, taken: bool, tmp_path: Path) -> None:
    machine = Machine(box, tmp_path / "spool")
    spool = machine.spool()
    async with gateway(box, kind="acs-rest", spool=spool, checkpoint=machine.checkpoint, delivery=HOLD) as post:
        lose(post, taken=taken)
        await post.submit(ANNA, OUTSIDE)
        while machine.left is None:
            await post.quiet(0.01)
            box.clock.advance(1.0)
    spool = machine.spool(machine.left)
    async with gateway(box, kind="acs-rest", spool=spool, delivery=HOLD) as post:
        [view] = await spool.find(Filter(states=frozenset(State)))
        await post.until(*(DELIVERED if taken else HELD), of=view.message.id, step=2.0, always=True)
        assert copies(post) == ((1, 1) if taken else (0, 0))


async def test_whoever_may_not_ask_is_told_and_policy_decides(box: Sandbox) -> None:
    async with gateway(box, kind="acs-rest", delivery=HOLD) as post:
        lose(post, taken=True)
        message = await post.submit(ANNA, OUTSIDE)
        body = '{"error": {"code": "Denied", "message": "Denied by the resource provider."}}'
        post.lose("request", "reply", operation="getStatus", surface="acs-rest", status=401, body=body, count=None)
        view = await post.until(*HELD, of=message, always=True)
        assert "Denied" in view.recipients[0].last_reply
        assert copies(post) == (1, 1)
