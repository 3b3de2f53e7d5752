"""However few recipients a service takes, and wherever it says so, everybody gets the message once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

from hypothesis import example, given
from hypothesis import strategies as st

from mailferry.mail.body import Body, BytesBody
from mailferry.mail.envelope import Envelope, Recipient
from mailferry.mail.message import Message, MessageId
from mailferry.mail.outcome import Delivered, Failed, Outcome
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics
from mailferry.routes.api import Limits, Result
from mailferry.routes.classify import Classifier, Stage, local
from mailferry.routes.parts import Reach
from mailferry.routes.settings import RouteSettings
from mailferry.routes.smtp import SmtpTransport
from mailferry.smtp.replies import Reply
from support.transport_contract import ORIGIN

OK = local(250, "2.0.0", "queued")
GONE = local(550, "5.1.1", "no such user")
AT_RCPT = (local(452, "4.5.3", "Too many recipients"), Reply(452, "", ("too many recipients",)),
           local(550, "5.5.3", "Too many recipients"), local(552, "5.5.3", "too many"))  # fmt: skip
AT_END = local(550, "5.5.3", "RESOLVER.ADR.RecipLimit; too many recipients")


class Service(SmtpTransport):
    """Everything of the transport but the dialogue: a service that takes `envelope` recipients at RCPT, answering the
    next with `refusal`, and refuses a message with more than `mailbox` of them as a whole."""

    def __init__(self, most: int, envelope: int, mailbox: int, refusal: Reply) -> None:
        settings = RouteSettings.model_validate({"name": "r", "type": "smarthost", "host": "x", "tls": "none"})
        limits, self.classifier = Limits(recipients_per_message=most), Classifier(exchange=True)
        log = MailLog(lambda *entry: None, Metrics())
        super().__init__(settings, limits, None, self.classifier, log, Reach("r"))  # type: ignore[arg-type]
        self.envelope, self.mailbox, self.refusal = envelope, mailbox, refusal
        self.taken: list[list[str]] = []

    async def _transaction(self, message: Message, mailbox: str, body: Body, recipients: Sequence[Recipient]) -> Result:
        accepted: list[str] = []
        outcomes: list[Outcome] = []
        for recipient in recipients:
            reply = OK
            if recipient.address.startswith("gone"):
                reply = GONE
            elif len(accepted) >= self.envelope:
                reply = self.refusal
            else:
                accepted.append(recipient.address)
            outcomes.append(Delivered(OK) if reply is OK else self.classifier.outcome(Stage.RCPT, reply))
        if len(accepted) > self.mailbox:
            refused = self.classifier.outcome(Stage.END, AT_END)
            return Result(tuple(refused if one == Delivered(OK) else one for one in outcomes), handed_over=True)
        if accepted:
            self.taken.append(accepted)
        return Result(tuple(outcomes), handed_over=bool(accepted))


@given(
    gone=st.lists(st.booleans(), min_size=1, max_size=60),
    most=st.integers(0, 60),
    envelope=st.integers(1, 60),
    mailbox=st.integers(1, 60),
    refusal=st.sampled_from(AT_RCPT),
)
@example(gone=[False] * 1200, most=500, envelope=1000, mailbox=500, refusal=AT_RCPT[0])
@example(gone=[False] * 1200, most=1000, envelope=1000, mailbox=500, refusal=AT_RCPT[0])
@example(gone=[False] * 1200, most=0, envelope=1000, mailbox=1000, refusal=AT_RCPT[2])
def test_each_recipient_gets_the_message_once(
    gone: list[bool], most: int, envelope: int, mailbox: int, refusal: Reply
) -> None:
    service = Service(most, envelope, mailbox, refusal)
    addresses = [f"{'gone' if each else 'here'}{number}@x.example" for number, each in enumerate(gone)]
    recipients = [Recipient(address) for address in addresses]
    message = Message(MessageId(1), Envelope("a@x.example", tuple(recipients)), ORIGIN, 3, 0.0, "", "<1@x>")
    result = asyncio.run(service.deliver(message, BytesBody(b"x\r\n"), recipients))
    for address, outcome in zip(addresses, result.outcomes, strict=True):
        assert isinstance(outcome, Failed if address.startswith("gone") else Delivered), (address, outcome)
    got = Counter(address for taken in service.taken for address in taken)
    assert got == Counter(address for address in addresses if address.startswith("here"))
    assert all(len(taken) <= min(most or 9999, envelope, mailbox) for taken in service.taken)
    assert result.handed_over is bool(got)
