"""Looking for a message by its Message-ID in Microsoft Graph: in Sent Items of the sending mailbox, or in the message
trace of the organisation.

Leaves to others: HTTP (graph_http), tokens (graph_talk), what an answer decides (delivery.settle).
Invariants: two requests at most for one look; a refusal is CannotTell, never NotSeen; nothing but GET is sent.
Sources: Learn, "List messages" (permission Mail.Read); "List messageTraces" (v1.0, permission
ExchangeMessageTrace.Read.All, filter by messageId with a range of receivedDateTime, worldwide cloud only), 2026-01.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from mailferry.clock import utc
from mailferry.mail.outcome import Deferred, Outcome
from mailferry.routes.faults import Fault
from mailferry.routes.graph_errors import Answer, Step
from mailferry.routes.graph_http import Client
from mailferry.routes.graph_letter import Refused
from mailferry.routes.graph_quota import Quota, Quotas
from mailferry.routes.graph_talk import Talk
from mailferry.routes.look_settings import Lookup
from mailferry.routes.sighting import Attempted, CannotTell, NotSeen, Seen, Sighting
from mailferry.tokens.api import TokenSource

#: Copies that are counted; one handing over makes one.
_MOST = 50
#: Clocks differ, and the trace names the time at which transport took the message.
_SLACK = 900.0
#: What somebody has to change before asking again can help.
_LASTING = frozenset({Fault.LOGIN.value, Fault.SERVICE.value, Fault.CONFIGURATION.value, Fault.SENDER.value})
#: Message-IDs with these could end the text of a filter early or belong to another one (RFC 5322 section 3.6.4).
_FOREIGN = frozenset("\r\n\0\\")


class GraphFinder:
    """The Finder of one route. `endpoint` without a version; `mailbox` where the route has one of its own."""

    __slots__ = ("_client", "_credential", "_endpoint", "_lookup", "_mailbox", "_quotas", "_scope", "_tokens")

    def __init__(
        self, lookup: Lookup, client: Client, tokens: TokenSource, quotas: Quotas, *, endpoint: str, credential: str,
        scope: str, mailbox: str = "",
    ) -> None:  # fmt: skip
        self._lookup = lookup
        self._client = client
        self._tokens = tokens
        self._quotas = quotas
        self._endpoint = endpoint
        self._credential = credential
        self._scope = scope
        self._mailbox = mailbox

    async def find(
        self, message_id: str, mailbox: str, since: float, until: float, *, of: Attempted | None = None
    ) -> Sighting:
        if not message_id or not _FOREIGN.isdisjoint(message_id):
            return CannotTell("the message has no Message-ID that can be looked for", lasting=True)
        mailbox = self._mailbox or mailbox
        try:
            if self._lookup is Lookup.TRACE:
                return await self._trace(message_id, since, until)
            if not mailbox:
                return CannotTell("the message has no sending mailbox to look in", lasting=True)
            return await self._sent_items(message_id, mailbox, since)
        except Refused as refused:
            return _refused(refused.outcome)
        except Exception as error:  # looking must never harm the mail
            return CannotTell(f"internal error of this gateway: {type(error).__name__}", lasting=False)

    async def close(self) -> None:
        await self._client.close()

    async def _sent_items(self, message_id: str, mailbox: str, since: float) -> Sighting:
        """What is older than the message is a copy of another one: devices write one Message-ID again and again. Asked
        for with all copies and told apart here, since Learn promises no filter by this property."""
        where = f"Sent Items of {mailbox}"
        url = (
            f"{self._endpoint}/v1.0/users/{quote(mailbox, safe='@')}/mailFolders/sentitems/messages"
            f"?$filter={quote(f'internetMessageId eq {_text(message_id)}')}&$select=id,createdDateTime&$top={_MOST}"
        )
        quota = self._quotas.of(self._credential, mailbox)
        found = [
            row for row in _values(await self._get(url, quota)) if _at(row.get("createdDateTime")) >= since - _SLACK
        ]
        return Seen(where, len(found)) if found else NotSeen(where)

    async def _trace(self, message_id: str, since: float, until: float) -> Sighting:
        where = "the message trace"
        wanted = (
            f"messageId eq {_text(message_id)} and receivedDateTime ge {_stamp(since - _SLACK)} "
            f"and receivedDateTime le {_stamp(until + _SLACK)}"
        )
        url = f"{self._endpoint}/v1.0/admin/exchange/tracing/messageTraces?$filter={quote(wanted)}"
        rows = _values(await self._get(url, None))
        recipients: dict[str, str] = {}
        for row in rows:
            address = str(row.get("recipientAddress") or "").lower()
            recipients[address] = str(row.get("status") or "")
        return Seen(where, 1, recipients) if recipients else NotSeen(where)

    async def _get(self, url: str, quota: Quota | None) -> dict[str, Any]:
        talk = Talk(self._client, self._tokens, self._credential, self._scope, quota)
        return (await talk.get(Step.LOOK, "GET", url)).data


def _values(data: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of an answer. An answer without any list is none: raises Refused."""
    rows = data.get("value")
    if not isinstance(rows, list):
        raise Refused(Deferred(Answer(200, message="no list in the answer").reply(Step.LOOK)))
    return [row for row in rows if isinstance(row, dict)]


def _text(value: str) -> str:
    """A literal of OData: the quote is doubled."""
    return "'" + value.replace("'", "''") + "'"


def _at(stamp: object) -> float:
    """Seconds since the epoch of "2026-11-24T17:49:34Z"; what is no such time is long ago, for it proves nothing."""
    try:
        return datetime.fromisoformat(str(stamp)).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


def _stamp(at: float) -> str:
    return f"{utc(at):%Y-%m-%dT%H:%M:%SZ}"


def _refused(outcome: Outcome) -> CannotTell:
    lasting = isinstance(outcome, Deferred) and outcome.lane_fault in _LASTING
    return CannotTell(outcome.reply.text, lasting=lasting)
