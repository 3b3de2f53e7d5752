"""MSAL's public client for one identity: what signs users in and renews their tokens.

Leaves to others: the flows (login, delegated), what an answer means (answer). Invariants: a request waits no longer
than the credential's timeout; nothing that MSAL keeps in memory outlives the client. Everything here blocks.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mailferry.tokens.answer import Answer
from mailferry.tokens.api import TokenRefused
from mailferry.tokens.credential import Credential

if TYPE_CHECKING:
    from msal import PublicClientApplication  # type: ignore[import-untyped]


@contextmanager
def public_client(credential: Credential, answer: Answer) -> Iterator[PublicClientApplication]:
    """The client; what comes over the wire meanwhile is seen by `answer`. Raises whatever the library raises."""
    import requests
    from msal import PublicClientApplication

    # msal logs an answer that is no JSON whole, as an error, with whatever secret it repeats; urllib3 logs addresses.
    logging.getLogger("msal").setLevel(logging.CRITICAL)
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    settings = credential.settings
    session = requests.Session()
    session.hooks["response"].append(answer.take_requests)
    options: dict[str, Any] = {"timeout": settings.timeout}
    if settings.ca_file:  # with each request: requests lets its environment overrule what a session says
        options["verify"] = str(settings.ca_file)
    session.request = functools.partial(session.request, **options)  # type: ignore[method-assign]
    try:
        yield PublicClientApplication(
            settings.client_id,
            authority=f"{credential.authority}/{settings.tenant_id}",
            instance_discovery=False,  # any https authority will do
            http_client=session,
        )
    finally:
        session.close()


def result_of(result: dict[str, Any] | None, answer: Answer, host: str) -> dict[str, Any]:
    """MSAL's result where it is a success. Raises TokenError."""
    if result is None or "error" in result or "access_token" not in result:
        raise answer.error(host, TokenRefused("no answer"))
    return result
