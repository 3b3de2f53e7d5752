"""What there is to know of a client, as codes with a sentence each in English and Japanese.

Leaves to others: how sentences are shown (cli, reports) and the fate itself (fate). Invariant: every finding's sentence
is filled by its own values; a sentence says what is and what settles it, no more than the facts bear.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources

from mailferry.inventory.join.facts import Evidence
from mailferry.inventory.join.fate import Cause, Judgement
from mailferry.inventory.records import Authentication, Finding, Severity, Switches
from mailferry.m365.facts import Text

_OLD = ("1.0", "1.1")
_QUIET = timedelta(days=14)


@cache
def _codes() -> Mapping[str, tuple[Severity, Text]]:
    text = resources.files(__package__).joinpath("findings.toml").read_text("utf-8")
    return {
        code: (Severity(entry["severity"]), Text(entry["en"], entry["ja"]))
        for code, entry in tomllib.loads(text).items()
    }


#: Every code with its severity and sentence, in the order in which they are told.
CODES: Mapping[str, tuple[Severity, Text]] = _codes()


#: Problems before warnings before notes, each in the order of the codes.
_PLACES = {code: (list(Severity).index(severity), place) for place, (code, (severity, _)) in enumerate(CODES.items())}


def sentence(finding: Finding, language: str = "en") -> str:
    """The finding in words."""
    return CODES[finding.code][1].of(language).format(**finding.values)


@dataclass(frozen=True, slots=True)
class Case:
    """A client as far as it is known, with what surrounds it."""

    evidence: Evidence
    authentication: Authentication
    judgement: Judgement
    switches: Switches
    tls: tuple[str, ...]
    at: date
    kinds: frozenset[str]  # of everything imported
    newest: datetime | None  # the end of the newest export
    refusals: int = 0
    shared: int = 1  # clients of its mailbox
    mailbox_messages: int | None = None
    unattributed: tuple[str, int] | None = None  # protocol and messages, of a client that only the report knows


def findings(case: Case) -> tuple[Finding, ...]:
    """Problems first."""
    found = [*_judged(case), *_spoken(case), *_gateway(case), *_reported(case), *_times(case)]
    return tuple(sorted(found, key=lambda finding: _PLACES[finding.code]))


def _finding(code: str, **values: object) -> Finding:
    return Finding(code, CODES[code][0], {name: str(value) for name, value in values.items()})


def _judged(case: Case) -> Iterator[Finding]:
    match case.judgement.cause:
        case Cause.BASIC:
            yield _finding("breaks-on-date", date=case.at.isoformat())
        case Cause.SWITCHED_OFF:
            where = "Set-CASMailbox" if case.switches.mailbox_disabled else "Set-TransportConfig"
            yield _finding("switched-off", where=where)
        case Cause.POLICY:
            yield _finding("policy-blocks", policy=case.switches.policy)
        case Cause.REFUSED:
            error = case.evidence.errors[0] if case.evidence.errors else ""
            yield _finding("refused-today", count=case.refusals, error=error)
        case Cause.BEHIND_RELAY:
            yield _finding("behind-relay", relay=case.evidence.relays[0])
        case Cause.PROTOCOL_UNKNOWN:
            yield _finding("protocol-unknown")
        case Cause.NO_SIGN_IN:
            yield _finding("no-sign-in")
        case _:
            return


def _spoken(case: Case) -> Iterator[Finding]:
    if case.authentication is Authentication.MIXED:
        yield _finding("mixed")
    old = [version for version in case.tls if version in _OLD]
    if old:
        yield _finding("old-tls", versions=", ".join(old))
    if "none" in case.tls:
        yield _finding("clear-text")
    if (
        case.evidence.auths == ("implied",)
        and case.authentication is Authentication.BASIC
        and not case.mailbox_messages
    ):
        yield _finding("implied-basic")


def _gateway(case: Case) -> Iterator[Finding]:
    evidence = case.evidence
    passwords = case.authentication in (Authentication.BASIC, Authentication.MIXED)
    if case.judgement.cause is Cause.MOVED and evidence.first_gateway and evidence.last_basic:
        yield _finding("moved", since=evidence.first_gateway.date(), direct=evidence.last_basic.date())
    elif evidence.last_gateway and evidence.last_basic and passwords:
        yield _finding("still-both", gateway=evidence.last_gateway.date(), direct=evidence.last_basic.date())
    elif (
        "gateway" in case.kinds
        and not evidence.last_gateway
        and passwords
        and (evidence.submits or case.mailbox_messages)
    ):
        yield _finding("not-yet-through-us")


def _reported(case: Case) -> Iterator[Finding]:
    if case.unattributed is not None:
        protocol, messages = case.unattributed
        yield _finding(
            "unattributed", protocol={"oauth": "OAuth", "basic": "Basic"}.get(protocol, "?"), messages=messages
        )
    elif case.shared > 1 and case.mailbox_messages:
        yield _finding("shared-mailbox", clients=case.shared, messages=case.mailbox_messages)


def _times(case: Case) -> Iterator[Finding]:
    last = case.evidence.last
    if last is not None and case.newest is not None and case.newest - last >= _QUIET:
        yield _finding("not-seen-lately", last=last.date(), days=(case.newest - last).days)
