"""Kept connections of HTTP that the peer has closed meanwhile, found before a request is written to them.

Leaves to others: requests (graph_http, acs_sdk). A server may close an idle connection at any moment; the event loop
hears of it when it next looks, and what is written until then is lost, though nobody can say so afterwards: whether the
last octet arrived is not known, and the message would count as perhaps sent.
Invariant: a connection on which the peer has said anything since its last answer is not used again (RFC 9112 section
9.5 lets it be closed so; between two answers a server has nothing else to say).
"""

from __future__ import annotations

import asyncio
import select
import ssl
from functools import partial

import aiohttp
from aiohttp.client_proto import ResponseHandler


class _Watchful(ResponseHandler):
    """One connection."""

    def is_connected(self) -> bool:
        return super().is_connected() and not _spoken(self.transport)


def _spoken(transport: asyncio.BaseTransport | None) -> bool:
    """Whether something waits to be read, the end of the stream included."""
    socket = transport.get_extra_info("socket") if transport is not None else None
    if socket is None:
        return False
    try:
        poll = select.poll()
        poll.register(socket.fileno(), select.POLLIN | select.POLLERR | select.POLLHUP)
        return bool(poll.poll(0))
    except (OSError, ValueError):  # closed on this side already
        return True


def connector(context: ssl.SSLContext | None, idle: float) -> aiohttp.TCPConnector:
    """Connections that are kept for `idle` seconds; without TLS settings of their own where there is no `context`."""
    made = aiohttp.TCPConnector(
        limit=0,  # delivery keeps to the lane's connections
        ssl=context if context is not None else True,
        keepalive_timeout=idle if idle > 0 else aiohttp.helpers.sentinel,
        force_close=idle <= 0,
    )
    made._factory = partial(_new, asyncio.get_running_loop())  # it has no other door
    return made


def _new(loop: asyncio.AbstractEventLoop) -> ResponseHandler:
    return _Watchful(loop)
