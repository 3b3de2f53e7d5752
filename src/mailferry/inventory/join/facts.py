"""The facts of each client, asked of the database: what its sightings have in common, its traffic, its mailbox.

Leaves to others: what they mean (clients, fate, findings). Invariant: only temporary tables are made; two databases
that were told the same in any order give the same values.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mailferry.inventory.database import statements
from mailferry.inventory.records import Switches

if TYPE_CHECKING:
    import duckdb

SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen of one client. `auths`: how it signs in to Microsoft; `local_auths`: to a relay or the gateway."""

    key: str
    account: str
    public: tuple[str, ...] = ()
    lan: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    tls: tuple[str, ...] = ()
    auths: tuple[str, ...] = ()
    local_auths: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    relays: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()
    first: datetime | None = None
    last: datetime | None = None
    failures: int = 0
    errors: tuple[str, ...] = ()
    signed_in: int = 0
    last_in: datetime | None = None
    last_out: datetime | None = None
    last_basic: datetime | None = None
    first_gateway: datetime | None = None
    last_gateway: datetime | None = None

    @property
    def submits(self) -> bool:
        """Whether Microsoft saw it sign in."""
        return bool(self.public)


@dataclass(frozen=True, slots=True)
class Traffic:
    kind: str
    messages: int
    recipients: int
    external: int | None
    most: int
    size: int | None
    minute: int
    hour: int
    day: int
    recipients_day: int
    days: float


@dataclass(frozen=True, slots=True)
class Report:
    """The EAC's row of a mailbox and protocol: how many messages, which TLS versions."""

    messages: int
    tls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """Who may use what: the tenant's switch, the mailboxes', the policies."""

    tenant_disabled: bool | None
    default_policy: str
    policies: Mapping[str, bool]  # lower-case name: whether it lets passwords through
    switches: Mapping[str, str | None]  # "true", "false", "inherit", None: not exported
    assigned: Mapping[str, str]

    def of(self, account: str) -> Switches:
        told = self.switches.get(account)
        policy = self.assigned.get(account) or self.default_policy
        allowed = self.policies.get(policy.lower()) if policy else None
        return Switches(
            tenant_disabled=self.tenant_disabled,
            mailbox_disabled=None if told in (None, "inherit") else told == "true",
            policy=policy,
            policy_blocks_basic=None if allowed is None else not allowed,
        )


@dataclass(frozen=True, slots=True)
class Facts:
    evidence: tuple[Evidence, ...]
    refusals: Mapping[str, int]  # of a client: sign-ins refused since the last good one
    traffic: Mapping[str, tuple[Traffic, ...]]  # the busiest source last
    reports: Mapping[str, Mapping[str, Report]]  # account: protocol: row
    settings: Settings
    owners: Mapping[str, tuple[str, str]]
    kinds: frozenset[str]  # of everything imported


def domains(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    return frozenset(domain for (domain,) in _all(connection, "domains"))


def gather(connection: duckdb.DuckDBPyConnection) -> Facts:
    """Everything that the exports say, by client."""
    _run(connection, "own", {"domains": sorted(domains(connection))})
    spots = {address: _network(address) for (address,) in _all(connection, "colons")}
    _run(connection, "networks", {"addresses": list(spots), "networks": list(spots.values())})
    _run(connection, "fact")
    _run(connection, "sighting")
    places = _components(_all(connection, "shared-lines"))
    _run(connection, "lines", {"spots": list(places), "places": list(places.values())})
    _run(connection, "member")
    _run(connection, "message")
    traffic: dict[str, list[Traffic]] = {}
    for client, *rest in _all(connection, "traffic"):
        traffic.setdefault(client, []).append(Traffic(*rest))
    reports: dict[str, dict[str, Report]] = {}
    for sender, protocol, messages, *shares in _all(connection, "reports"):
        versions = tuple(name for name, share in zip(("1.0", "1.1", "1.2"), shares, strict=True) if share)
        reports.setdefault(sender, {})[protocol] = Report(messages, versions)
    return Facts(
        evidence=tuple(_evidence(row) for row in _all(connection, "evidence")),
        refusals=dict(_all(connection, "refusals")),
        traffic={client: tuple(rows) for client, rows in traffic.items()},
        reports=reports,
        settings=_settings(connection),
        owners={address: (owner or "", site or "") for address, owner, site in _all(connection, "owners")},
        kinds=frozenset(kind for (kind,) in connection.execute("SELECT DISTINCT kind FROM imported").fetchall()),
    )


def _settings(connection: duckdb.DuckDBPyConnection) -> Settings:
    disabled, _, default_policy = _all(connection, "tenant")[0]
    mailboxes = _all(connection, "mailboxes")
    return Settings(
        tenant_disabled=disabled,
        default_policy=default_policy,
        policies={name: allowed for name, allowed in _all(connection, "policies") if allowed is not None},
        switches={address: told for address, told, _ in mailboxes},
        assigned={address: policy or "" for address, _, policy in mailboxes},
    )


def _evidence(row: tuple[Any, ...]) -> Evidence:
    """NULL is the field's own "nothing": no list, no time."""
    return Evidence(
        *(nothing if value is None else _value(value) for value, nothing in zip(row, _NOTHING, strict=True))
    )


#: Of the fields that are never NULL there is no default, and none is needed.
_NOTHING: tuple[Any, ...] = tuple(None if field.default is MISSING else field.default for field in fields(Evidence))


def _value(value: Any) -> Any:
    kind = type(value)
    if kind is list:
        return tuple(value)
    return value.replace(tzinfo=UTC) if kind is datetime else value


def _components(pairs: Iterable[tuple[str, ...]]) -> dict[str, str]:
    """{address: the first of all that hang together with it}."""
    root: dict[str, str] = {}

    def find(spot: str) -> str:
        while (above := root.setdefault(spot, spot)) != spot:
            spot = above
        return spot

    for left, right in pairs:
        first, second = sorted((find(left), find(right)))
        root[second] = first
    return {spot: find(spot) for spot in root}


def _network(address: str) -> str:
    try:
        return str(ipaddress.ip_network((address.split("%")[0], 64), strict=False))
    except ValueError:
        return address


def _run(connection: duckdb.DuckDBPyConnection, name: str, values: Mapping[str, Any] | None = None) -> None:
    connection.execute(statements("join/facts.sql")[name], values)


def _all(connection: duckdb.DuckDBPyConnection, name: str) -> list[tuple[Any, ...]]:
    return connection.execute(statements("join/facts.sql")[name]).fetchall()
