"""GET /admin/exchange/tracing/messageTraces: what became of messages, a row for each recipient.

Leaves to others: what happened (transport). Sources: Learn, "List messageTraces" and exchangeMessageTrace (v1.0,
2026-01): $filter, $top from 1 to 5000 (1000), $skiptoken; permission ExchangeMessageTrace.Read.All. Invariant: a row is
shown when the delay that is set has passed; how long it is at Microsoft is not published (UNV, hence the setting).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mailferry.sandbox import graph_errors as errors
from mailferry.sandbox import graph_odata as odata
from mailferry.sandbox.graph_call import Answer, Call, Operation
from mailferry.sandbox.graph_errors import GraphRefused
from mailferry.sandbox.graph_read import next_link
from mailferry.sandbox.graph_resource import stamp
from mailferry.sandbox.traces import Traces

NAME = "listMessageTraces"
PERMISSION = "ExchangeMessageTrace.Read.All"
_TYPE = "microsoft.graph.exchangeMessageTrace"
_PAGE, _LARGEST = 1000, 5000


class Tracing:
    """The handler. `delay` and `now` are asked for each time."""

    def __init__(self, traces: Traces, now: Callable[[], float], delay: Callable[[], float]) -> None:
        self._traces = traces
        self._now = now
        self._delay = delay

    def operations(self) -> Iterable[Operation]:
        yield Operation("GET", "/v1.0/admin/exchange/tracing/messageTraces", NAME, self.listed)

    async def listed(self, call: Call) -> Answer:
        if PERMISSION not in call.bearer.roles:
            raise GraphRefused(errors.ACCESS_DENIED, f"the application has no {PERMISSION}")
        query = {name.lower() if name.lower() == "$skiptoken" else name: value for name, value in call.query.items()}
        odata.only(query, "$filter", "$top", "$skiptoken")
        top = odata.number(query, "$top", _PAGE, least=1, most=_LARGEST)
        skip = odata.number(query, "$skiptoken", 0, least=0, most=10_000_000)
        until = self._now() - self._delay()
        rows = [trace.resource(stamp) for trace in self._traces if trace.at <= until]
        if text := query.get("$filter"):
            wanted = odata.Filter(text)
            rows = [row for row in rows if wanted.test(_looker(row))]
        value: dict[str, Any] = {
            "@odata.context": f"{call.base_url}/v1.0/$metadata#admin/exchange/tracing/messageTraces",
            "value": rows[skip : skip + top],
        }
        if skip + top < len(rows):
            value["@odata.nextLink"] = next_link(call, {"$skiptoken": str(skip + top)})
        return Answer(200, value)


def _looker(row: dict[str, Any]) -> Callable[[str], Any]:
    known = {name.lower(): value for name, value in row.items()}

    def look(path: str) -> Any:
        if path.lower() not in known:
            raise GraphRefused(errors.UNKNOWN_PROPERTY, name=path, type=_TYPE)
        return known[path.lower()]

    return look
