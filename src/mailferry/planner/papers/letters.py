"""Letters to the owners of devices: what changes, what to do with which of them, by when, and whom to ask.

Leaves to others: the wording (templates/letter.en.txt, letter.ja.txt) and sending. Invariants: every client with
something to do stands in exactly one letter of a language; what only an administrator does is in none.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailferry.planner.papers.templating import text_templates
from mailferry.planner.papers.view import View
from mailferry.planner.papers.words import label
from mailferry.planner.steps import addressed, for_owner
from mailferry.planner.values import Item, Way

_UNSAFE = re.compile(r"[^A-Za-z0-9.@_-]+")
_BREAKS = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Group:
    """Clients with which the same is done, in the order of their days."""

    items: tuple[Item, ...]
    way: str
    why: str
    steps: tuple[str, ...]


def write(view: View) -> Iterator[tuple[str, bytes]]:
    """Every letter with its file name."""
    owners: dict[str, list[Item]] = {}
    for item in view.busy:
        owners.setdefault(item.owner, []).append(item)
    template = text_templates().get_template(f"letter.{view.words.language}.txt")
    for owner in sorted(owners):
        text = template.render(
            owner=_line(owner),
            plan=view.plan,
            words=view.words,
            groups=_groups(view, owners[owner]),
            count=len(owners[owner]),
            name=_name,
            first=min(item.day for item in owners[owner] if item.day),
            last=max(item.day for item in owners[owner] if item.day),
        )
        yield f"letters/{file_name(owner)}.{view.words.language}.txt", text.encode()


def file_name(owner: str) -> str:
    """A name for the owner's letter: harmless, and of no two owners the same."""
    plain = _UNSAFE.sub("-", owner).strip("-.")[:60]
    if plain == owner == owner.lower() and owner:  # some file systems do not tell a from A
        return plain
    return f"{plain or 'owner'}-{hashlib.blake2s(owner.encode(), digest_size=4).hexdigest()}" if owner else "nobody-yet"


def _groups(view: View, items: list[Item]) -> list[Group]:
    groups: dict[tuple[str, str, tuple[str, ...]], list[Item]] = {}
    for item in sorted(items, key=lambda item: (item.day or view.plan.cutoff, label(item.client), item.client.id)):
        steps = tuple(addressed(view.words.text(step)) for step in item.steps if for_owner(step))
        why = view.words.text(item.reason) if item.way is Way.ASK else ""
        groups.setdefault((view.words.way(item.way), why, steps), []).append(item)
    return [Group(tuple(members), way, why, steps) for (way, why, steps), members in groups.items()]


def _name(item: Item) -> str:
    """The client, told from others of the same mailbox, with its product and site."""
    client = item.client
    where = next((text for text in (*client.names, *client.addresses) if text != label(client)), "")
    parts = [f"{label(client)} [{where}]" if where else label(client), item.product, client.site]
    return _line(", ".join(part for part in parts if part))


def _line(text: str) -> str:
    """What an export said, on one line."""
    return _BREAKS.sub(" ", text).strip()
