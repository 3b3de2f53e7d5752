"""Whether a mail server knows a password: a connection, STARTTLS, AUTH, QUIT. Nothing is sent.

Leaves to others: who may ask and how often (listener.enrolment). Invariant: the password goes out only after the
server's certificate was checked, and shows in no reason.
"""

from __future__ import annotations

from dataclasses import dataclass

from mailferry.m365 import errors
from mailferry.routes.auth import Opener, PasswordLogin
from mailferry.routes.classify import Classifier
from mailferry.routes.dial import Dialer, Target
from mailferry.routes.faults import Fault, Unusable
from mailferry.routes.settings import TimeoutSettings, Tls
from mailferry.routes.watchdog import Watchdog
from mailferry.smtp.replies import Reply

#: Refusals of AUTH that say: this password, this account. Every other one says that passwords are not judged.
_WRONG = frozenset({"wrong-password", "auth-unsuccessful", "account-locked"})
_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """`right` None when the server did not judge the password."""

    right: bool | None
    reason: str


async def verify(target: Target, account: str, password: str) -> Judgement:
    """Ask the server at `target`. Raises nothing but CancelledError."""
    timeouts = TimeoutSettings(connect=_SECONDS, greeting=_SECONDS, command=_SECONDS)
    classifier = Classifier(exchange=True)
    dialer = Dialer(target, timeouts, classifier, Watchdog(1.0))
    login = PasswordLogin(account, lambda: password, classifier, _SECONDS)
    if target.tls is not Tls.STARTTLS:
        return Judgement(None, "passwords are verified over STARTTLS only")
    try:
        connection = await Opener(dialer, login)(account)
    except Unusable as unusable:
        return _judge(unusable.outcome.lane_fault or "", unusable.outcome.reply)
    connection.quit()
    await connection.wait_closed()
    return Judgement(True, "")


def _judge(kind: str, reply: Reply) -> Judgement:
    fact = errors.match(reply.code, str(reply), "auth") if kind == Fault.LOGIN and reply.permanent else None
    if fact is not None and fact.id in _WRONG:
        return Judgement(False, "the server does not know this password")
    return Judgement(None, fact.cause.en if fact is not None else str(reply)[:200])
