"""The TLS handshake of a connection that is already open, as STARTTLS and PROXY headers make it.

Leaves to others: when it happens and what may be said before and after (protocol, session), contexts (tls).
Invariant: every way in which a handshake fails is an OSError.
"""

from __future__ import annotations

import asyncio
import ssl
from asyncio import BufferedProtocol, Transport
from typing import cast

#: Seconds for a peer to answer the end of TLS, or to take the last reply.
SHUTDOWN = 5.0


async def shake_hands(
    transport: Transport, protocol: asyncio.Protocol, context: ssl.SSLContext | None, seconds: float
) -> Transport:
    """Put TLS between the transport and its protocol. The TLS layer is installed before the first suspension, so that
    nothing which is read from then on reaches the protocol in clear. Raises OSError."""
    if context is None:
        raise ConnectionAbortedError("no certificate")
    secured = await asyncio.get_running_loop().start_tls(
        transport,
        protocol,
        context,
        server_side=True,
        ssl_handshake_timeout=seconds,
        ssl_shutdown_timeout=SHUTDOWN,
    )
    if secured is None:
        raise ConnectionAbortedError("closed during the handshake")
    return secured


def feed(transport: Transport, data: bytes) -> None:
    """Hand octets to the TLS layer as the transport would."""
    layer = cast("BufferedProtocol", transport.get_protocol())
    while data:
        view = memoryview(layer.get_buffer(len(data)))
        taken = min(len(view), len(data))
        view[:taken] = data[:taken]
        layer.buffer_updated(taken)
        data = data[taken:]


def version_of(transport: Transport) -> str | None:
    """ "TLSv1.0" to "TLSv1.3"; the ssl module calls the first "TLSv1"."""
    layer: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    version = layer.version() if layer is not None else None
    return "TLSv1.0" if version == "TLSv1" else version


def reason_of(error: OSError) -> str:
    """Why a handshake failed, for the log."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).replace("_", " ").lower()
    return str(error) or type(error).__name__
