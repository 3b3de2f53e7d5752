"""A notice as values: a title and blocks of plain text, from which every form is made.

Leaves to others: what it says (compose, rewrite) and how a form shows it (forms, card, letter).
Invariant: there is no markup in a notice; `code` between backticks is the only sign, and text of a page is freed of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Reader(StrEnum):
    """For whom a notice is written."""

    ADMINS = "admins"
    OWNERS = "owners"


@dataclass(frozen=True, slots=True)
class Heading:
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list; `ordered` where the order matters."""

    entries: tuple[str, ...]
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Quotes:
    """Sentences in the words of the announcement, in its language."""

    entries: tuple[str, ...]
    language: str


@dataclass(frozen=True, slots=True)
class Table:
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A paragraph that is a reference: `label` before the link, `text` linked to `address`, `rest` behind it."""

    label: str
    text: str
    address: str
    rest: str = ""


Block = Heading | Paragraph | Items | Quotes | Table | Link


@dataclass(frozen=True, slots=True)
class Notice:
    """What is published, sent or printed."""

    title: str
    language: str
    reader: Reader
    blocks: tuple[Block, ...]

    def texts(self) -> Iterator[str]:
        """Every text that a reader sees."""
        yield self.title
        for block in self.blocks:
            match block:
                case Heading(text) | Paragraph(text):
                    yield text
                case Items(entries) | Quotes(entries):
                    yield from entries
                case Table(head, rows):
                    yield from head
                    for row in rows:
                        yield from row
                case Link(label, text, address, rest):
                    yield from (label, text, address, rest)


def plain(text: str) -> str:
    """Text of a page without what has a meaning here: backticks, line breaks, control characters."""
    kept = "".join(char if char.isprintable() or char.isspace() else "" for char in text)
    return " ".join(kept.replace("`", "'").split())


def code(text: str) -> str:
    """Text of a page as code."""
    kept = plain(text)
    return f"`{kept}`" if kept else ""


def pieces(text: str) -> list[tuple[bool, str]]:
    """The text in pieces, each with whether it is code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a backtick without its pair is a letter like others
        parts[-2:] = [f"{parts[-2]}`{parts[-1]}"]
    return [(number % 2 == 1, part) for number, part in enumerate(parts) if part]
