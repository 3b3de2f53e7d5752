"""What a refusal over HTTP means for the message: an Outcome, by what is published of it, else by its status.

Leaves to others: the sentences and their cures (m365.errors), and what else a service says (graph_errors, acs_errors).
Invariants: what is not understood is deferred; a refusal without any code that is known fails no message but one that
is too large. The enhanced status is that of RFC 3463: X.7.0 who are you, X.7.1 you may not.
"""

from __future__ import annotations

from mailferry.m365.errors import Disposition
from mailferry.mail.outcome import Deferred, Failed, Outcome
from mailferry.routes.classify import local
from mailferry.routes.faults import Fault


def by_disposition(
    disposition: Disposition, status: int, retry_after: float | None, text: str, failure: tuple[int, str]
) -> Outcome:
    """`failure` is the code of a report, should the message have failed."""
    match disposition:
        case Disposition.FAIL:
            return Failed(local(*failure, text))
        case Disposition.THROTTLE:
            return Deferred(local(451, "4.3.2", text), retry_after, Fault.THROTTLE)
        case Disposition.SENDER_FAULT:
            return Deferred(local(451, "4.7.1", text), retry_after, Fault.SENDER)
        case Disposition.LANE_FAULT:
            return _barred(status, retry_after, text)
        case Disposition.DEFER:
            return Deferred(local(451, "4.0.0", text), retry_after)


def by_status(status: int, retry_after: float | None, text: str) -> Outcome:
    """A code that nobody described: its status says whose trouble it is."""
    match status:
        case 401 | 403 | 404 | 405:
            return _barred(status, retry_after, text)
        case 413:  # RFC 9110 section 15.5.14: the request is larger than the server is willing to take
            return Failed(local(552, "5.3.4", text))
        case 429 | 503 | 504:
            return Deferred(local(451, "4.3.2", text), retry_after, Fault.THROTTLE)
        case 301 | 302 | 303 | 307 | 308 | 407 | 501:
            return Deferred(local(451, "4.3.5", text), retry_after, Fault.CONFIGURATION)
        case status if status >= 500:
            return Deferred(local(451, "4.3.0", text), retry_after)
        case _:
            return Deferred(local(451, "4.5.0", text), retry_after)


def in_one_line(*words: str, request_id: str) -> str:
    """An answer for history and people; m365's patterns look for this form."""
    line = " ".join(word for word in words if word)
    clean = " ".join("".join(letter if letter.isprintable() else " " for letter in line).split())
    return f"{clean} (request-id {request_id})" if request_id else clean


def _barred(status: int, retry_after: float | None, text: str) -> Deferred:
    if status == 401:
        return Deferred(local(451, "4.7.0", text), retry_after, Fault.LOGIN)
    return Deferred(local(451, "4.7.1", text), retry_after, Fault.SERVICE)
