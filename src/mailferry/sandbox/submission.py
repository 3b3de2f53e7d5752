"""What becomes of a message after its last octet: refused with the service's sentence, or stored and answered 250.

Leaves to others: the dialogue (exchange_session). Invariant: a message is stored for every recipient or for none;
what is refused is neither stored nor counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from email.utils import getaddresses

from mailferry.sandbox import texts
from mailferry.sandbox.bearer import Bearer
from mailferry.sandbox.decide import delegate_may_send, logon_refused, may_send_as
from mailferry.sandbox.hosts import FrontEnd, mail_date
from mailferry.sandbox.mailbox import Received, header, header_block
from mailferry.sandbox.tenant import Mailbox
from mailferry.sandbox.texts import Text
from mailferry.sandbox.transport import Delivery, deliver
from mailferry.sandbox.world import World
from mailferry.smtp.commands import Notify
from mailferry.smtp.replies import Reply


@dataclass(frozen=True, slots=True)
class Login:
    """Who is logged in on a connection."""

    mailbox: str  # primary address
    mechanism: str
    bearer: Bearer | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    path: str
    notify: Notify = Notify.DEFAULT


@dataclass(frozen=True, slots=True)
class Submission:
    """A whole message with its envelope."""

    login: Login
    session: object
    surface: str
    front: FrontEnd
    remote: str
    helo: str
    tls: str
    sender: str
    recipients: tuple[Recipient, ...]
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`refusal` or nothing; `at`: when the answer is due on the sandbox clock (the message rate carries over)."""

    refusal: Text | None
    at: float


class Submissions:
    """Judges and takes messages."""

    def __init__(self, world: World) -> None:
        self._world = world

    def judge(self, submission: Submission) -> Verdict:
        """Refusals that come only in answer to the end of data. The order among them is ours (UNV)."""
        world = self._world
        now = world.clock.time()
        mailbox = world.tenant.mailbox(submission.login.mailbox)
        if mailbox is None:
            return Verdict(texts.AUTHENTICATION_UNSUCCESSFUL, now)
        refusal = self._refusal(submission, mailbox, now)
        if refusal is not None:
            return Verdict(refusal.fill(host=submission.front.backend_host.upper()), now)
        behaviour = world.behaviour
        slot = world.throttles.slot(mailbox.address, now, behaviour.messages_per_minute)
        if slot > now and behaviour.rate_excess == "reject":
            return Verdict(texts.MESSAGE_RATE, now)
        world.throttles.take_slot(mailbox.address, slot, behaviour.messages_per_minute)
        if behaviour.recipients_per_day:
            world.throttles.recipients(mailbox.address).add(now, len(submission.recipients))
        return Verdict(None, slot)

    def _refusal(self, submission: Submission, mailbox: Mailbox, now: float) -> Text | None:
        world, behaviour, count = self._world, self._world.behaviour, len(submission.recipients)
        throttles, address = world.throttles, mailbox.address
        if throttles.too_many_connections(address, submission.session, behaviour.connections):
            return texts.CONCURRENT_CONNECTIONS
        if mailbox.restricted:
            return texts.RESTRICTED
        if mailbox.max_send_size and len(submission.raw) > mailbox.max_send_size:
            return texts.TOO_LARGE
        if count > mailbox.recipient_limits:
            return texts.RECIPIENT_LIMIT
        daily = behaviour.recipients_per_day
        if daily and throttles.recipients(address).total(now) + count > daily:
            return texts.SUBMISSION_QUOTA
        if mailbox.full and mailbox.message_copy_for_smtp_client_submission_enabled:
            return texts.MAILBOX_FULL
        if logon_refused(behaviour, mailbox, submission.login.bearer):
            return texts.LOGON_FAILURE
        return self._send_as(submission, mailbox)

    def _send_as(self, submission: Submission, mailbox: Mailbox) -> Text | None:
        """MAIL FROM and every address of From must be the mailbox, or one it may send as (O)."""
        senders = [submission.sender] if submission.sender else []
        if written := header(header_block(submission.raw), "From"):
            senders += [address for _, address in getaddresses([written]) if address]
        delegate = delegate_may_send(mailbox, submission.login.bearer)
        for sender in senders:
            if not delegate or not may_send_as(self._world.tenant, mailbox, sender):
                return texts.SEND_AS_DENIED.fill(
                    user=mailbox.address, sender=sender, trail=_diagnostics(), host="{host}"
                )
        return None

    def take(self, submission: Submission) -> Reply:
        """Store it and say 250."""
        world, front = self._world, submission.front
        now = world.clock.time()
        queue_id = world.hosts.queue_id(front)
        server_id = f"{queue_id}@{front.backend_host}"
        client_id = header(header_block(submission.raw), "Message-ID")
        message_id = client_id.strip("<> \t") if client_id else server_id
        bearer = submission.login.bearer
        received = Received(
            surface=submission.surface,
            at=now,
            sender=submission.sender,
            recipients=tuple(r.path for r in submission.recipients),
            user=submission.login.mailbox,
            mechanism=submission.login.mechanism,
            client_id=bearer.app_id if bearer else "",
            session=front.session,
            remote=submission.remote,
            tls=submission.tls,
            queue_id=queue_id,
            message_id=message_id,
        )
        self._deliver(submission, received, _trace(submission, now, None if client_id else server_id))
        world.store.accepted += 1
        said = message_id if world.behaviour.queued_id == "client" else server_id
        return Reply(250, "2.0.0", (texts.QUEUED.format(message_id=said, host=front.backend_host),))

    def _deliver(self, submission: Submission, received: Received, trace: tuple[str, ...]) -> None:
        raw, sender = submission.raw, self._world.tenant.mailbox(submission.login.mailbox)
        keeps = sender is not None and sender.message_copy_for_smtp_client_submission_enabled
        item = Delivery(
            front=submission.front,
            received=received,
            trace=trace,
            recipients=tuple((r.path, Notify.NEVER not in r.notify) for r in submission.recipients),
            raw=raw,
            sent=(sender, raw) if sender is not None and keeps else None,
        )
        deliver(self._world, item)


def _diagnostics() -> str:
    """Filler of the kind and length seen in the field: the real text runs to kilobytes."""
    return " ".join(f"{1 if n < 2 else 0}.{84300 + 7 * n}:{0x0A000000 + n * 0x1D:08X}," for n in range(60)) + " "


def _trace(submission: Submission, now: float, made_id: str | None) -> tuple[str, ...]:
    """The headers of a message that came by SMTP AUTH: Frontend Transport, then mapi (O: 2021-2023 samples)."""
    front, moment = submission.front, mail_date(now)
    version = submission.tls.replace(".", "_").replace("v", "") or "NONE"
    remote = submission.remote.rpartition(":")[0]
    lines = [
        f"Received: from {front.backend_host} ([fe80::5a4d:b0c5]) by {front.backend_host} ([fe80::5a4d:b0c5%5])"
        f" with mapi id 15.20.9999.001; {moment}",
        f"Received: from {submission.helo} ({remote}) by {front.frontend_host} (2603:10a6:20b::27)"
        f" with Microsoft SMTP Server (version={version}, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384)"
        f" id 15.20.9999.1 via Frontend Transport; {moment}",
        f"X-ClientProxiedBy: {front.frontend_host} (2603:10a6:20b::27) To {front.backend_host} (2603:10a6:20b::18)",
        "X-MS-Exchange-MessageSentRepresentingType: 1",
        "X-MS-PublicTrafficType: Email",
    ]
    if made_id is not None:
        lines.append(f"Message-ID: <{made_id}>")
    return tuple(lines)
