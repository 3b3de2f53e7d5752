"""An answer of a token service as seen on the wire, whichever library asked, and its translation.

Leaves to others: asking (entra, delegated, login). Invariant: what comes out is TokenRefused or TokenUnavailable with
one line for people, in which nothing stands that was sent or received as a secret.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from mailferry.m365.errors import Disposition, token_error
from mailferry.tokens.api import TokenError, TokenRefused, TokenUnavailable

if TYPE_CHECKING:
    from azure.core.pipeline import PipelineResponse

#: RFC 6749 section 5.2 and OpenID: errors that pass by themselves.
_TEMPORARY = frozenset({"temporarily_unavailable", "server_error", "slow_down"})
#: V how-to-use-vm-token.md (2025-02-27): IMDS answers 410 while it is updated, for at most 70 seconds.
_PASSES = frozenset({410, 429})
_AADSTS = re.compile(r"\bAADSTS\d{4,8}\b")
_TRACE = re.compile(r"\s*(Trace ID|Correlation ID|Timestamp):.*", re.DOTALL)
_CAUSE_LENGTH = 200
_SECRETS = ("access_token", "refresh_token", "id_token", "device_code")


class Answer:
    """The last answer. `secrets` are what was sent and may come back in the service's words."""

    __slots__ = ("_body", "_date", "_retry_after", "_status", "secrets")

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        self.secrets = secrets
        self._status = 0
        self._retry_after: float | None = None
        self._date = ""
        self._body: Mapping[str, Any] = {}

    def take(self, response: PipelineResponse[Any, Any]) -> None:
        """azure-core's raw_response_hook."""
        http = response.http_response
        self._take(http.status_code, http.headers, http.json)

    def take_requests(self, response: Any, *_: object, **__: object) -> None:
        """A response hook of requests, by which MSAL asks."""
        self._take(response.status_code, response.headers, response.json)

    def told(self, fields: Mapping[str, str]) -> None:
        """An error that came by a redirection (V v2-oauth2-auth-code-flow.md, "Error response")."""
        self._status, self._body = 400, fields

    def _take(self, status: int, headers: Mapping[str, str], read: Any) -> None:
        self._status = status
        self._retry_after = _retry_after(headers)
        self._date = headers.get("Date", "")
        try:
            body = read()
        except Exception:
            body = None
        self._body = body if isinstance(body, dict) else {}
        self.secrets += tuple(str(self._body[name]) for name in _SECRETS if self._body.get(name))

    def lifetime(self) -> float:
        """Seconds the token is good for. Raises ValueError on what is no time.

        App Service tells the end only (V overview-managed-identity.md); it is measured by the answer's own clock.
        """
        if "expires_in" not in self._body and "expires_on" in self._body:
            seconds = float(self._body["expires_on"]) - parsedate_to_datetime(self._date).timestamp()
        else:
            seconds = float(self._body.get("expires_in", 0))
        if not 0 < seconds < 1e7:
            raise ValueError("expires_in")
        return seconds

    @property
    def name(self) -> str:
        """`error` of the body: what a client is to act on (V reference-error-codes.md)."""
        return self.clean(str(self._body.get("error", "")))[:40]

    @property
    def code(self) -> str:
        found = _AADSTS.search(self._description())
        return found[0] if found else ""

    def error(self, host: str, cause: Exception) -> TokenError:
        """The one translation of everything that can go wrong while asking."""
        if self._status == 0:
            return _not_reached(host, cause)
        name = self.name
        if self._status in _PASSES or self._status >= 500 or name in _TEMPORARY:
            text = "too many requests" if self._status == 429 else f"HTTP {self._status} {name}".strip()
            return TokenUnavailable(f"{host} is overloaded: {text}", self.code, self._retry_after)
        if not name and self._status == 400 and "statusCode" in self._body:  # App Service (O)
            return TokenRefused(self.clean(str(self._body.get("message", "")))[:_CAUSE_LENGTH] or "HTTP 400")
        if not name:
            return TokenUnavailable(f"{host} gave no answer of a token service (HTTP {self._status})")
        fact = token_error(self._description())
        if fact is not None and fact.disposition is not Disposition.LANE_FAULT:
            return TokenUnavailable(fact.cause.en, self.code, self._retry_after)
        text = fact.cause.en if fact is not None else self._sentence(name)
        return TokenRefused(text, self.code, self._retry_after)

    def clean(self, words: str) -> str:
        """One line without secrets."""
        for secret in self.secrets:
            words = words.replace(secret, "***")
        return " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())

    def _description(self) -> str:
        return str(self._body.get("error_description", ""))

    def _sentence(self, name: str) -> str:
        """The service's own words on one line, without ids and without anything that we sent as a secret."""
        line = self.clean(_TRACE.sub("", self._description()))[:_CAUSE_LENGTH]
        return f"{name}: {line}" if line else name


def _not_reached(host: str, cause: Exception) -> TokenError:
    """No answer at all: the configuration is wrong, or the network is."""
    inner: BaseException | None = cause
    while inner is not None:
        # ClientConnectorCertificateError holds the reason in certificate_error, ServiceRequestError in inner_exception,
        # urllib3's in reason or in its arguments.
        for problem in (getattr(inner, "certificate_error", inner), getattr(inner, "reason", None), *inner.args):
            if isinstance(problem, ssl.SSLCertVerificationError):
                return TokenUnavailable(f"the certificate of {host} is not trusted: {problem.verify_message}")
        nested = [arg for arg in (*inner.args, getattr(inner, "reason", None)) if isinstance(arg, Exception)]
        inner = getattr(inner, "inner_exception", None) or (nested[0] if nested else None) or inner.__cause__
    if isinstance(cause, ValueError):  # azure-identity: "Invalid tenant ID provided" and the like
        return TokenRefused(f"the credential is not valid for {host}; check tenant_id, client_id and authority")
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
