"""The names of what can be wrong on our side of an upstream, as `Deferred.lane_fault` carries them.

Leaves to others: which reply is which fault (classify) and what a lane does about it (delivery).
Invariant: a fault of this list holds mail; it never bounces it.
"""

from __future__ import annotations

from enum import StrEnum

from mailferry.mail.outcome import Deferred


class Fault(StrEnum):
    """One word per kind; the reply beside it says the rest."""

    CONNECTION = "connection"  # the host cannot be reached, hangs up, or greets with a refusal
    TLS = "tls"  # STARTTLS missing or failed, certificate not accepted
    LOGIN = "login"  # the upstream refused our login, or offers no mechanism we can use
    TOKEN = "token"  # noqa: S105 - no token could be had: secret expired, consent missing, endpoint unreachable
    THROTTLE = "throttle"  # a published limit was met: the lane slows down, nobody needs to act
    SENDER = "sender"  # this sending mailbox or its right to send as this sender; other mailboxes are not touched
    SERVICE = "service"  # a switch, permission or reputation block that refuses every message of the lane
    CONFIGURATION = "configuration"  # the route cannot be used as it is configured
    INTERNAL = "internal"  # this gateway failed over this one message; the lane and the upstream have no part in it
    EXTERNAL = "external"  # the tenant may write to no outside recipient for now; those inside are not touched
    BODY = "body"  # the stored octets of this one message are missing or short


#: Faults that say nothing of the lane, so that other mail goes on: of this gateway with one message, and of a tenant
#: with recipients that are outside.
OWN = frozenset({Fault.INTERNAL.value, Fault.BODY.value, Fault.EXTERNAL.value})


class Unusable(Exception):
    """No connection of this lane can be had; `outcome` is what that means for every recipient that waits for one."""

    def __init__(self, outcome: Deferred) -> None:
        super().__init__(str(outcome.reply))
        self.outcome = outcome
