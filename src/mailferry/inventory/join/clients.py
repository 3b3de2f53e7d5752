"""The clients: facts put together, mailbox by mailbox.

Leaves to others: the facts (facts), the verdict (fate), the words (findings), the product (recognition). Invariant: a
function of the facts alone; every mailbox that Microsoft's report has is at least one client, and its volume is divided
by sources, never by guess.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from mailferry.inventory.join.facts import SEPARATOR, Evidence, Facts, Report, Traffic, gather
from mailferry.inventory.join.fate import judge
from mailferry.inventory.join.findings import Case, findings
from mailferry.inventory.join.recognition import Recognised, recognise
from mailferry.inventory.records import Authentication, Client, Volume

if TYPE_CHECKING:
    import duckdb

_TLS = ("none", "1.0", "1.1", "1.2", "1.3")
_PROTOCOLS = {"basic": Authentication.BASIC, "oauth": Authentication.OAUTH}


def join(connection: duckdb.DuckDBPyConnection, at: date, ends: date | None = None) -> tuple[Client, ...]:
    """Every client, by sender and address, with its fate on `at` if Basic is disabled from `ends` (None: as
    announced)."""
    facts = gather(connection)
    newest = connection.execute("SELECT max(last_at) FROM imported").fetchone()
    last = newest[0].replace(tzinfo=UTC) if newest and newest[0] else None
    joiner = _Joiner(facts, recognise(connection), at, ends, last)
    return tuple(sorted(joiner.clients(), key=lambda client: (client.sender, client.addresses, client.id)))


def client_id(key: str) -> str:
    """Of the mailbox alone where it has one client: more knowledge of that client does not rename it."""
    return "c" + hashlib.sha256(key.strip(SEPARATOR).encode()).hexdigest()[:12]


class _Joiner:
    def __init__(
        self,
        facts: Facts,
        products: Mapping[str, Recognised],
        at: date,
        ends: date | None,
        newest: datetime | None,
    ) -> None:
        self._facts = facts
        self._products = products
        self._at = at
        self._ends = ends
        self._newest = newest

    def clients(self) -> Iterator[Client]:
        seen: set[str] = set()
        ordered = sorted(self._facts.evidence, key=lambda each: (each.account, each.key))
        for account, group in groupby(ordered, key=lambda each: each.account):
            members = list(group)
            if account:
                seen.add(account)
                yield from self._mailbox(account, members)
            else:
                yield from (self._client(each, {}, shared=1) for each in members)
        for account in sorted(self._facts.reports.keys() - seen):
            yield from self._mailbox(account, [])

    def _mailbox(self, account: str, members: list[Evidence]) -> Iterator[Client]:
        """The clients of one mailbox, and what the report counts beyond them."""
        reports = self._facts.reports.get(account, {})
        if not members:
            whole = Evidence(key=f"{account}{SEPARATOR}", account=account)
            yield self._client(whole, reports, shared=1, unattributed=_sum(reports))
            return
        clients = [self._client(each, reports, shared=len(members)) for each in members]
        yield from clients
        left = {
            protocol: report
            for protocol, report in reports.items()
            if len(members) > 1 and not any(_explains(client, protocol) for client in clients)
        }
        if left:
            whole = Evidence(key=f"{account}{SEPARATOR}?", account=account)
            yield self._client(whole, left, shared=1, unattributed=_sum(left))

    def _client(
        self,
        evidence: Evidence,
        reports: Mapping[str, Report],
        *,
        shared: int,
        unattributed: tuple[str, int] | None = None,
    ) -> Client:
        facts, alone = self._facts, shared == 1
        authentication = _authentication(evidence, reports, alone=alone)
        switches = facts.settings.of(evidence.account)
        refusals = facts.refusals.get(evidence.key, 0)
        reported = bool(reports) and alone
        judgement = judge(evidence, authentication, reported, refusals, switches, self._at, self._ends)
        total = sum(report.messages for report in reports.values()) if reports else None
        tls = _tls(evidence, reports)
        case = Case(
            evidence, authentication, judgement, switches, tls, self._at, facts.kinds, self._newest, refusals, shared,
            total, unattributed,
        )  # fmt: skip
        product = self._products.get(evidence.key, Recognised())
        owner, site = self._owner(evidence)
        return Client(
            id=client_id(evidence.key),
            sender=evidence.account,
            addresses=(*evidence.public, *(each for each in evidence.lan if each not in evidence.public)),
            names=tuple(dict.fromkeys((*evidence.hosts, *evidence.names))),
            product=product.id,
            confidence=product.confidence,
            evidence=product.evidence,
            authentication=authentication,
            tls=tls,
            volume=_volume(facts.traffic.get(evidence.key, ()), total, alone=alone),
            first_seen=evidence.first,
            last_seen=evidence.last,
            failures=evidence.failures,
            errors=evidence.errors,
            switches=switches,
            sources=(("eac",) if reports else ()) + evidence.kinds,
            fate=judgement.fate,
            findings=findings(case),
            senders=evidence.senders,
            owner=owner,
            site=site,
        )

    def _owner(self, evidence: Evidence) -> tuple[str, str]:
        """An address says more than a mailbox, and a mailbox more than what is written as the sender."""
        for name in (*evidence.lan, *evidence.public, evidence.account, *evidence.senders):
            found = self._facts.owners.get(name)
            if found is not None:
                return found
        return "", ""


def _sum(reports: Mapping[str, Report]) -> tuple[str, int]:
    protocol = next(iter(reports)) if len(reports) == 1 else ""
    return protocol, sum(report.messages for report in reports.values())


def _explains(client: Client, protocol: str) -> bool:
    """Whether the report's row may be this client's: Microsoft sees it, by that protocol."""
    if not {"signin", "trace"} & set(client.sources):
        return False
    wanted = _PROTOCOLS.get(protocol)
    return wanted is None or client.authentication in (wanted, Authentication.MIXED, Authentication.UNKNOWN)


def _authentication(evidence: Evidence, reports: Mapping[str, Report], *, alone: bool) -> Authentication:
    """What the records say outright, then what the report says of the mailbox, then what an app's name implies."""
    seen = {_PROTOCOLS[name] for name in evidence.auths if name in _PROTOCOLS}
    reported = {_PROTOCOLS[name] for name in reports if name in _PROTOCOLS}
    if alone or (not seen and evidence.submits):
        seen |= reported
    if not seen and "implied" in evidence.auths:
        seen.add(Authentication.BASIC)
    if len(seen) > 1:
        return Authentication.MIXED
    if seen:
        return seen.pop()
    if evidence.submits or reports:
        return Authentication.UNKNOWN
    return Authentication.BASIC if "basic" in evidence.local_auths else Authentication.ANONYMOUS


def _tls(evidence: Evidence, reports: Mapping[str, Report]) -> tuple[str, ...]:
    seen = set(evidence.tls).union(*(report.tls for report in reports.values()))
    return tuple(version for version in _TLS if version in seen)


def _volume(traffic: tuple[Traffic, ...], total: int | None, *, alone: bool) -> Volume:
    """The source that saw most; the report's count where it saw more. It has no times, so its count has no window."""
    most = traffic[-1] if traffic else None
    messages = most.messages if most is not None else None
    counted = alone and total is not None and (messages is None or total > messages)
    if most is None:
        return Volume(messages=total if alone else None, mailbox_messages=total)
    return Volume(
        messages=total if counted else messages,
        window_days=None if counted else round(max(most.days, 1.0), 1),
        peak_minute=most.minute,
        peak_hour=most.hour,
        peak_day=most.day,
        recipients=most.recipients,
        peak_recipients_day=most.recipients_day,
        most_recipients=most.most,
        external_recipients=most.external,
        largest=most.size,
        mailbox_messages=total,
    )
