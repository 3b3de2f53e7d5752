"""Reports by HTTPS POST: plain JSON, or a card for a Teams channel.

Leaves to others: the card (card), when to try again (outbox).
Invariant: the address is a secret: it is read for each report, sent to by TLS only (or to this machine), never followed
to another place, and never named in an error.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mailferry.alarms import card, report, words
from mailferry.alarms.report import Report
from mailferry.alarms.target import TargetError

if TYPE_CHECKING:  # aiohttp is loaded on first use
    import aiohttp

#: The text of a secret, read anew. Raises TargetError.
Secret = Callable[[], str]
Body = Callable[[Report], dict[str, Any]]

_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def json_body(language: str) -> Body:
    return lambda made: report.plain(made, language, words.summary(made, language))


def teams_body(language: str) -> Body:
    return lambda made: card.message(made, language)


class Webhook:
    """Posts to the address that `url` gives; `authorization` is the value of that header, where one is wanted."""

    def __init__(
        self, url: Secret, authorization: Secret | None, body: Body, ca_file: Path | None, seconds: float
    ) -> None:
        self._url = url
        self._authorization = authorization
        self._body = body
        self._ca_file = ca_file
        self._seconds = seconds

    async def send(self, report: Report) -> None:
        """Raises TargetError."""
        import aiohttp

        url = address(await asyncio.to_thread(self._url))
        headers = {}
        if self._authorization is not None:
            headers["Authorization"] = await asyncio.to_thread(self._authorization)
        problem = ""
        try:
            context = await asyncio.to_thread(self._context)
            async with (
                # trust_env: an HTTPS_PROXY that the routes go through is the way out for this too
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._seconds), trust_env=True) as session,
                session.post(
                    url, json=self._body(report), headers=headers, ssl=context, allow_redirects=False
                ) as answer,
            ):
                _judge(answer)
        except TargetError:
            raise
        except Exception as error:  # every way in which a library can fail is a report that did not arrive
            problem = _cause(error, self._seconds)
        if problem:  # outside the handler: the library's error holds the address
            raise TargetError(problem)

    def _context(self) -> ssl.SSLContext | bool:
        return ssl.create_default_context(cafile=str(self._ca_file)) if self._ca_file is not None else True


def address(text: str) -> str:
    """`text` when it is an address to post to. Raises TargetError."""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not host or any(char.isspace() for char in text):
        raise TargetError("the url is no web address; it begins with https://")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOCAL):
        raise TargetError("the url must begin with https://: it is a secret, and so is what alarms say")
    return text


def _judge(answer: aiohttp.ClientResponse) -> None:
    """Workflows answers 202, others 200, 201 or 204; a redirect would carry the report elsewhere."""
    if 200 <= answer.status < 300:
        return
    hints = {401: "the url or authorization is no longer valid", 403: "the url or authorization is no longer valid"}
    hints |= {404: "the webhook is gone", 410: "the webhook is gone", 413: "the report is too large for it"}
    hint = hints.get(answer.status, "it moved; take its new url" if 300 <= answer.status < 400 else "")
    text = f"it answers HTTP {answer.status}" + (f": {hint}" if hint else "")
    raise TargetError(text, _seconds(answer.headers.get("Retry-After", "")))


def _seconds(text: str) -> float:
    return float(text) if text.strip().isdigit() else 0.0


def _cause(error: BaseException, seconds: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {seconds:g} s"
    inner: BaseException | None = error
    while inner is not None:
        problem = getattr(inner, "certificate_error", inner)
        if isinstance(problem, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {problem.verify_message}"
        inner = inner.__cause__
    reason = getattr(getattr(error, "os_error", error), "strerror", None) or type(error).__name__
    return f"it cannot be reached: {reason}"
