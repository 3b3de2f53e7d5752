"""The token endpoint's errors: AADSTS number, OAuth error, HTTP status and sentence, each with its source.

Leaves to others: when one is due (grants). Invariant: the body has the fields Microsoft documents
(reference-error-codes.md); clients are told to act on `error`, so that field is right even where a sentence is UNV.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mailferry.clock import utc


@dataclass(frozen=True, slots=True)
class ErrorKind:
    number: int
    error: str
    status: int
    sentence: str
    mark: str


class GrantRefused(Exception):
    """The request is refused; `cause` is for the recorder."""

    def __init__(self, kind: ErrorKind, cause: str = "", **values: str) -> None:
        super().__init__(f"AADSTS{kind.number}")
        self.kind = kind
        self.cause = cause
        self.sentence = kind.sentence.format(**values)

    def body(self, *, now: float, trace_id: str, correlation_id: str) -> dict[str, Any]:
        """The JSON body (V: reference-error-codes.md)."""
        stamp = f"{utc(now):%Y-%m-%d %H:%M:%SZ}"
        description = (
            f"AADSTS{self.kind.number}: {self.sentence} Trace ID: {trace_id} Correlation ID: {correlation_id}"
            f" Timestamp: {stamp}"
        )
        return {
            "error": self.kind.error,
            "error_description": description,
            "error_codes": [self.kind.number],
            "timestamp": stamp,
            "trace_id": trace_id,
            "correlation_id": correlation_id,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.kind.number}",
        }


# Numbers and sentences: V where Microsoft's error reference names them, O where seen, UNV otherwise; the HTTP status of
# refused client credentials is 401, of malformed requests 400 (RFC 6749 section 5.2).
MISSING_PARAMETER = ErrorKind(
    900144, "invalid_request", 400, "The request body must contain the following parameter: '{name}'.", "UNV"
)
UNSUPPORTED_GRANT = ErrorKind(
    70003, "unsupported_grant_type", 400, "The app requested an unsupported grant type '{name}'.", "UNV"
)
TENANT_NOT_FOUND = ErrorKind(
    90002,
    "invalid_request",
    400,
    "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct"
    " cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the"
    " tenant.",
    "UNV",
)
NO_COMMON_FOR_APPLICATIONS = ErrorKind(
    50059,
    "invalid_request",
    400,
    "No tenant-identifying information found in either the request or implied by any provided credentials.",
    "UNV",
)
APPLICATION_NOT_FOUND = ErrorKind(
    700016,
    "unauthorized_client",
    400,
    "Application with identifier '{client_id}' was not found in the directory '{tenant}'. This can happen if the"
    " application has not been installed by the administrator of the tenant or consented to by any user in the tenant."
    " You may have sent your authentication request to the wrong tenant.",
    "UNV",
)
APPLICATION_DISABLED = ErrorKind(
    7000112, "unauthorized_client", 401, "Application '{client_id}'({name}) is disabled.", "UNV"
)
NO_CREDENTIAL = ErrorKind(
    7000218,
    "invalid_client",
    401,
    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    "UNV",
)
WRONG_SECRET = ErrorKind(
    7000215,
    "invalid_client",
    401,
    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the"
    " client secret ID, for a secret added to app '{client_id}'.",
    "UNV",
)
SECRET_EXPIRED = ErrorKind(
    7000222,
    "invalid_client",
    401,
    "The provided client secret keys for app '{client_id}' are expired. Visit the Azure portal to create new keys for"
    " your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security:"
    " https://aka.ms/certCreds.",
    "O G:70952190379",
)
KEY_NOT_FOUND = ErrorKind(
    700027,
    "invalid_client",
    401,
    "The certificate with identifier used to sign the client assertion is not registered on application."
    " [Reason - The key was not found., Thumbprint of key used by client: '{thumbprint}']",
    "UNV",
)
KEY_EXPIRED = ErrorKind(
    700027,
    "invalid_client",
    401,
    "Client assertion failed signature validation. [Reason - The key used is expired.,"
    " Thumbprint of key used by client: '{thumbprint}']",
    "UNV",
)
ASSERTION_INVALID = ErrorKind(
    50012, "invalid_client", 401, "Client assertion is invalid: {reason}.", "V number: error reference; sentence UNV"
)
ASSERTION_TIME = ErrorKind(
    700024,
    "invalid_client",
    401,
    "Client assertion is not within its valid time range. Current time: {now}, assertion valid from {start},"
    " expiry time of assertion {end}.",
    "UNV",
)
INVALID_SCOPE = ErrorKind(
    70011,
    "invalid_scope",
    400,
    "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope'"
    " is not valid. The scope {scope} is not valid.",
    "V error reference",
)
SCOPE_NEEDS_DEFAULT = ErrorKind(
    1002012,
    "invalid_scope",
    400,
    "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default"
    " suffixed to the resource identifier (application ID URI).",
    "UNV",
)
TWO_RESOURCES = ErrorKind(
    28000,
    "invalid_request",
    400,
    "Provided value for the input parameter scope is not valid because it contains more than one resource. Scope"
    " {scope} is not valid.",
    "O G:69046662300",
)
RESOURCE_NOT_FOUND = ErrorKind(
    500011,
    "invalid_resource",
    400,
    "The resource principal named {resource} was not found in the tenant named {tenant}. This can happen if the"
    " application has not been installed by the administrator of the tenant or consented to by any user in the tenant."
    " You might have sent your authentication request to the wrong tenant.",
    "V error reference",
)
