"""The transport over Microsoft Graph: a message goes as it is where it can, is taken apart where the configuration
allows it and nothing is damaged, and is refused with the reason where neither holds.

Leaves to others: who may be named in the header (graph_letter), the JSON form (graph_json, graph_draft), answers
(graph_errors), limits (delivery). Invariant: deliver() answers every recipient exactly once, and raises nothing but
CancelledError; all recipients share one outcome, because Graph knows no other.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from mailferry.mail.body import Body, BodyGone
from mailferry.mail.envelope import Recipient
from mailferry.mail.fidelity import assess
from mailferry.mail.message import Message, format_id
from mailferry.mail.mime import scan
from mailferry.mail.outcome import Delivered, Failed, Outcome, Unknown
from mailferry.obs.maillog import MailLog
from mailferry.routes import classify
from mailferry.routes.api import Limits, Result
from mailferry.routes.graph_draft import Draft
from mailferry.routes.graph_errors import Step
from mailferry.routes.graph_http import Client, Content, base64_length, in_base64
from mailferry.routes.graph_json import damaged, mail_content, message_json, text_of, too_large
from mailferry.routes.graph_letter import Letter, Refused, Rules, header_of, write
from mailferry.routes.graph_quota import Quotas
from mailferry.routes.graph_settings import Large
from mailferry.routes.graph_talk import Talk
from mailferry.tokens.api import TokenSource

#: A header that is longer than this is not read; nothing that mail programs write comes near.
_LONGEST_HEADER = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Way:
    """Where and how: `endpoint` without a version, `credential` and `scope` of the tokens, `request_size` in octets."""

    endpoint: str
    credential: str
    scope: str
    request_size: int
    large: Large
    rules: Rules
    mailbox: str = ""


class GraphTransport:
    """One route over Microsoft Graph."""

    __slots__ = ("_client", "_limits", "_log", "_quotas", "_tokens", "_way")

    def __init__(
        self, way: Way, limits: Limits, client: Client, tokens: TokenSource, quotas: Quotas, log: MailLog
    ) -> None:
        self._way = way
        self._limits = limits
        self._client = client
        self._tokens = tokens
        self._quotas = quotas
        self._log = log

    @property
    def limits(self) -> Limits:
        return self._limits

    async def deliver(self, message: Message, body: Body, recipients: Sequence[Recipient]) -> Result:
        way = self._way
        quota = self._quotas.of(way.credential, way.mailbox or message.mailbox)
        talk = Talk(self._client, self._tokens, way.credential, way.scope, quota)
        outcome: Outcome
        try:
            outcome = await self._deliver(talk, message, body, recipients)
        except Refused as refused:
            outcome = refused.outcome
        except BodyGone as gone:
            outcome = classify.internal(f"The stored message cannot be read: {gone}")
        except Exception as error:  # a bug must not lose mail: it is told, and the message waits
            self._log.trouble("delivery failed unexpectedly", message=format_id(message.id), error=repr(error))
            text = f"Internal error of this gateway: {type(error).__name__}"
            outcome = classify.unanswered(text) if talk.sent else classify.internal(text)
        return Result((outcome,) * len(recipients), handed_over=talk.handed_over and _counts(outcome))

    async def close(self) -> None:
        await self._client.close()

    async def _deliver(self, talk: Talk, message: Message, body: Body, recipients: Sequence[Recipient]) -> Outcome:
        mailbox = self._way.mailbox or message.mailbox
        if not mailbox:
            raise Refused(classify.misconfigured("The client has no sending mailbox, which this route needs"))
        user = f"{self._way.endpoint}/v1.0/users/{quote(mailbox, safe='@')}"
        start = await _start(body)
        raw, rest = header_of(start)
        letter = write(raw, message, recipients, mailbox, self._way.rules)
        if letter.author is not None:
            return await self._in_parts(talk, user, body, letter)
        content = _mime(body, letter.header + rest, len(start))
        if content.length <= self._way.request_size:
            return await talk.send(Step.MAIL, f"{user}/sendMail", content)
        if self._way.large is Large.REFUSE:
            cure = 'Send it by another route, or set large = "upload" for this one'
            raise too_large(body.size, self._way.request_size // 4 * 3, "in one request", cure)
        return await self._in_parts(talk, user, body, letter)

    async def _in_parts(self, talk: Talk, user: str, body: Body, letter: Letter) -> Outcome:
        """In the JSON form: in one request where it fits, else by a draft."""
        most = self._way.request_size
        report = assess(await scan(body))
        if report.damage:
            raise damaged([finding.text for finding in report.damage])
        if report.text is not None and report.text.size > most:
            raise too_large(report.text.size, most, "of text", "Send it by another route")
        message = message_json(report, letter, await text_of(body, report.text))
        content = mail_content(body, message, report.attachments)
        if content.length <= most:
            return await talk.send(Step.MAIL, f"{user}/sendMail", content)
        if content.length - sum(base64_length(one.part.size) for one in report.attachments) > most:
            raise too_large(content.length, most, "of text", "Send it by another route")
        if self._way.large is Large.REFUSE:
            cure = 'Send it by another route, or set large = "upload" for this one'
            raise too_large(body.size, most // 4 * 3, "in one request", cure)
        return await Draft(talk, user, body).send(message, report)


def _counts(outcome: Outcome) -> bool:
    """Whether the mailbox's messages per minute can have been used: what was throttled or refused was not sent."""
    return isinstance(outcome, Delivered | Unknown)


async def _start(body: Body) -> bytes:
    """The message up to the end of its header at least. Raises Refused for one without an end."""
    if body.inline is not None:
        return body.inline
    start = bytearray()
    chunks = body.chunks()
    try:
        async for chunk in chunks:
            start += chunk
            if b"\r\n\r\n" in start:
                break
            if len(start) > _LONGEST_HEADER:
                text = f"The header has more than {_LONGEST_HEADER} octets"
                raise Refused(Failed(classify.local(554, "5.6.0", text)))
    finally:
        if isinstance(chunks, AsyncGenerator):  # a file is open behind it
            await chunks.aclose()
    return bytes(start)


def _mime(body: Body, start: bytes, read: int) -> Content:
    """The message in base64: `start` in the place of its first `read` octets, the rest as it is stored."""

    async def octets() -> AsyncIterator[bytes]:
        yield start
        if read >= body.size:
            return
        at = 0
        async for chunk in body.chunks():
            piece = chunk[max(0, read - at) :]
            at += len(chunk)
            if piece:
                yield piece

    return Content("text/plain", base64_length(len(start) + body.size - read), lambda: in_base64(octets()))
