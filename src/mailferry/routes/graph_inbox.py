"""Reading the non-delivery reports in a mailbox by Microsoft Graph.

Leaves to others: HTTP (graph_http), tokens (graph_talk), what a report says (mail.ndr).
Invariants: nothing but GET is sent; one page of messages and a few reports at a time; mail that is no report is never
fetched, only its class is asked for.
Sources: Learn, "List messages" (Mail.Read), "Get singleValueLegacyExtendedProperty", "Get MIME content of a message"
($value); the class is PidTagMessageClass (MS-OXPROPS 2.776, id 0x001A), of reports REPORT.<class>.NDR (MS-OXOMSG).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from mailferry.clock import utc
from mailferry.mail.outcome import Deferred
from mailferry.routes.faults import Fault
from mailferry.routes.graph_errors import Answer, Step
from mailferry.routes.graph_http import Client
from mailferry.routes.graph_letter import Refused
from mailferry.routes.graph_quota import Quotas
from mailferry.routes.graph_talk import Talk
from mailferry.routes.returned import Letter, Look, Unread
from mailferry.tokens.api import TokenSource

#: Messages of one page whose class is asked for, pages, and reports that are fetched, at a time.
_PAGE, _PAGES, _REPORTS = 100, 10, 20
_CLASS = "String 0x001A"
_SAME = re.compile(r"String 0x0*1A", re.IGNORECASE)  # the service writes the number its own way
_EXPAND = f"singleValueExtendedProperties($filter=id eq '{_CLASS}')"
_LASTING = frozenset({Fault.LOGIN.value, Fault.SERVICE.value, Fault.CONFIGURATION.value, Fault.SENDER.value})


class GraphInbox:
    """The Inbox of one route. `endpoint` without a version."""

    __slots__ = ("_client", "_credential", "_endpoint", "_quotas", "_scope", "_tokens")

    def __init__(
        self, client: Client, tokens: TokenSource, quotas: Quotas, *, endpoint: str, credential: str, scope: str
    ) -> None:
        self._client = client
        self._tokens = tokens
        self._quotas = quotas
        self._endpoint = endpoint
        self._credential = credential
        self._scope = scope

    async def reports(self, mailbox: str, since: float, known: Sequence[str]) -> Look:
        quota = self._quotas.of(self._credential, mailbox)
        talk = Talk(self._client, self._tokens, self._credential, self._scope, quota)
        folder = f"{self._endpoint}/v1.0/users/{quote(mailbox, safe='@')}/mailFolders/inbox/messages"
        url = (
            f"{folder}?$filter={quote(f'receivedDateTime ge {utc(since):%Y-%m-%dT%H:%M:%SZ}')}"
            f"&$orderby={quote('receivedDateTime asc')}&$select=id,receivedDateTime&$top={_PAGE}"
            f"&$expand={quote(_EXPAND)}"
        )
        found: list[Letter] = []
        until: float | None = None
        try:
            for _ in range(_PAGES):
                answer = await talk.get(Step.READ, "GET", url)
                for row in _rows(answer):
                    if len(found) == _REPORTS:
                        return Look(tuple(found), until)
                    key, until = str(row.get("id") or ""), _moment(row, since)
                    if key and key not in known and _is_report(row):
                        source = await talk.get(Step.READ, "GET", f"{folder}/{quote(key, safe='')}/$value")
                        found.append(Letter(key, until, source.raw))
                following = self._next(answer)
                if following is None:
                    break
                url = following
        except Refused as refused:
            outcome = refused.outcome
            fault = outcome.lane_fault if isinstance(outcome, Deferred) else ""
            after = outcome.retry_after if isinstance(outcome, Deferred) else None
            raise Unread(outcome.reply.text, lasting=fault in _LASTING, retry_after=after) from refused
        return Look(tuple(found), until)

    async def close(self) -> None:
        await self._client.close()

    def _next(self, answer: Answer) -> str | None:
        """The next page, where the service's own address says so: no token goes anywhere else."""
        link = answer.data.get("@odata.nextLink")
        return link if isinstance(link, str) and link.startswith(f"{self._endpoint}/") else None


def _rows(answer: Answer) -> list[dict[str, Any]]:
    rows = answer.data.get("value")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _is_report(row: dict[str, Any]) -> bool:
    """Whether its class is that of a non-delivery report."""
    properties = row.get("singleValueExtendedProperties")
    for one in properties if isinstance(properties, list) else ():
        if isinstance(one, dict) and _SAME.fullmatch(str(one.get("id", ""))):
            value = str(one.get("value", "")).upper()
            return value.startswith("REPORT.") and value.endswith(".NDR")
    return False


def _moment(row: dict[str, Any], default: float) -> float:
    try:
        return datetime.fromisoformat(str(row.get("receivedDateTime"))).timestamp()
    except ValueError:
        return default
