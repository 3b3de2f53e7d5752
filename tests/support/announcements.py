"""Announcements as they are after reading, made by hand, and the figures of a made-up organisation."""

from __future__ import annotations

from datetime import date

from mailferry.bulletin.facts import Announcement, Audience, Bound, Effect, Kind, Mention, Period, Phase, Precision
from mailferry.bulletin.figures import Figures, Share
from mailferry.m365.facts import Text

ADDRESS = "https://techcommunity.example/blog/exchange/4489835"
TITLE = "Updated Exchange Online SMTP AUTH Basic Authentication Deprecation Timeline"
ERROR = "550 5.7.30 Basic authentication is not supported for Client Submission"

END_2026 = Period(date(2026, 12, 21), date(2026, 12, 31), Precision.PART, "End of December 2026")
DECEMBER_2026 = Period(date(2026, 12, 1), date(2026, 12, 31), Precision.MONTH, "December 2026")
SECOND_HALF_2027 = Period(date(2027, 7, 1), date(2027, 12, 31), Precision.HALF, "Second half of 2027")

FIGURES = Figures(
    breaking=14,
    categories=(Share(Text("Scripts", "スクリプト"), 5), Share(Text("Multifunction printers", "複合機"), 9)),
    mailboxes=11,
    days_left=37,
    done=3,
    total=17,
)


def mention(kind: Kind, value: str, sentence: str = "") -> Mention:
    return Mention(kind, value, sentence or value)


def phase(period: Period, effect: Effect, who: Audience, sentence: str = "", bound: Bound = Bound.IN) -> Phase:
    return Phase(period, effect, who, sentence, bound)


PHASES = (
    phase(DECEMBER_2026, Effect.UNCHANGED, Audience.ALL, "Now to December 2026: unchanged.", Bound.UNTIL),
    phase(
        END_2026,
        Effect.DISABLED_BY_DEFAULT,
        Audience.EXISTING,
        "Disabled by default for existing tenants; administrators will still be able to enable it if needed.",
    ),
    phase(DECEMBER_2026, Effect.UNAVAILABLE, Audience.NEW, "New tenants: unavailable by default.", Bound.AFTER),
    phase(SECOND_HALF_2027, Effect.ANNOUNCEMENT, Audience.ALL, "The final date will be announced."),
)
MENTIONS = (
    mention(Kind.PRODUCT, "Exchange Online"),
    mention(Kind.ENDPOINT, "smtp.office365.com"),
    mention(Kind.ERROR, ERROR),
    mention(Kind.ALTERNATIVE, "oauth"),
    mention(Kind.ALTERNATIVE, "hve"),
    mention(Kind.ALTERNATIVE, "acs"),
    mention(Kind.ACTION, "identify all devices and applications that use SMTP AUTH and move them to OAuth"),
    mention(Kind.ACTION, "Keep an eye on the Message center."),
    mention(Kind.REENABLING, "Administrators will still be able to enable it if needed."),
    mention(Kind.RISK, "Basic authentication leaves credentials exposed to theft."),
)


def announcement(
    phases: tuple[Phase, ...] = PHASES,
    mentions: tuple[Mention, ...] = MENTIONS,
    title: str = TITLE,
    publisher: str = "Microsoft Exchange Team Blog",
    published: date | None = date(2026, 1, 27),
    address: str = ADDRESS,
    language: str = "en",
) -> Announcement:
    return Announcement(title, publisher, published, address, language, phases, mentions, ())
