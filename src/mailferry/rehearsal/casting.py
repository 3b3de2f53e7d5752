"""Who plays by which way: for each client its voice, its letters, the door it takes today and the one that is planned.

Leaves to others: playing. Invariant: pure; a client gets a door only where the exports or the plan say which one; else
`why` says what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mailferry.clients.base import knowledge
from mailferry.inventory.records import Authentication, Client
from mailferry.m365.facts import Text
from mailferry.planner.papers.words import label
from mailferry.planner.values import THROUGH_GATEWAY, Item, Way
from mailferry.rehearsal import words
from mailferry.rehearsal.letters import Letter, burst, letters
from mailferry.rehearsal.tenant import Estate, wrong_password
from mailferry.rehearsal.values import NO_TEXT, Door
from mailferry.rehearsal.voice import Voice, voice

_ONPREM = frozenset({"receive", "tracking"})
_SUBMITTING = frozenset({Authentication.BASIC, Authentication.OAUTH, Authentication.MIXED})


@dataclass(frozen=True, slots=True)
class Role:
    """One client's part. A door is None where it does not play; `right`: whether its password is the mailbox's."""

    item: Item
    name: str
    voice: Voice
    letters: tuple[Letter, ...]
    burst: tuple[Letter, ...]
    today: Door | None
    planned: Door | None
    right: bool = True
    why: Text = NO_TEXT
    assumed: tuple[Text, ...] = ()

    @property
    def client(self) -> Client:
        return self.item.client

    @property
    def by_token(self) -> bool:
        """Whether today's way is OAuth."""
        return self.client.authentication is Authentication.OAUTH

    @property
    def octets(self) -> int:
        return sum(letter.octets for letter in self.letters)


def cast(items: Iterable[Item], estate: Estate, *, old_tls: bool, brief: bool = False) -> list[Role]:
    """A part for each client, those of one mailbox together."""
    domain, base = estate.tenant.domains[0], knowledge()
    roles = []
    for item in sorted(items, key=lambda item: (item.client.sender, item.client.id)):
        speaks = voice(item.client, base)
        sends, assumed = letters(item.client, domain, "r", brief=brief)
        extra = (words.REFUSAL,) if item.client.id in estate.unlike else ()
        role = Role(
            item=item,
            name=label(item.client) if item.client.sender or not item.client.senders else item.client.senders[0],
            voice=speaks,
            letters=sends,
            burst=burst(item.client, domain, "r"),
            today=None,
            planned=None,
            right=not wrong_password(item.client),
            assumed=(*speaks.assumed, *assumed, *extra, *_signing(item)),
        )
        roles.append(_doors(role, estate, old_tls=old_tls))
    return roles


def _signing(item: Item) -> tuple[Text, ...]:
    if item.client.authentication is Authentication.MIXED:
        return (words.PASSWORD_PART,)
    return (words.TOKEN,) if item.client.authentication is Authentication.OAUTH else ()


def _doors(role: Role, estate: Estate, *, old_tls: bool) -> Role:
    client = role.client
    if not role.letters[0].sender or "@" not in role.letters[0].sender:
        return replace(role, why=words.NO_SENDER)
    if role.voice.old and not old_tls:
        return replace(role, why=words.NO_OLD_TLS)
    today, why = _today(client, role.voice, estate)
    return replace(role, today=today, planned=_planned(role.item.way, role.voice), why=why)


def _today(client: Client, speaks: Voice, estate: Estate) -> tuple[Door | None, Text]:
    if any(finding.code == "moved" for finding in client.findings):
        return None, words.MOVED
    if client.authentication in _SUBMITTING and client.sender in estate.tenant.mailboxes:
        return (Door.LEGACY if speaks.old else Door.SUBMISSION), NO_TEXT
    if client.authentication is not Authentication.ANONYMOUS:
        return None, words.UNKNOWN_SIGN_IN
    if _ONPREM.intersection(client.sources):
        return Door.ONPREM, NO_TEXT
    if "postfix" in client.sources:
        return None, words.RELAY
    if "trace" in client.sources:  # only a connector lets an anonymous client out of the organisation
        return (Door.CONNECTOR if client.volume.external_recipients else Door.MX), NO_TEXT
    return None, words.MOVED if "gateway" in client.sources else words.UNKNOWN_SIGN_IN


def _planned(way: Way, speaks: Voice) -> Door | None:
    if way in THROUGH_GATEWAY:
        return Door.GATEWAY_OLD if speaks.old else Door.GATEWAY
    doors = {
        Way.OWN_OAUTH: Door.SUBMISSION,
        Way.OWN_GRAPH: Door.GRAPH,
        Way.CONNECTOR: Door.CONNECTOR,
        Way.DIRECT_SEND: Door.MX,
    }
    return doors.get(way)


def batches(roles: Sequence[Role], most: int, octets: int) -> list[list[Role]]:
    """Parts that play together: at most so many, and at most so much mail in memory (or one part alone)."""
    made: list[list[Role]] = []
    room = 0
    for role in roles:
        if not made or len(made[-1]) >= most or role.octets > room:
            made.append([])
            room = octets
        made[-1].append(role)
        room -= role.octets
    return made
