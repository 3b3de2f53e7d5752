"""One client before the rules: what they may know of it, and nothing else.

Leaves to others: judging it (rules). Invariant: whatever the rules decide by is in here; published limits bind a
mailbox, so the figures to hold against them are those of all clients that send as it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date

from mailferry.inventory.records import Authentication, Client, Volume
from mailferry.planner.product import Product
from mailferry.planner.settings import PlanSettings
from mailferry.planner.values import Way

#: Below this a recognised product is a guess that nothing is built on.
SURE = 0.6

_OLD_TLS = frozenset({"1.0", "1.1"})
#: Of one message, of the window, or of the mailbox already: no sum.
_LARGEST = ("most_recipients", "largest", "window_days", "mailbox_messages")


@dataclass(frozen=True, slots=True)
class Case:
    """A client, its product, and the settings of the plan."""

    client: Client
    product: Product | None
    settings: PlanSettings
    newest: date  # the last day that the exports tell of
    mailbox: Volume  # of all clients that send as this one's mailbox
    shared: int  # how many they are
    ways: frozenset[Way]
    gateway: str  # host name

    @property
    def sure(self) -> bool:
        """Whether the product is known well enough to rely on it."""
        return self.product is not None and self.client.confidence >= SURE

    @property
    def internal(self) -> bool | None:
        """Whether the mailbox writes to the organisation only; None where no source could tell."""
        outside = self.mailbox.external_recipients
        return None if outside is None else outside == 0

    @property
    def old_tls(self) -> str:
        """The oldest version below 1.2 that was seen, or ""."""
        tls = self.client.tls
        return "" if _OLD_TLS.isdisjoint(tls) else min(version for version in tls if version in _OLD_TLS)

    @property
    def oauth_seen(self) -> bool:
        return self.client.authentication in (Authentication.MIXED, Authentication.OAUTH)

    @property
    def anonymous(self) -> bool:
        return self.client.authentication is Authentication.ANONYMOUS or not self.client.sender


def together(volumes: Sequence[Volume]) -> Volume:
    """The traffic of several clients as one. Peaks are added: nobody knows that they do not fall on one minute."""
    if len(volumes) == 1:
        return volumes[0]
    values: dict[str, float | int | None] = {}
    for item in fields(Volume):
        known = [value for value in (getattr(volume, item.name) for volume in volumes) if value is not None]
        combine = max if item.name in _LARGEST else sum
        values[item.name] = combine(known) if known else None
    if values["external_recipients"] == 0 and any(volume.external_recipients is None for volume in volumes):
        values["external_recipients"] = None  # one of them may write outside
    return Volume(**values)  # type: ignore[arg-type] # the fields of Volume by their names


def mailboxes(clients: Iterable[Client]) -> Mapping[str, tuple[Volume, int]]:
    """Per sending mailbox: the traffic of its clients together, and how many they are."""
    groups: dict[str, list[Volume]] = {}
    for client in clients:
        if client.sender:
            groups.setdefault(client.sender, []).append(client.volume)
    return {sender: (together(volumes), len(volumes)) for sender, volumes in groups.items()}


def newest_day(clients: Iterable[Client], today: date) -> date:
    """The last day that the exports tell of."""
    days = [client.last_seen.date() for client in clients if client.last_seen is not None]
    return min(max(days, default=today), today)
