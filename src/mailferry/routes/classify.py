"""What a reply of the upstream means for the message: an Outcome, by the stage at which it came.

Leaves to others: the sentences that Microsoft's services answer with (m365.errors), reading replies (smtp).
Invariants: the class of a reply decides, and what is not understood is deferred; a reply that blames our side of the
upstream (login, permission, throttle, connection) is never Failed, at whatever stage it comes.
"""

from __future__ import annotations

from enum import StrEnum

from mailferry.m365.errors import OUTSIDE_ONLY, Disposition, ErrorFact, match
from mailferry.m365.errors import Stage as FactStage
from mailferry.mail.outcome import Deferred, Delivered, Failed, Outcome, Unknown
from mailferry.routes.faults import Fault
from mailferry.smtp.replies import Reply


class Stage(StrEnum):
    """Where in the dialogue a reply came, or where it ended without one."""

    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"  # the answer to the DATA command
    END = "end"  # the answer to the whole message


#: Before a transaction there is no message, so nothing that happens there can be its fault.
_BEFORE: dict[Stage, tuple[Fault, FactStage]] = {
    Stage.CONNECT: (Fault.CONNECTION, FactStage.CONNECT),
    Stage.GREETING: (Fault.CONNECTION, FactStage.CONNECT),
    Stage.EHLO: (Fault.CONNECTION, FactStage.CONNECT),
    Stage.STARTTLS: (Fault.TLS, FactStage.STARTTLS),
    Stage.AUTH: (Fault.LOGIN, FactStage.AUTH),
}
_FACT_STAGES = {
    Stage.MAIL: FactStage.MAIL,
    Stage.RCPT: FactStage.RCPT,
    Stage.DATA: FactStage.DATA,
    Stage.END: FactStage.DATA,
}
#: RFC 4954 section 6: authentication required, too weak, failed, encryption required. Given to whatever command.
_LOGIN_CODES = frozenset({530, 534, 535, 538})
#: RFC 5321 section 4.2.2: not implemented, bad sequence. The two sides disagree about the dialogue, not the message.
_DIALOGUE_CODES = frozenset({502, 503})
#: What Exchange Online can hold against the message at MAIL: syntax, size, mailbox name, parameters.
_OWN_AT_MAIL = frozenset({501, 552, 553, 555})


class Classifier:
    """Turns replies into outcomes. `exchange` says that the upstream takes mail from our own mailbox after a login, so
    that a refusal of MAIL is about that mailbox; a smarthost may refuse any sender for its own reasons. `at_mail` is
    what such a refusal blames where nothing is known of its sentence."""

    __slots__ = ("_at_mail", "_exchange")

    def __init__(self, *, exchange: bool, at_mail: Fault = Fault.SERVICE) -> None:
        self._exchange = exchange
        self._at_mail = at_mail

    def outcome(self, stage: Stage, reply: Reply) -> Outcome:
        """What `reply`, given at `stage`, means for the recipients it was given for."""
        if stage in _BEFORE:
            return self.fault(stage, reply)
        if stage is Stage.END and reply.code // 100 == 2:
            return Delivered(reply)
        fact = match(reply.code, str(reply), _FACT_STAGES[stage])
        if fact is not None:
            return _by_fact(fact, reply)
        if reply.code in _LOGIN_CODES:
            return Deferred(reply, lane_fault=Fault.LOGIN)
        if not reply.permanent:
            # 421 to MAIL is about the service. Later in the dialogue it may be this message that the peer dislikes,
            # and one message must not be able to hold the lane.
            closing = reply.code == 421 and stage is Stage.MAIL
            return Deferred(reply, lane_fault=Fault.CONNECTION if closing else "")
        if reply.code in _DIALOGUE_CODES:
            return Deferred(reply)
        if stage is Stage.MAIL and self._exchange and not _blames_message(reply):
            return Deferred(reply, lane_fault=self._at_mail)
        return Failed(reply)

    def fault(self, stage: Stage, reply: Reply) -> Deferred:
        """A refusal before any transaction: connect, greeting, EHLO, STARTTLS or AUTH."""
        kind, where = _BEFORE[stage]
        fact = match(reply.code, str(reply), where)
        if fact is not None and fact.disposition is Disposition.THROTTLE:
            kind = Fault.THROTTLE
        return Deferred(reply, lane_fault=kind)


def _by_fact(fact: ErrorFact, reply: Reply) -> Outcome:
    match fact.disposition:
        case Disposition.LANE_FAULT:
            login = fact.stage is FactStage.AUTH or reply.code in _LOGIN_CODES
            return Deferred(reply, lane_fault=Fault.LOGIN if login else Fault.SERVICE)
        case Disposition.THROTTLE:
            return Deferred(reply, lane_fault=Fault.EXTERNAL if fact.id in OUTSIDE_ONLY else Fault.THROTTLE)
        case Disposition.SENDER_FAULT:
            return Deferred(reply, lane_fault=Fault.SENDER)
        case Disposition.FAIL if reply.permanent:
            return Failed(reply)
        case _:
            return Deferred(reply)


def _blames_message(reply: Reply) -> bool:
    """Whether a 5yz to MAIL names the message's own sender address or size, not a right or a policy (X.7.Z)."""
    return reply.code in _OWN_AT_MAIL and not reply.enhanced.startswith("5.7.")


# -- what this side says when the upstream said nothing; codes and status as RFC 3463 has them ------------------------


def local(code: int, enhanced: str, text: str) -> Reply:
    """A reply in our own words, for history and people."""
    return Reply(code, enhanced, (text,))


def unreachable(text: str) -> Deferred:
    return Deferred(local(451, "4.4.1", text), lane_fault=Fault.CONNECTION)


def lost(text: str) -> Deferred:
    """The connection broke before the message was sent."""
    return Deferred(local(451, "4.4.2", text), lane_fault=Fault.CONNECTION)


def broken_off(text: str) -> Deferred:
    """The connection broke within the message: the upstream cannot have it whole. Not a fault of the lane, since it
    may be the message that something on the way objects to."""
    return Deferred(local(451, "4.4.2", text))


def unanswered(text: str) -> Unknown:
    """The message was handed over whole and no answer came (RFC 5321 section 4.5.3.2.6 names this window)."""
    return Unknown(local(451, "4.4.2", text))


def throttled(text: str, seconds: float) -> Deferred:
    """A limit that is known was met: nothing was asked, and nothing is before so many seconds are over."""
    return Deferred(local(451, "4.3.2", text), seconds, Fault.THROTTLE)


def no_tls(text: str) -> Deferred:
    return Deferred(local(451, "4.7.5", text), lane_fault=Fault.TLS)


def no_token(text: str, retry_after: float | None) -> Deferred:
    return Deferred(local(451, "4.7.0", text), retry_after, Fault.TOKEN)


def no_login(text: str) -> Deferred:
    return Deferred(local(451, "4.7.0", text), lane_fault=Fault.LOGIN)


def misconfigured(text: str) -> Deferred:
    return Deferred(local(451, "4.3.5", text), lane_fault=Fault.CONFIGURATION)


def internal(text: str) -> Deferred:
    """Our own failure: no time that it lasts may count against the message."""
    return Deferred(local(451, "4.3.0", text), lane_fault=Fault.INTERNAL)


def bodiless(text: str) -> Deferred:
    return Deferred(local(451, "4.3.0", text), lane_fault=Fault.BODY)
