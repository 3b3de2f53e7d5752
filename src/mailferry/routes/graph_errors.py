"""What an answer of Microsoft Graph means for the message: an Outcome, by its status and its code.

Leaves to others: the sentences and their cures (m365.errors, data/errors-graph.toml), the requests (graph_http).
Invariants: Delivered from 202 to the request that sends, and from nothing else; what is not understood is deferred,
and is Unknown where the service itself does not know whether it took the message.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mailferry.m365.errors import Stage, match
from mailferry.mail.outcome import Deferred, Delivered, Failed, Outcome, Unknown
from mailferry.routes.classify import local
from mailferry.routes.faults import Fault
from mailferry.routes.web_errors import by_disposition, by_status, in_one_line
from mailferry.smtp.replies import Reply

#: The report's code (RFC 3463) of what fails a message, where it is not about the recipients.
_FAILURES = {"graph-too-large": (552, "5.3.4"), "graph-bad-mime": (554, "5.6.0")}
_LONGEST = 300  # letters of the service's own words that are kept


class Step(StrEnum):
    """Which request was answered. A word here goes into the reply where the message needed more than one."""

    MAIL = ""  # sendMail: one request, all or nothing
    DRAFT = "creating a draft"
    ATTACH = "attaching a file"
    UPLOAD = "uploading an attachment"
    SEND = "sending the draft"
    LOOK = "looking for the message"
    READ = "reading the mailbox"

    @property
    def sends(self) -> bool:
        """Whether the message is on its way once this request was taken."""
        return self in (Step.MAIL, Step.SEND)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `code` and `message` of the error, `request_id` by which Microsoft's support finds it; `retry_after`
    in seconds; `data` the JSON object that came, if one did; `raw` what came of another type, its start at least."""

    status: int
    code: str = ""
    message: str = ""
    request_id: str = ""
    retry_after: float | None = None
    data: dict[str, Any] = field(default_factory=dict, repr=False)
    raw: bytes = field(default=b"", repr=False)

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300

    def words(self, step: Step) -> str:
        """In one line, for history and people; m365's patterns look for this form."""
        where = f"[{step.value}]" if step.value else ""
        code = f"Microsoft Graph: {self.status}"
        return in_one_line(code, self.code, where, self.message[:_LONGEST], request_id=self.request_id)

    def reply(self, step: Step) -> Reply:
        """The same as a reply, where no rule gives it a better code."""
        return local(451, "4.5.0", self.words(step))


def outcome(answer: Answer, step: Step) -> Outcome:
    """What `answer` to `step` means for every recipient: Graph takes a message for all of them or for none."""
    text = answer.words(step)
    if answer.status == 202 and step.sends:
        tail = f", request-id {answer.request_id}" if answer.request_id else ""
        return Delivered(local(250, "2.0.0", f"202 accepted by Microsoft Graph{tail}"))
    if answer.good:
        # sendMail was seen to answer 200 to a MIME message over about 2.2 MB that it did not send (graph-docs 13979).
        return Unknown(local(451, "4.5.0", text)) if step.sends else Deferred(local(451, "4.5.0", text))
    if step is Step.UPLOAD:
        return _upload(answer, text)
    if step.sends and answer.status in (502, 504) and answer.retry_after is None:
        # A gateway lost the service behind it, after it had the whole request: nobody knows what became of it.
        return Unknown(local(451, "4.4.2", text))
    fact = match(550, text, Stage.GRAPH)
    if fact is not None:
        return by_disposition(
            fact.disposition, answer.status, answer.retry_after, text, _FAILURES.get(fact.id, (554, "5.1.3"))
        )
    return by_status(answer.status, answer.retry_after, text)


def _upload(answer: Answer, text: str) -> Outcome:
    """An upload goes to a pre-authorised address, so that 401 and 404 are about the session, not about us."""
    if answer.status in (429, 503):
        return Deferred(local(451, "4.3.2", text), answer.retry_after, Fault.THROTTLE)
    if answer.status == 413 or "Size" in answer.code:
        return Failed(local(552, "5.3.4", text))
    return Deferred(local(451, "4.4.5", text), answer.retry_after)
