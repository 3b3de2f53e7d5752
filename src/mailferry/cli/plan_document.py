"""The plan and its progress as a program reads them, and the part of the plan that was asked for.

Leaves to others: how it looks to people (plan_show). Invariant: values are plain JSON; names of ways and rules are the
ones of the code, texts are in the language that was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mailferry.planner.progress import Progress, Snapshot
    from mailferry.planner.values import Item, Plan


def chosen_items(plan: Plan, client: str, wave: int | None, owner: str, way: str) -> list[Item]:
    """The items that match everything asked for. A part of a client's name does where no client has the whole."""
    asked = client.casefold()
    exact = any(asked in _names(item) for item in plan.items)

    def known_as(item: Item) -> bool:
        return asked in _names(item) if exact else any(asked in name for name in _names(item))

    return [
        item
        for item in plan.items
        if (not client or known_as(item))
        and (wave is None or item.wave == wave)
        and (not owner or item.owner.casefold() == owner.casefold())
        and (not way or item.way.value == way)
    ]


def _names(item: Item) -> list[str]:
    one_of = item.client
    return [name.casefold() for name in (one_of.id, one_of.sender, *one_of.names, *one_of.addresses)]


def summary(plan: Plan, language: str) -> dict[str, Any]:
    ways: dict[str, int] = {}
    for item in plan.items:
        ways[item.way.value] = ways.get(item.way.value, 0) + 1
    return {
        "made": plan.made.isoformat(),
        "cutoff": plan.cutoff.isoformat(),
        "deadline": plan.deadline.isoformat() if plan.deadline else None,
        "clients": len(plan.items),
        "to_change": sum(1 for item in plan.items if item.wave),
        "ways": dict(sorted(ways.items())),
        "waves": [
            {
                "number": wave.number,
                "first": wave.first.isoformat(),
                "last": wave.last.isoformat(),
                "clients": len(wave.clients),
                "reason": wave.reason.of(language),
            }
            for wave in plan.waves
        ],
        "warnings": [text.of(language) for text in plan.warnings],
    }


def document(plan: Plan, items: Sequence[Item], language: str) -> dict[str, Any]:
    return {**summary(plan, language), "items": [_item(item, language) for item in items]}


def _item(item: Item, language: str) -> dict[str, Any]:
    return {
        "client": item.client.id,
        "sender": item.client.sender,
        "addresses": list(item.client.addresses),
        "product": item.product,
        "way": item.way.value,
        "rule": item.rule,
        "reason": item.reason.of(language),
        "evidence": list(item.evidence),
        "steps": [step.of(language) for step in item.steps],
        "refused": [
            {"way": other.way.value, "rule": other.rule, "reason": other.reason.of(language)} for other in item.refused
        ],
        "limits": [{**asdict(check), "note": check.note.of(language)} for check in item.limits],
        "effort": item.effort.value,
        "risk": item.risk.value,
        "owner": item.owner,
        "wave": item.wave,
        "day": item.day.isoformat() if item.day else None,
        "source": item.source,
    }


def progress_document(found: Progress, history: Iterable[Snapshot]) -> dict[str, Any]:
    def plain(shot: Snapshot) -> dict[str, Any]:
        return {**asdict(shot), "day": shot.day.isoformat()}

    return {
        **plain(found.snapshot),
        "until": found.until.isoformat(),
        "moved_clients": [item.client.id for item in found.moved],
        "overdue": [item.client.id for item in found.overdue],
        "new": list(found.new),
        "history": [plain(shot) for shot in history],
    }
