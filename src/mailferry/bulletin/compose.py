"""From facts and figures to a notice: for whom, in which language, in which order.

Leaves to others: the sentences for administrators and owners (admins, owners), the forms (forms).
Invariant: a notice says nothing that is neither on the page, nor among the figures, nor a standing sentence of ours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from mailferry.bulletin import admins, owners
from mailferry.bulletin.catalogue import catalogue
from mailferry.bulletin.facts import Announcement, Precision
from mailferry.bulletin.figures import Figures
from mailferry.bulletin.matter import Matter, Signature
from mailferry.bulletin.notice import Notice, Reader, plain

__all__ = ["Signature", "compose", "deadline"]


@dataclass(frozen=True, slots=True)
class NothingToSay(Exception):
    """The page holds no fact that a notice could be made of."""

    def __str__(self) -> str:
        return "nothing about the end of Basic authentication for SMTP AUTH was found on the page"


def compose(
    announcement: Announcement,
    reader: Reader,
    language: str,
    figures: Figures | None = None,
    signature: Signature | None = None,
) -> Notice:
    """The notice. Raises NothingToSay where the page said nothing that is understood."""
    if not announcement.phases and not announcement.mentions:
        raise NothingToSay
    told = replace(announcement, title=plain(announcement.title), publisher=plain(announcement.publisher))
    signed = Signature(plain(signature.organisation), plain(signature.contact)) if signature else Signature()
    matter = Matter(told, catalogue(language), figures or Figures(), signed)
    room = admins if reader is Reader.ADMINS else owners
    return Notice(room.title(matter), language, reader, tuple(room.blocks(matter)))


def deadline(announcement: Announcement) -> date | None:
    """The day a count has to assume: the last of "end of December", the first of anything longer."""
    phase = Matter(announcement, catalogue("en"), Figures(), Signature()).turning
    if phase is None:
        return None
    return phase.period.last if phase.period.precision is Precision.PART else phase.period.first
