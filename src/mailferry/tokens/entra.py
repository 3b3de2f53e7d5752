"""Asks the Microsoft Entra token service for one token, by azure-identity.

Leaves to others: when to ask and what to keep (broker), secrets (credential).
Invariant: whatever happens while asking comes out as TokenRefused or TokenUnavailable with one line for people, a
bounded wait, and neither secret, assertion nor token in it.

azure-identity's credentials for secret and certificate post straight to <authority>/<tenant>/oauth2/v2.0/token (no
instance discovery, so that any https authority will do), and sign with PS256 and x5t#S256. MSAL would do the same with
threads and two requests of discovery before.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mailferry.m365.errors import Disposition, token_error
from mailferry.tokens.api import TokenError, TokenRefused, TokenUnavailable
from mailferry.tokens.credential import ClientSecret, Credential

if TYPE_CHECKING:  # 0.25 s of imports, on first use
    from azure.core.pipeline import PipelineResponse
    from azure.identity.aio import CertificateCredential, ClientSecretCredential

#: RFC 6749 section 5.2 and OpenID: errors that pass by themselves.
_TEMPORARY = frozenset({"temporarily_unavailable", "server_error", "slow_down"})
_AADSTS = re.compile(r"\bAADSTS\d{4,8}\b")
_TRACE = re.compile(r"\s*(Trace ID|Correlation ID|Timestamp):.*", re.DOTALL)
_CAUSE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the token service gave. `lifetime` in seconds, counted from the asking."""

    value: str = field(repr=False)
    lifetime: float


class EntraFetcher:
    """Fetches tokens; holds no state, so that each request uses the secret of the moment."""

    async def fetch(self, credential: Credential, scope: str) -> Fetched:
        """One token for `scope`. Raises TokenError."""
        answer = _Answer()
        outcome = await self._ask(credential, scope, answer)
        # Raised here, outside of any handler, so that no context of azure-core (which holds the request) hangs on it.
        if isinstance(outcome, TokenError):
            raise outcome
        return outcome

    async def _ask(self, credential: Credential, scope: str, answer: _Answer) -> Fetched | TokenError:
        host = urlsplit(credential.authority).netloc
        try:
            async with asyncio.timeout(credential.settings.timeout):
                client = await asyncio.to_thread(_client, credential, answer)
                async with client:
                    token = await client.get_token(scope)
            return Fetched(token.token, answer.lifetime())
        except TokenError as error:
            return type(error)(error.cause, error.code, error.retry_after)
        except TimeoutError:
            return TokenUnavailable(f"{host} did not answer within {credential.settings.timeout:g} s")
        except Exception as error:
            return answer.error(host, error)


def _client(credential: Credential, answer: _Answer) -> ClientSecretCredential | CertificateCredential:
    """The library's credential for one request. Blocks on imports, files and keys. Raises TokenRefused."""
    from azure.identity.aio import CertificateCredential, ClientSecretCredential

    # Its warnings repeat the service's words, which could repeat the secret; the broker logs the cause instead.
    logging.getLogger("azure.identity").setLevel(logging.ERROR)
    settings = credential.settings
    material = credential.material()
    answer.secrets = (material.value,) if isinstance(material, ClientSecret) else ()
    options: dict[str, Any] = {
        "authority": credential.authority,
        "connection_verify": str(settings.ca_file) if settings.ca_file else True,
        "connection_timeout": settings.timeout + 1,  # a backstop; fetch() keeps the time
        "read_timeout": settings.timeout + 1,
        "retry_total": 0,  # the broker decides when to ask again
        "raw_response_hook": answer.take,
    }
    if isinstance(material, ClientSecret):
        return ClientSecretCredential(settings.tenant_id, settings.client_id, material.value, **options)
    return CertificateCredential(settings.tenant_id, settings.client_id, certificate_data=material.pem, **options)


class _Answer:
    """The token service's answer as seen on the wire, and its translation."""

    __slots__ = ("_body", "_retry_after", "_status", "secrets")

    def __init__(self) -> None:
        self.secrets: tuple[str, ...] = ()
        self._status = 0
        self._retry_after: float | None = None
        self._body: Mapping[str, Any] = {}

    def take(self, response: PipelineResponse[Any, Any]) -> None:
        """azure-core's raw_response_hook."""
        http = response.http_response
        self._status = http.status_code
        self._retry_after = _retry_after(http.headers)
        try:
            body = http.json()
        except Exception:
            body = None
        self._body = body if isinstance(body, dict) else {}

    def lifetime(self) -> float:
        """Seconds the token is good for. Raises ValueError on what is no time."""
        seconds = float(self._body.get("expires_in", 0))
        if not 0 < seconds < 1e7:
            raise ValueError("expires_in")
        return seconds

    def error(self, host: str, cause: Exception) -> TokenError:
        """The one translation of everything that can go wrong while asking."""
        if self._status == 0:
            return _not_reached(host, cause)
        name = self._clean(str(self._body.get("error", "")))[:40]
        if self._status == 429 or self._status >= 500 or name in _TEMPORARY:
            text = "too many requests" if self._status == 429 else f"HTTP {self._status} {name}".strip()
            return TokenUnavailable(f"{host} is overloaded: {text}", self._code(), self._retry_after)
        if not name:
            return TokenUnavailable(f"{host} gave no answer of a token service (HTTP {self._status})")
        fact = token_error(self._description())
        if fact is not None and fact.disposition is not Disposition.LANE_FAULT:
            return TokenUnavailable(fact.cause.en, self._code(), self._retry_after)
        text = fact.cause.en if fact is not None else self._sentence(name)
        return TokenRefused(text, self._code(), self._retry_after)

    def _description(self) -> str:
        return str(self._body.get("error_description", ""))

    def _code(self) -> str:
        found = _AADSTS.search(self._description())
        return found[0] if found else ""

    def _sentence(self, name: str) -> str:
        """The service's own words on one line, without ids and without anything that we sent as a secret."""
        line = self._clean(_TRACE.sub("", self._description()))[:_CAUSE_LENGTH]
        return f"{name}: {line}" if line else name

    def _clean(self, words: str) -> str:
        for secret in self.secrets:
            words = words.replace(secret, "***")
        return " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())


def _not_reached(host: str, cause: Exception) -> TokenError:
    """No answer at all: the configuration is wrong, or the network is."""
    import ssl

    if isinstance(cause, ValueError):  # azure-identity: "Invalid tenant ID provided" and the like
        return TokenRefused(f"the credential is not valid for {host}; check tenant_id, client_id and authority")
    inner: BaseException | None = cause
    while inner is not None:
        # ClientConnectorCertificateError holds the reason in certificate_error, ServiceRequestError in inner_exception
        problem = getattr(inner, "certificate_error", inner)
        if isinstance(problem, ssl.SSLCertVerificationError):
            return TokenUnavailable(f"the certificate of {host} is not trusted: {problem.verify_message}")
        inner = getattr(inner, "inner_exception", None) or inner.__cause__
    detail = getattr(cause, "inner_exception", None) or cause
    reason = getattr(detail, "strerror", None) or type(detail).__name__
    return TokenUnavailable(f"cannot reach {host}: {reason}")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds (RFC 9110 section 10.2.3: seconds or a date; a date counts from the answer's own)."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("Date", ""))
    except (TypeError, ValueError):
        return None
    return max(0.0, until.total_seconds())
