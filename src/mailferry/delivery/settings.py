"""What an administrator sets about delivery: the [delivery] section.

Leaves to others: reading TOML (config) and the limits of a route (routes.settings).
Invariant: every default keeps mail; none of them bounces what could still arrive.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mailferry.mail.dsn import Language
from mailferry.units import Duration, Size

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


class UnknownPolicy(StrEnum):
    """What happens to a recipient whose answer was lost."""

    RESEND = "resend"  # at least once: a second copy may arrive
    HOLD = "hold"  # at most once until an administrator decides


class Unreportable(StrEnum):
    """What happens to mail that failed for good when there is nobody who may be told (the null sender)."""

    HOLD = "hold"
    FAIL = "fail"


class RemoteBounces(StrEnum):
    """What happens when a report in a sending mailbox tells of mail that came back."""

    SHOW = "show"  # in the history of the message
    REPORT = "report"  # there, and in a report to the client's owner


class Returned(StrEnum):
    """What a report carries of the original where the sender did not say (RFC 3461 section 4.3)."""

    HEADERS = "headers"
    FULL = "full"


def _steps(value: tuple[float, ...]) -> tuple[float, ...]:
    if not value or any(step < 1 for step in value):
        raise ValueError("needs at least one step, each of a second or more")
    return value


Steps = Annotated[tuple[Duration, ...], AfterValidator(_steps)]


class DeliverySettings(BaseModel):
    """The [delivery] section."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    retry: Steps = Field(
        (MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR),
        description="Waits between the attempts of a recipient; the last one repeats.",
    )
    jitter: float = Field(
        0.1, ge=0, le=0.5, description="The part of a wait by which it may grow, so that retries do not come together."
    )
    expire: Duration = Field(
        5 * DAY, gt=0, description="How long a recipient is tried. Time in which the route itself was at fault is free."
    )
    warn_after: Duration = Field(
        0.0, description="Tell the sender of a delay once its recipient was tried that long; 0 is never."
    )
    unknown: UnknownPolicy = Field(
        UnknownPolicy.RESEND,
        description="A recipient whose answer was lost: resend (a duplicate may arrive) or hold for an administrator.",
    )
    unknown_resends: int = Field(
        5, ge=1, description="Attempts after which one more lost answer holds the recipient instead of sending again."
    )
    lookup: Steps = Field(
        (15.0, 30.0, MINUTE, 2 * MINUTE, 5 * MINUTE),
        description="Routes with `lookup`: waits before each look for mail whose answer was lost; the last repeats.",
    )
    lookup_patience: Duration = Field(
        15 * MINUTE,
        ge=0,
        description="How long a message that is not found may still turn up, before `unknown` decides. Microsoft does "
        "not say how soon Sent Items and the message trace show it.",
    )
    unreportable: Unreportable = Field(
        Unreportable.HOLD,
        description="Mail refused for good that must not be bounced (null sender, reports): hold it or let it fail.",
    )
    pause: Steps = Field(
        (10.0, 30.0, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE),
        description="Pauses of a lane at fault before one message probes it; the last one repeats.",
    )
    throttle_alarm: Duration = Field(
        15 * MINUTE, description="How long a lane may be throttled without an alarm; the service lifts it by itself."
    )
    alarm_age: Duration = Field(
        4 * HOUR, description="Raise an alarm when waiting mail is older than this; 0 is never."
    )
    lease: Duration = Field(HOUR, ge=300, description="How long one attempt may take, waiting included.")
    parallel: int = Field(400, ge=1, description="Attempts at the same time, over all lanes.")
    claim_ahead: int = Field(100, ge=1, le=1000, description="Messages a lane takes from the spool ahead of sending.")
    claim_ahead_all: int = Field(
        5000,
        ge=1,
        description="The same over all lanes: it bounds the memory of a gateway with thousands of mailboxes.",
    )
    record_backlog: int = Field(1000, ge=1, description="Results that may wait for the spool before sending waits too.")
    report_language: Language = Field(Language.ENGLISH, description="en, or ja for Japanese with English below.")
    report_returns: Returned = Field(
        Returned.HEADERS, description="What a report returns of the message where its sender did not say."
    )
    report_full_size: Size = Field(
        10 << 20, description="A larger message is returned by its headers even where all of it was asked for."
    )
    remote_bounces: RemoteBounces = Field(
        RemoteBounces.SHOW,
        description="Routes with `bounces`: show in a message's history that it came back, or also report it to the "
        "`owner` of its client.",
    )
    remote_bounces_every: Duration = Field(
        5 * MINUTE, ge=30, description="How often each sending mailbox is looked through for such reports."
    )
    remote_bounces_for: Duration = Field(
        7 * DAY, ge=HOUR, description="How long after it last sent a mailbox is looked through."
    )
    max_received: int = Field(
        50, ge=5, description="Received fields after which a message is refused as looping (RFC 5321 section 6.3)."
    )
