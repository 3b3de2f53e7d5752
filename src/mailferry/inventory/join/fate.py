"""What becomes of a client on a date: it breaks, it goes on, it is refused already, or nobody can say yet.

Leaves to others: the schedule (m365.schedule) and saying why (findings). Invariant: pure; what nobody can say is
UNCERTAIN, and a client that Microsoft does not see sign in is not touched by the end of Basic authentication.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from mailferry.inventory.join.facts import Evidence
from mailferry.inventory.records import Authentication, Fate, Switches
from mailferry.m365.schedule import BasicAuthPhase, phase_at

#: So many refusals in a row, over so long, are no slip.
_REFUSED, _LASTING = 3, timedelta(days=1)
#: Host names of client submission: whoever relays there signs in there.
SUBMISSION_HOSTS = ("smtp.office365.com", "smtp-legacy.office365.com", "smtp.office365.us", "outlook-dod.office365.us",
                    "smtp.partner.outlook.cn", "smtp-legacy.partner.outlook.cn", "outlook.office365.com")  # fmt: skip


class Cause(StrEnum):
    """Why; each has its finding."""

    NONE = ""
    NO_SIGN_IN = "no-sign-in"  # anonymous, or through a relay or the gateway
    BEHIND_RELAY = "behind-relay"
    SWITCHED_OFF = "switched-off"
    POLICY = "policy-blocks"
    REFUSED = "refused-today"
    MOVED = "moved"
    PROTOCOL_UNKNOWN = "protocol-unknown"
    BASIC = "breaks-on-date"


@dataclass(frozen=True, slots=True)
class Judgement:
    fate: Fate
    cause: Cause


def judge(
    evidence: Evidence,
    authentication: Authentication,
    reported: bool,
    refusals: int,
    switches: Switches,
    at: date,
    ends: date | None = None,
) -> Judgement:
    """Facts 8.5: the switch stops Basic and OAuth, a policy stops Basic only. `reported`: Microsoft's report has it.
    `ends`: the day from which Basic is disabled; None: as announced."""
    if not evidence.submits and not reported:
        if any(relay in SUBMISSION_HOSTS for relay in evidence.relays):
            return Judgement(Fate.UNCERTAIN, Cause.BEHIND_RELAY)
        return Judgement(Fate.CONTINUES, Cause.NO_SIGN_IN)
    if authentication is Authentication.ANONYMOUS:
        return Judgement(Fate.CONTINUES, Cause.NO_SIGN_IN)
    if _moved(evidence):
        return Judgement(Fate.CONTINUES, Cause.MOVED)
    if switches.disabled:
        return Judgement(Fate.BROKEN, Cause.SWITCHED_OFF)
    basic = authentication in (Authentication.BASIC, Authentication.MIXED)
    if basic and switches.policy_blocks_basic:
        return Judgement(Fate.BROKEN, Cause.POLICY)
    if _refused(evidence, refusals):
        return Judgement(Fate.BROKEN, Cause.REFUSED)
    if authentication is Authentication.UNKNOWN:
        return Judgement(Fate.UNCERTAIN, Cause.PROTOCOL_UNKNOWN)
    if basic and phase_at(at, disabled=ends) is not BasicAuthPhase.ALLOWED:
        return Judgement(Fate.BREAKS, Cause.BASIC)
    return Judgement(Fate.CONTINUES, Cause.NONE)


def _moved(evidence: Evidence) -> bool:
    """Through the gateway since, and no password at Microsoft's since: the report of 90 days may remember more."""
    return (
        evidence.first_gateway is not None
        and evidence.last_basic is not None
        and evidence.last_basic < evidence.first_gateway
    )


def _refused(evidence: Evidence, refusals: int) -> bool:
    if evidence.last_out is None or not refusals:
        return False
    if evidence.last_in is None:
        return "trace" not in evidence.kinds or refusals >= _REFUSED
    return refusals >= _REFUSED and evidence.last_out - evidence.last_in >= _LASTING
