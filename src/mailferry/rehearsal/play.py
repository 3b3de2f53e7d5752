"""The play of one date: every client by its way of today, then, with the plan carried out, by the planned one.

Leaves to others: the stage (theatre), habits and letters (casting), verdicts (verdict). Invariant: what is counted as
delivered was found in a mailbox of the box, once, octet for octet; what the gateway took and did not deliver is counted
as queued or bounced.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from mailferry.inventory.records import Authentication
from mailferry.m365.limits import exchange_online
from mailferry.rehearsal import grants
from mailferry.rehearsal.casting import Role, batches
from mailferry.rehearsal.letters import Letter
from mailferry.rehearsal.speaker import Heard, Login, Speaker, Target
from mailferry.rehearsal.theatre import Theatre
from mailferry.rehearsal.user_token import TokenRefused, Tokens
from mailferry.rehearsal.values import Account, Door, Leg, Stage
from mailferry.sandbox.mailbox import Folder, Message
from mailferry.spool.api import MessageView, State

#: Clients that play together, and octets of their mail.
_TOGETHER, _OCTETS = 200, 64 << 20
#: Connections at a time.
_SPEAKING = 48
#: Seconds of the turned clock for mail that waits for nothing but its time.
_PATIENCE = 180.0

_OURS = frozenset({Door.GATEWAY, Door.GATEWAY_OLD})
_SIGNED = frozenset({Door.SUBMISSION, Door.LEGACY, Door.GRAPH, *_OURS})


@dataclass(slots=True)
class _Found:
    """Copies of one letter: by box, and whether each is as it was sent."""

    copies: Counter[str] = field(default_factory=Counter)
    intact: bool = True


class Play:
    """`tell` is told after each client."""

    def __init__(
        self, theatre: Theatre, speaker: Speaker, tokens: Tokens, password: str, tell: Callable[[], None]
    ) -> None:
        self._theatre = theatre
        self._speaker = speaker
        self._tokens = tokens
        self._password = password
        self._tell = tell
        self._room = asyncio.Semaphore(_SPEAKING)
        self.account = Account()

    async def today(self, roles: Sequence[Role]) -> dict[str, Leg]:
        """Each client by the way it takes today, straight to the service."""
        legs: dict[str, Leg] = {}
        playing = [role for role in roles if role.today is not None]
        for batch in batches(playing, _TOGETHER, _OCTETS):
            heard = await self._speak(batch, self._as_today)
            arrived = self._arrived(letter for one in heard.values() for letter in one.letters)
            for role in batch:
                if role.today is not None:
                    legs[role.client.id] = _leg(role.today, heard[role.client.id], arrived)
            self._theatre.box.mail.clear()
        return legs

    async def planned(self, roles: Sequence[Role]) -> dict[str, Leg]:
        """Each client by the way that is planned for it. The busiest come last and together: their mail waits."""
        legs: dict[str, Leg] = {}
        playing = [role for role in roles if role.planned is not None]
        calm = [role for role in playing if not role.burst]
        busy = [role for role in playing if role.burst]
        for batch in [*batches(calm, _TOGETHER, _OCTETS), *([busy] if busy else [])]:
            legs |= await self._batch(batch)
            self._theatre.box.mail.clear()
        return legs

    async def _batch(self, batch: Sequence[Role]) -> dict[str, Leg]:
        began = self._theatre.time()
        heard = await self._speak(batch, self._as_planned)
        left = []
        if any(role.planned in _OURS for role in batch):
            await self._theatre.drained(_patience(batch))
            left = await self._theatre.left()
        held = self._theatre.time() - began
        arrived = self._arrived(letter for one in heard.values() for letter in one.letters)
        self._reconcile(heard.values(), arrived, left)
        replies = _last_replies(left)
        legs: dict[str, Leg] = {}
        for role in batch:
            if role.planned is None:
                continue
            leg = _leg(role.planned, heard[role.client.id], arrived)
            if leg.taken and not leg.good and role.planned in _OURS:
                said = replies.get(role.client.sender or role.client.id, leg.reply)
                leg = replace(leg, stage=Stage.DELIVERY, reply=said)
            legs[role.client.id] = replace(leg, held=int(held)) if role.burst and role.planned in _OURS else leg
        return legs

    async def _speak(self, batch: Sequence[Role], one: Callable[[Role], Awaitable[Heard]]) -> dict[str, Heard]:
        """All of them at once; those of one mailbox one after the other, for nobody saw that they coincide."""
        groups: dict[str, list[Role]] = {}
        for role in batch:
            groups.setdefault(role.client.sender or role.client.id, []).append(role)
        heard: dict[str, Heard] = {}

        async def play(members: list[Role]) -> None:
            for role in members:
                async with self._room:
                    heard[role.client.id] = await one(role)
                self._tell()

        async with asyncio.TaskGroup() as tasks:
            for members in groups.values():
                tasks.create_task(play(members))
        return heard

    async def _as_today(self, role: Role) -> Heard:
        assert role.today is not None  # noqa: S101 - only those are asked
        password = self._password if role.right else f"not-{self._password}"
        return await self._hand_over(role, role.today, role.letters, password, by_token=role.by_token)

    async def _as_planned(self, role: Role) -> Heard:
        assert role.planned is not None  # noqa: S101 - only those are asked
        own = role.planned in (Door.SUBMISSION, Door.GRAPH)
        mail = (*role.letters, *role.burst)
        return await self._hand_over(role, role.planned, mail, self._password, by_token=own)

    async def _hand_over(
        self, role: Role, door: Door, mail: Sequence[Letter], password: str, *, by_token: bool
    ) -> Heard:
        user = role.client.sender if door in _SIGNED else ""
        if door in _OURS and role.client.authentication is Authentication.ANONYMOUS:
            user = ""
        token = ""
        if by_token:
            try:
                token = await self._tokens.of(user, graph=door is Door.GRAPH)
            except TokenRefused as refused:
                return Heard(False, Stage.TOKEN, str(refused))
        if door is Door.GRAPH:
            return await self._speaker.post(self._theatre.box.graph_url, user, token, mail)
        login = Login(user, "" if by_token else password, token)
        return await self._speaker.speak(self._target(door), role.voice, login, mail)

    def _target(self, door: Door) -> Target:
        box = self._theatre.box
        if door in _OURS:
            ports = self._theatre.ports
            return Target("127.0.0.1", ports.get(door is Door.GATEWAY_OLD, ports[False]), proxied=True)
        port = {
            Door.SUBMISSION: box.smtp_port,
            Door.LEGACY: box.smtp_legacy_port,
            Door.ONPREM: box.onprem_port,
        }.get(door, box.mx_port)
        source = grants.CONNECTOR_ADDRESS if door is Door.CONNECTOR else ""
        return Target("127.0.0.1", port, source=source)

    def _arrived(self, letters: Iterable[Letter]) -> dict[str, _Found]:
        """Where the copies of `letters` lie."""
        sent = {letter.tag: letter for letter in letters}
        copies: dict[str, list[Message]] = {}
        for message in self._theatre.box.mail:
            if message.folder is not Folder.SENT:
                copies.setdefault(_tag(message.raw), []).append(message)
        found: dict[str, _Found] = {}
        for tag, letter in sent.items():
            one = found[tag] = _Found()
            text, same = letter.written().text, b""  # copies of one transaction share their octets
            for message in copies.get(tag, ()):
                one.copies[message.box] += 1
                if message.raw is not same:
                    one.intact = one.intact and message.raw.partition(b"\r\n\r\n")[2] == text
                    same = message.raw
        return found

    def _reconcile(self, heard: Iterable[Heard], arrived: dict[str, _Found], left: Sequence[MessageView]) -> None:
        taken = [letter for one in heard for letter in one.letters]
        states = [recipient.state for view in left for recipient in view.recipients]
        failed = sum(state is State.FAILED for state in states)
        waiting = sum(state is not State.FAILED and state is not State.DELIVERED for state in states)
        delivered = duplicates = strangers = 0
        for letter in taken:
            expected = {recipient.lower() for recipient in letter.recipients}
            copies = arrived[letter.tag].copies
            delivered += sum(box in expected for box in copies)
            duplicates += sum(number - 1 for box, number in copies.items() if box in expected)
            strangers += sum(number for box, number in copies.items() if box not in expected)
        self.account += Account(
            accepted=sum(len(letter.recipients) for letter in taken),
            delivered=delivered,
            queued=waiting,
            bounced=failed,
            duplicates=duplicates,
            strangers=strangers,
        )


def _leg(door: Door, heard: Heard, arrived: dict[str, _Found]) -> Leg:
    expected = sum(len(letter.recipients) for letter in heard.letters)
    copies = sum(
        arrived[letter.tag].copies[recipient.lower()] == 1
        for letter in heard.letters
        for recipient in letter.recipients
    )
    return Leg(
        door=door,
        taken=heard.taken,
        stage=heard.stage,
        reply=heard.reply,
        messages=len(heard.letters),
        expected=expected,
        copies=copies,
        intact=all(arrived[letter.tag].intact for letter in heard.letters),
    )


def _tag(raw: bytes) -> str:
    """The mark of a rehearsal's message, from its header section."""
    head = raw.partition(b"\r\n\r\n")[0]
    start = head.find(b"\r\nX-Rehearsal: ")
    return head[start + 15 :].partition(b"\r\n")[0].decode() if start >= 0 else ""


def _patience(batch: Sequence[Role]) -> float:
    """Long enough for the longest burst at the published rate."""
    rate = exchange_online().messages_per_minute.value
    longest = max((len(role.burst) + len(role.letters) for role in batch), default=0)
    return _PATIENCE + 60.0 * (longest // rate)


def _last_replies(left: Sequence[MessageView]) -> dict[str, str]:
    """Of each client of the gateway, what was said of its mail."""
    found: dict[str, str] = {}
    for view in left:
        for recipient in view.recipients:
            if recipient.last_reply:
                found.setdefault(view.message.origin.client, recipient.last_reply)
    return found
