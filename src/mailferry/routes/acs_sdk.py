"""The official client of Azure Communication Services Email, set up to do one request when it is asked to.

Leaves to others: calling it (acs_client, which imports this on first use: half a second of imports).
Invariant: no retry, redirection, cookie, telemetry or log of its own: a retry would hide a lost answer from the gateway
and send twice, and its trace would show tokens and mail.
"""

from __future__ import annotations

import io
import ssl
from typing import Any

import aiohttp
from azure.communication.email.aio import EmailClient
from azure.core.pipeline.policies import AsyncRedirectPolicy, AsyncRetryPolicy, SansIOHTTPPolicy, UserAgentPolicy
from azure.core.pipeline.transport import AioHttpTransport

from mailferry.routes.kept import connector
from mailferry.routes.settings import TimeoutSettings

#: aiohttp warns of a larger text, which it would write in one piece.
_IN_ONE_PIECE = 1 << 20


class _Transport(AioHttpTransport):  # type: ignore[misc]  # the package exports it on demand
    """Gives a large request to the socket piece by piece."""

    def _get_request_data(self, request: Any) -> Any:
        data = super()._get_request_data(request)
        return io.BytesIO(data.encode()) if isinstance(data, str) and len(data) >= _IN_ONE_PIECE else data


def session(context: ssl.SSLContext | None, idle: float) -> aiohttp.ClientSession:
    """Connections that are kept for `idle` seconds. Without TLS they are to this machine, and no proxy is asked."""
    return aiohttp.ClientSession(
        connector=connector(context, idle),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=context is not None,
        auto_decompress=False,
    )


def client(
    endpoint: str, credential: Any, connections: aiohttp.ClientSession, timeouts: TimeoutSettings, version: str
) -> EmailClient:
    return EmailClient(
        endpoint,
        credential,
        api_version=version,
        transport=_Transport(
            session=connections, session_owner=False, connection_timeout=timeouts.connect, read_timeout=timeouts.end
        ),
        retry_policy=AsyncRetryPolicy.no_retries(),
        redirect_policy=AsyncRedirectPolicy.no_redirects(),
        logging_policy=SansIOHTTPPolicy(),
        http_logging_policy=SansIOHTTPPolicy(),
        user_agent_policy=UserAgentPolicy("mailferry", user_agent_use_env=False),
    )
