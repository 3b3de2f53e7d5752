"""From the inventory to the plan.

Leaves to others: each decision (rules), the days (waves), the papers. Invariants: pure: the same clients, products,
settings and day give the same plan, in whatever order the clients come; every client is in it exactly once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from mailferry.inventory.records import Client
from mailferry.m365.facts import Text
from mailferry.m365.schedule import disabled_from
from mailferry.planner.case import Case, mailboxes, newest_day
from mailferry.planner.days import WorkingDays
from mailferry.planner.decide import Decision, decide
from mailferry.planner.fit import deadline_of, misfits
from mailferry.planner.judgement import say
from mailferry.planner.limits import TENANT
from mailferry.planner.order import Work, works
from mailferry.planner.product import Product
from mailferry.planner.quota import tenant_check, turned_away
from mailferry.planner.settings import HOSTNAME, PlanSettings
from mailferry.planner.values import WORLDWIDE, Item, LimitCheck, Plan, Way
from mailferry.planner.waves import Dated, schedule

#: After so many days an export is no longer what is.
_STALE = 14
_DOMAIN = re.compile(HOSTNAME)
Decided = list[tuple[Case, Decision]]


def make(clients: Iterable[Client], products: Mapping[str, Product], settings: PlanSettings, today: date) -> Plan:
    """The plan. Raises ValueError when two clients have the same id, CountryError for a country nobody knows."""
    cutoff = settings.cutoff or disabled_from()
    decided = _decided(sorted(clients, key=lambda client: client.id), products, settings, today)
    newest = newest_day((case.client for case, _ in decided), today)
    work = works(((case.client, decision) for case, decision in decided), settings.owner)
    calendar = WorkingDays(settings)
    deadline = deadline_of(settings, calendar, cutoff)
    dated = schedule(work, settings, calendar, today, deadline)
    items = [_item(case, decision, dated, settings) for case, decision in decided]
    limits = () if settings.licences is None else (tenant_check(decided, settings.licences),)
    return Plan(
        made=today,
        cutoff=cutoff,
        items=tuple(sorted(items, key=lambda item: (item.day or date.max, item.owner, item.client.id))),
        waves=dated.waves,
        warnings=tuple(_warnings(work, dated, settings, today, newest, cutoff, limits)),
        deadline=deadline,
        limits=limits,
        contact=settings.contact,
        domains=domains(settings, (case.client.sender for case, _ in decided)),
        gateway=gateway_name(settings, (case.client.sender for case, _ in decided)),
        cloud=settings.cloud or WORLDWIDE,
    )


def gateway_name(settings: PlanSettings, senders: Iterable[str]) -> str:
    """The host name that clients are pointed at."""
    if settings.gateway:
        return settings.gateway
    domain = next(iter(domains(settings, senders)), "example.com")
    return f"mailferry.{domain}"


def domains(settings: PlanSettings, senders: Iterable[str]) -> tuple[str, ...]:
    """The accepted domains as set, or those of the senders, the most frequent first."""
    if settings.domains:
        return settings.domains
    counts: dict[str, int] = {}
    for sender in senders:
        domain = sender.rpartition("@")[2]
        if _DOMAIN.fullmatch(domain):
            counts[domain] = counts.get(domain, 0) + 1
    return tuple(sorted(counts, key=lambda domain: (-counts[domain], domain)))


def _decided(
    clients: Sequence[Client], products: Mapping[str, Product], settings: PlanSettings, today: date
) -> Decided:
    if len({client.id for client in clients}) < len(clients):
        raise ValueError("two clients of the inventory have the same id")
    shared, newest = mailboxes(clients), newest_day(clients, today)
    gateway, ways = gateway_name(settings, (client.sender for client in clients)), frozenset(settings.ways)

    def case_of(client: Client, ways: frozenset[Way]) -> Case:
        volume, count = shared.get(client.sender, (client.volume, 1))
        return Case(client, products.get(client.product), settings, newest, volume, count, ways, gateway)

    cases = [case_of(client, ways) for client in clients]
    decided = [(case, decide(case)) for case in cases]
    away = turned_away(decided, settings)
    for number, (case, _) in enumerate(decided):
        if away and (case.client.sender or case.client.id) in away:
            fewer = case_of(case.client, ways - {Way.GATEWAY_ACS})
            decided[number] = fewer, decide(fewer)
    return decided


def _item(case: Case, decision: Decision, dated: Dated, settings: PlanSettings) -> Item:
    client, fits = case.client, decision.fits
    return Item(
        client=client,
        way=fits.way,
        rule=decision.rule,
        reason=fits.reason,
        evidence=decision.evidence,
        steps=fits.steps,
        refused=decision.refused,
        limits=fits.limits,
        effort=fits.effort,
        risk=decision.risk,
        owner=client.owner or settings.owner,
        wave=dated.wave.get(client.id, 0),
        day=dated.day.get(client.id),
        source=fits.source,
        product=case.product.name.en if case.product else "",
    )


def _warnings(
    work: Sequence[Work],
    dated: Dated,
    settings: PlanSettings,
    today: date,
    newest: date,
    cutoff: date,
    limits: Sequence[LimitCheck],
) -> Iterator[Text]:
    yield from misfits(work, dated, settings, today, cutoff)
    age = (today - newest).days
    if age > _STALE:
        yield say(
            "The newest export ends {days} days ago, on {day}; what has changed since is not in the plan.",
            "最新のエクスポートは {days} 日前（{day}）までのデータです。以降の変更は計画に反映されていません。",
            days=age,
            day=newest.isoformat(),
        )
    for check in limits:
        if check.limit == TENANT and check.kept is False:
            yield say(
                "External recipients of the whole tenant may reach {observed:,} in a day; {published:,} are allowed "
                "with these licences. Let the largest senders to the outside leave by another way.",
                "テナント全体の外部受信者数が 1 日 {observed:,} に達する可能性があります（このライセンス数での上限は "
                "{published:,}）。外部宛てが多いクライアントは、別の方法に切り替えてください。",
                observed=check.observed,
                published=check.published,
            )
    orphans = sum(1 for one in work if not one.owner)
    if orphans:
        yield say(
            "{count} {clients} no owner; name one, or set `owner`.",
            "担当者が未設定のクライアントが {count} 件あります。担当者を登録するか、`owner` を設定してください。",
            count=orphans,
            clients="client has" if orphans == 1 else "clients have",
        )
