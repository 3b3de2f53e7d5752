"""Who hears of a failure, and the report on its way back through the spool.

Leaves to others: the report's form (mail.dsn, mail.dsn_text), the state that follows it (worker).
Invariant: a report is durable before the state that it reports. A crash between the two leaves the recipient claimed;
the next start tries it again, comes to the same end, and finds the report by its Message-ID, which is made from the
message, the recipients and what became of them. So no bounce that is owed is ever lost, and none is sent twice.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from mailferry.clock import Clock
from mailferry.delivery.retry import Schedule
from mailferry.delivery.settings import DAY, DeliverySettings, Returned
from mailferry.mail import dsn_text
from mailferry.mail.body import Body, BodyGone
from mailferry.mail.dsn import Action, Dsn, Report, ReportedRecipient, compose
from mailferry.mail.envelope import Envelope, Origin, Recipient
from mailferry.mail.message import Message, MessageId, format_id
from mailferry.mail.ndr import Refusal
from mailferry.obs.maillog import MailLog
from mailferry.routes.table import Choice, RouteTable
from mailferry.smtp.commands import BodyType, Notify
from mailferry.smtp.replies import Reply, reply
from mailferry.spool.api import Accepted, Claim, MessageView, RecipientView, Spool, State

#: Origin.client of a report; what has it is never reported on.
MAILER_DAEMON = "mailer-daemon"

#: Names who hears of a message's failure; "" leaves it to the reverse path.
BounceTo = Callable[[Message], str]


@dataclass(frozen=True, slots=True)
class Gateway:
    """Who the gateway is in a report. `postmaster` is an address, or "" for mailer-daemon at the host name."""

    hostname: str
    postmaster: str


@dataclass(frozen=True, slots=True)
class Item:
    """One recipient of a report: its claim, the reply, and whether it was tried for too long."""

    claim: Claim
    reply: Reply
    expired: bool = False


def reportable(message: Message) -> bool:
    """Whether anybody may hear of it: neither the null sender (RFC 5321 section 4.5.5) nor a report of ours."""
    return bool(message.envelope.reverse_path) and message.origin.client != MAILER_DAEMON


def wanted(recipient: Recipient, action: Action) -> bool:
    """What the sender asked for by NOTIFY (RFC 3461 section 4.1). Without it: failures and delays, not successes."""
    notify = recipient.notify
    match action:
        case Action.FAILED:
            return notify is Notify.DEFAULT or Notify.FAILURE in notify
        case Action.DELAYED:
            return notify is Notify.DEFAULT or Notify.DELAY in notify
        case Action.RELAYED:
            return Notify.SUCCESS in notify


class GoneBody:
    """The body of a finished message: it was removed with its last recipient."""

    inline = None

    def __init__(self, size: int) -> None:
        self.size = size

    async def chunks(self) -> AsyncIterator[bytes]:
        raise BodyGone("the message is finished")
        yield b""


class Reporter:
    """Writes reports into the spool."""

    def __init__(
        self, spool: Spool, table: RouteTable, gateway: Gateway, settings: DeliverySettings, schedule: Schedule,
        clock: Clock, log: MailLog, bounce_to: BounceTo,
    ) -> None:  # fmt: skip
        self._spool = spool
        self._table = table
        self._gateway = gateway
        self._settings = settings
        self._schedule = schedule
        self._clock = clock
        self._log = log
        self._bounce_to = bounce_to

    async def report(self, message: Message, body: Body, action: Action, items: Sequence[Item]) -> str:
        """Make a report durable; "<queue id> to <address>". Raises SpoolError when the spool does not take it."""
        to = self._bounce_to(message) or message.envelope.reverse_path
        message_id = self._message_id(message, action, items)
        found = await self._earlier(message, items, message_id)
        if found is None:
            found = await self._write(message, body, self._report(message, action, items, to, message_id))
            self._log.bounced(format_id(message.id), format_id(found), to)
        return f"{format_id(found)} to {to}"

    async def came_back(self, view: MessageView, recipient: RecipientView, refusal: Refusal) -> str:
        """Tell the person in charge of a client that its mail came back after it was handed over; "" when there is
        nobody, for whoever sent it has the service's own report. The report is found again like any other."""
        message = view.message
        if not reportable(message) or not self._bounce_to(message):
            return ""
        code = 550 if refusal.status.startswith("5") else 450
        answer = reply(code, refusal.status, f"{refusal.diagnostic or 'no reason given'} ({refusal.by})")
        claim = Claim(recipient.id, Recipient(recipient.address), recipient.attempts, State.UNKNOWN)
        return await self.report(message, GoneBody(message.size), Action.FAILED, [Item(claim, answer)])

    def _message_id(self, message: Message, action: Action, items: Sequence[Item]) -> str:
        claims = ",".join(str(number) for number in sorted(item.claim.id for item in items))
        digest = hashlib.sha256(f"{action} {claims}".encode()).hexdigest()[:12]
        return f"<{format_id(message.id)}.{digest}@{self._gateway.hostname}>"

    async def _earlier(self, message: Message, items: Sequence[Item], message_id: str) -> MessageId | None:
        """The report of an attempt whose own result was lost. Such a claim comes from UNKNOWN; or it was tried before,
        and what was in doubt was settled since by a look or a person, which takes hours at most."""
        if any(item.claim.state is State.UNKNOWN for item in items):
            since = message.received_at  # whatever the gateway has been down for
        elif any(item.claim.attempts for item in items):
            since = max(message.received_at, self._clock.time() - DAY)
        else:
            return None
        for found in await self._spool.known([message_id], since):
            view = await self._spool.show(found)
            if view is not None and view.message.origin.client == MAILER_DAEMON:  # no client's mail of that name
                return found
        return None

    def _report(
        self, message: Message, action: Action, items: Sequence[Item], to: str, message_id: str
    ) -> tuple[Report, Choice]:
        """The report and the way it leaves by."""
        choice = self._table.choose(
            client=MAILER_DAEMON, client_route=None, sender="", mailbox=message.mailbox, recipient=to
        )
        host = self._gateway.hostname
        # A route with a mailbox sends as that mailbox and nobody else.
        sender = choice.mailbox or self._gateway.postmaster or f"{MAILER_DAEMON}@{host}"
        recipients = tuple(self._recipient(message, action, item) for item in items)
        report = Report(
            message_id, f"=_{secrets.token_hex(16)}", sender, to, host, self._clock.time(), action, message,
            recipients, self._settings.report_language, self._full(message, action),
        )  # fmt: skip
        return report, choice

    def _recipient(self, message: Message, action: Action, item: Item) -> ReportedRecipient:
        recipient = item.claim.recipient
        reply = item.reply
        status = "4.4.7" if item.expired else reply.enhanced  # RFC 3463 section 3.5: delivery time expired
        if not status or (action is Action.FAILED and not item.expired and status[0] != "5"):
            status = {Action.FAILED: "5.0.0", Action.DELAYED: "4.0.0", Action.RELAYED: "2.0.0"}[action]
        until = self._schedule.retry_until(message.received_at) if action is Action.DELAYED else None
        return ReportedRecipient(recipient.address, status, str(reply), recipient.orcpt, item.expired, until)

    def _full(self, message: Message, action: Action) -> bool:
        """Whether all of the original goes back. RFC 3461 section 4.3: RET is for failures only. A binary original
        cannot stand inside a report that is not binary itself (RFC 3030 section 3)."""
        if action is not Action.FAILED or message.size > self._settings.report_full_size:
            return False
        if message.envelope.body is BodyType.BINARY:
            return False
        ret = message.envelope.ret
        return ret == "FULL" or (ret is None and self._settings.report_returns is Returned.FULL)

    async def _write(self, message: Message, body: Body, planned: tuple[Report, Choice]) -> MessageId:
        report, choice = planned
        text, subject = dsn_text.text(report), dsn_text.subject(report)
        try:
            return await self._store(await compose(report, body, text, subject), body, report, choice)
        except BodyGone as gone:  # RFC 6522 section 3: the third part may be left out
            self._log.trouble("report without its original", message=format_id(message.id), cause=str(gone))
            return await self._store(await compose(report, None, text, subject), None, report, choice)

    async def _store(self, composed: Dsn, body: Body | None, report: Report, choice: Choice) -> MessageId:
        draft = self._spool.draft(composed.size(body))
        try:
            async for chunk in composed.chunks(body):
                draft.write(chunk)
                if (waiting := draft.drain()) is not None:
                    await waiting
        except BaseException:
            draft.abort()
            raise
        envelope = Envelope(
            "", (Recipient(report.to),), BodyType.EIGHT_BIT if composed.eight_bit else None, composed.utf8
        )
        origin = Origin(MAILER_DAEMON, "", self._gateway.hostname, None, None, "")
        accepted = Accepted(envelope, origin, choice.mailbox, (choice.lane,), report.message_id)
        return await draft.commit(accepted)
