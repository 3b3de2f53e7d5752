"""The notice for people who look after a device or a program that sends mail: when, whether it is theirs, what to do.

Leaves to others: shared parts (matter). Invariant: no term that only administrators know, and nothing that a reader
should change before an administrator says how.
"""

from __future__ import annotations

from collections.abc import Iterator

from mailferry.bulletin import wording
from mailferry.bulletin.catalogue import Catalogue
from mailferry.bulletin.facts import Audience, Bound, Effect, Phase
from mailferry.bulletin.matter import Matter, closing, figures
from mailferry.bulletin.notice import Block, Heading, Items, Paragraph, Table


def title(matter: Matter) -> str:
    _, phase = matter._, matter.turning
    if phase is None:
        return _("Please check the devices and programs of yours that send mail")
    end = wording.until(phase.period, matter.language)
    return _("Please check the devices and programs of yours that send mail ({end})", end=end)


def blocks(matter: Matter) -> Iterator[Block]:
    _ = matter._
    yield Paragraph(_lead(matter))
    yield from _schedule(matter)
    yield Heading(_("Which devices and programs this is about"))
    yield Items(
        (
            _("“Scan to mail” on multifunction printers and scanners"),
            _("Notices by mail from uninterruptible power supplies (UPS), servers and network devices"),
            _("Mail that business applications and scripts send by themselves"),
        )
    )
    yield Paragraph(_("Reading and writing mail in Outlook on a computer or telephone is not affected."))
    yield from figures(matter)
    yield from _asked(matter)
    yield from _trouble(matter)
    yield from closing(matter)


def _lead(matter: Matter) -> str:
    _, phase = matter._, matter.turning
    if phase is None:
        return _(
            "Microsoft 365 (Exchange Online) is phasing out an old way to sign in (Basic authentication), by which "
            "multifunction printers, scanners, monitoring devices and business applications send mail. Devices and "
            "programs that are not changed will then no longer be able to send."
        )
    return _(
        "An old way to sign in (Basic authentication), by which multifunction printers, scanners, monitoring devices "
        "and business applications send mail, is being phased out in Microsoft 365 (Exchange Online): {when} {what}. "
        "Devices and programs that are not changed will then no longer be able to send.",
        when=wording.at(phase, matter.language),
        what=_what(phase.effect, _),
    )


def _what(effect: Effect, _: Catalogue) -> str:
    match effect:
        case Effect.DISABLED_BY_DEFAULT:
            return _("it is disabled by default")
        case Effect.REMOVED:
            return _("it is removed for good")
        case Effect.PARTIAL:
            return _("a part of such mail is refused")
    return _("it is no longer available by default")


def _schedule(matter: Matter) -> Iterator[Block]:
    _ = matter._
    rows = tuple(
        (_when(phase, matter), text)
        for phase in matter.phases
        if phase.audience is not Audience.NEW and (text := _happens(phase.effect, _))
    )
    if rows:
        yield Heading(_("What changes, and when"))
        yield Table((_("When"), _("What happens")), rows)


def _when(phase: Phase, matter: Matter) -> str:
    if phase.effect is Effect.UNCHANGED and phase.bound is Bound.IN:
        text = wording.until(phase.period, matter.language)
        return text[:1].upper() + text[1:]
    return wording.label(phase, matter.language)


def _happens(effect: Effect, _: Catalogue) -> str:
    return {
        Effect.UNCHANGED: _("Mail can be sent as before."),
        Effect.DISABLED_BY_DEFAULT: _(
            "The old way to sign in is disabled by default; devices that need it stop sending."
        ),
        Effect.UNAVAILABLE: _("The old way to sign in is no longer available; devices that need it stop sending."),
        Effect.ANNOUNCEMENT: _("The final date is to be announced."),
        Effect.REMOVED: _("The old way to sign in is removed for good; devices that need it can never send again."),
        Effect.PARTIAL: _("Some of the mail of such devices is not sent."),
    }.get(effect, "")


def _asked(matter: Matter) -> Iterator[Block]:
    _, contact = matter._, matter.signature.contact
    tell = (
        _("If so, tell {contact} the model, where it stands, and the address it sends from.", contact=contact)
        if contact
        else _("If so, tell your IT department the model, where it stands, and the address it sends from.")
    )
    yield Heading(_("What we ask you to do"))
    yield Items(
        (
            _("Check whether a device or program in your care sends mail."),
            tell,
            _("Please change no settings until you hear from us: we tell you for each device what to change."),
            _("Before you buy a new device or program, make sure that it can do modern authentication (OAuth)."),
        ),
        ordered=True,
    )


def _trouble(matter: Matter) -> Iterator[Block]:
    _ = matter._
    yield Heading(_("If mail no longer arrives"))
    yield Paragraph(_("Please tell us at once, with the time and the text that the device shows."))
    if matter.errors:
        yield Paragraph(_("It may be one of these:"))
        yield Items(matter.errors)
