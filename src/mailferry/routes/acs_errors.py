"""What an answer of Azure Communication Services means for the message: an Outcome, by its status and its code.

Leaves to others: the sentences and their cures (m365.errors, data/errors-acs.toml), the requests (acs_client).
Invariants: 202 is accepted, not delivered: Delivered comes of an operation that has Succeeded and of nothing else; what
is not understood is deferred.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mailferry.m365.errors import ErrorFact, smtp_errors
from mailferry.mail.outcome import Deferred, Delivered, Outcome
from mailferry.routes.classify import local
from mailferry.routes.faults import Fault
from mailferry.routes.web_errors import by_disposition, by_status, in_one_line

_LONGEST = 300  # letters of the service's own words that are kept
_SERVICE = "Azure Communication Services"


class Status(StrEnum):
    """Of an operation (EmailSendStatus of the specification 2025-09-01)."""

    NOT_STARTED = "NotStarted"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `status` of HTTP, `operation` that of the operation where one was told; `code` and `message` of the
    error; `retry_after` in seconds; `request_id` by which Microsoft's support finds it."""

    status: int
    operation: str = ""
    code: str = ""
    message: str = ""
    retry_after: float | None = None
    request_id: str = ""

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300

    def words(self) -> str:
        """In one line, for history and people; m365's patterns look for this form."""
        code = f"{_SERVICE}: {self.status}"
        return in_one_line(code, self.code, self.message[:_LONGEST], request_id=self.request_id)


def refusal(answer: Answer) -> Outcome:
    """What an answer to the request that sends means, where the service did not accept the message. It takes a message
    for all recipients or for none."""
    text = answer.words()
    fact = _fact(text)
    if fact is not None:
        return by_disposition(fact.disposition, answer.status, answer.retry_after, text, _failure(fact))
    return by_status(answer.status, answer.retry_after, text)


def settled(answer: Answer, operation: str) -> Outcome | None:
    """What the status of an operation means; None while it has no final one. Deferred: this operation is over without
    having sent the message, and a new one may be begun."""
    if answer.operation == Status.SUCCEEDED:
        return Delivered(local(250, "2.0.0", f"Succeeded at {_SERVICE}, operation {operation}"))
    if answer.operation not in (Status.FAILED, Status.CANCELED):
        return None
    text = f"{answer.words()} [operation {operation} {answer.operation}]"
    fact = _fact(text)
    if fact is not None:
        return by_disposition(fact.disposition, answer.status, answer.retry_after, text, _failure(fact))
    return Deferred(local(451, "4.5.0", text), answer.retry_after)


def unreadable_status(answer: Answer) -> Deferred:
    """The state of an operation that may have been begun earlier could not be told, so that nothing is sent now."""
    text = f"The state of an earlier attempt cannot be told: {answer.words()}"
    match answer.status:
        case 401 | 403:
            return Deferred(local(451, "4.7.0", text), answer.retry_after, Fault.LOGIN)
        case 429 | 503:
            return Deferred(local(451, "4.3.2", text), answer.retry_after, Fault.THROTTLE)
    return Deferred(local(451, "4.3.0", text), answer.retry_after)


def _fact(text: str) -> ErrorFact | None:
    """The services' words are their own: what another one says is not looked for."""
    return next((fact for fact in smtp_errors() if fact.id.startswith("acs-") and fact.pattern.search(text)), None)


def _failure(fact: ErrorFact) -> tuple[int, str]:
    """The report's code (RFC 3463): too large, given up, bad address, content, not authorised."""
    match fact.id:
        case "acs-size":
            return 552, "5.3.4"
        case "acs-dropped":
            return 550, "5.4.7"
        case "acs-recipient-format":
            return 550, "5.1.3"
        case "acs-attachment":
            return 554, "5.6.1"
    return 550, "5.7.1"
