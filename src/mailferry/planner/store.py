"""The plan on disk: one JSON document in the state directory, where the rehearsal and the reports find it.

Texts and limit checks that many clients share stand in it once. Leaves to others: what a plan is (values).
Invariants: what is loaded is exactly what was saved, and the file is replaced in one step; a document of another
version, of another shape or changed by somebody else is refused.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from mailferry.inventory.records import Client
from mailferry.m365.facts import Text
from mailferry.planner.keep import StoreError, write_whole
from mailferry.planner.values import Effort, Item, LimitCheck, Plan, Refused, Risk, Way

__all__ = ["FILE", "NoPlanError", "StoreError", "dump", "load", "parse", "save"]

FORMAT, VERSION = "mailferry-plan", 1
FILE = "plan.json"
_CURE = "make it again with `mailferry plan make`"

T = TypeVar("T")
Number = Annotated[int, Field(ge=0)]


class NoPlanError(StoreError):
    """There is no plan yet."""


@dataclass(frozen=True, slots=True)
class _Row:
    """An Item, with numbers for what others share."""

    client: Client
    way: Way
    rule: str
    reason: Number
    evidence: tuple[str, ...]
    steps: tuple[Number, ...]
    refused: tuple[Number, ...]
    limits: tuple[Number, ...]
    effort: Effort
    risk: Risk
    owner: str
    wave: int
    day: date | None
    source: str
    product: str


@dataclass(frozen=True, slots=True)
class _Document:
    format: str
    version: int
    texts: tuple[Text, ...]
    refused: tuple[Refused, ...]
    limits: tuple[LimitCheck, ...]
    rows: tuple[_Row, ...]
    plan: Plan  # without its items


class _Pool(Generic[T]):
    """Values by number, each once."""

    def __init__(self) -> None:
        self._numbers: dict[T, int] = {}

    def number(self, value: T) -> int:
        return self._numbers.setdefault(value, len(self._numbers))

    def values(self) -> tuple[T, ...]:
        return tuple(self._numbers)


@cache
def _adapter() -> TypeAdapter[_Document]:
    return TypeAdapter(_Document)


def save(plan: Plan, directory: Path) -> Path:
    """Write `plan` into `directory`, which is made when it is missing, and return the file."""
    file = directory / FILE
    write_whole(file, dump(plan))
    return file


def load(directory: Path) -> Plan:
    """The plan in `directory`. Raises NoPlanError or StoreError."""
    file = directory / FILE
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        raise NoPlanError(f"there is no plan in {directory}; make one with `mailferry plan make`") from None
    except OSError as error:
        raise StoreError(f"{file} cannot be read: {error.strerror}") from error
    return parse(text, str(file))


def dump(plan: Plan) -> bytes:
    """The plan as a document."""
    texts: _Pool[Text] = _Pool()
    refused: _Pool[Refused] = _Pool()
    limits: _Pool[LimitCheck] = _Pool()
    rows = tuple(
        _Row(
            client=item.client,
            way=item.way,
            rule=item.rule,
            reason=texts.number(item.reason),
            evidence=item.evidence,
            steps=tuple(texts.number(step) for step in item.steps),
            refused=tuple(refused.number(other) for other in item.refused),
            limits=tuple(limits.number(check) for check in item.limits),
            effort=item.effort,
            risk=item.risk,
            owner=item.owner,
            wave=item.wave,
            day=item.day,
            source=item.source,
            product=item.product,
        )
        for item in plan.items
    )
    rest = replace(plan, items=())
    document = _Document(FORMAT, VERSION, texts.values(), refused.values(), limits.values(), rows, rest)
    return _adapter().dump_json(document, warnings="error") + b"\n"


def parse(text: bytes, name: str = FILE) -> Plan:
    """The plan in a document; `name` says where it comes from. Raises StoreError."""
    try:
        document = _adapter().validate_json(text)
    except ValidationError as error:
        raise StoreError(f"{name} {_complaint(text, error)}; {_CURE}") from None
    if (document.format, document.version) != (FORMAT, VERSION) or _adapter().dump_json(document) != text.rstrip():
        raise StoreError(f"{name} {_strange(document.format, document.version)}; {_CURE}")
    try:
        items = tuple(_item(document, row) for row in document.rows)
    except IndexError:
        raise StoreError(f"{name} is damaged: a row refers to a text that is missing; {_CURE}") from None
    return replace(document.plan, items=items)


def _item(document: _Document, row: _Row) -> Item:
    return Item(
        client=row.client,
        way=row.way,
        rule=row.rule,
        reason=document.texts[row.reason],
        evidence=row.evidence,
        steps=tuple(document.texts[number] for number in row.steps),
        refused=tuple(document.refused[number] for number in row.refused),
        limits=tuple(document.limits[number] for number in row.limits),
        effort=row.effort,
        risk=row.risk,
        owner=row.owner,
        wave=row.wave,
        day=row.day,
        source=row.source,
        product=row.product,
    )


def _complaint(text: bytes, error: ValidationError) -> str:
    """What is wrong with a document that cannot be read."""
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError):
        return "is damaged: no JSON"
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        return "holds no plan"
    if document.get("version") != VERSION:
        return _strange(FORMAT, document.get("version"))
    first = error.errors(include_url=False, include_input=False)[0]
    return f"is damaged at {'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def _strange(form: str, version: object) -> str:
    if form != FORMAT:
        return "holds no plan"
    if version != VERSION:
        return f"is of version {version!r}, this program reads {VERSION}"
    return "was changed by something else than this program"
