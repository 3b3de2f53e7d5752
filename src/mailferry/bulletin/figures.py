"""The organisation's own figures in a notice: who breaks, how many mailboxes, how long is left, how far it is.

Leaves to others: counting (the caller, from inventory and plan). Invariant: a figure nobody counted is None and is not
written; the figures do not contradict each other.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from mailferry.m365.facts import Text


@dataclass(frozen=True, slots=True)
class Share:
    """So many clients of one category: printers, scripts, …"""

    category: Text
    count: int


@dataclass(frozen=True, slots=True)
class Figures:
    """`breaking` counts clients that stop sending; `done` of `total` no longer depend on Basic authentication."""

    breaking: int | None = None
    categories: tuple[Share, ...] = ()
    mailboxes: int | None = None
    days_left: int | None = None
    done: int | None = None
    total: int | None = None

    def __post_init__(self) -> None:
        counts = [self.breaking, self.mailboxes, self.done, self.total, *(share.count for share in self.categories)]
        if any(count is not None and count < 0 for count in counts):
            raise ValueError("a count is less than 0")
        if (self.done is None) != (self.total is None):
            raise ValueError("done and total belong together; give both or neither")
        if self.done is not None and self.total is not None and self.done > self.total:
            raise ValueError(f"done ({self.done}) is more than total ({self.total})")
        if self.categories and self.breaking is None:
            raise ValueError("categories need breaking, which is their sum")
        if self.categories and sum(share.count for share in self.categories) != self.breaking:
            raise ValueError("the categories do not add up to breaking")

    @property
    def empty(self) -> bool:
        return self == Figures()


def from_json(data: bytes) -> Figures:
    """Figures as a program wrote them: {"breaking": 12, "categories": [{"category": {"en": "Printers", "ja": "複合機"},
    "count": 7}, …], "mailboxes": 9, "done": 3, "total": 15}. Raises ValueError with all that is wrong."""
    try:
        return TypeAdapter(_Written).validate_json(data).figures()
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, detail['loc'])) or 'it'}: {detail['msg']}" for detail in error.errors())
        raise ValueError("; ".join(wrong)) from None


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Words(_Strict):
    en: str
    ja: str


class _Share(_Strict):
    category: _Words
    count: int


class _Written(_Strict):
    """The names and kinds that are taken; what figures mean together, Figures checks."""

    breaking: int | None = None
    categories: list[_Share] = []
    mailboxes: int | None = None
    days_left: int | None = None
    done: int | None = None
    total: int | None = None

    def figures(self) -> Figures:
        shares = tuple(Share(Text(share.category.en, share.category.ja), share.count) for share in self.categories)
        return Figures(self.breaking, shares, self.mailboxes, self.days_left, self.done, self.total)
