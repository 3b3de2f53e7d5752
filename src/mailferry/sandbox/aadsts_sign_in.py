"""The errors of sign-in: device codes, authorization codes, refresh tokens, consent, other issuers' assertions.

Leaves to others: when one is due (device, authorize, refresh, federation), the body (aadsts). Invariant: `error` is
what Microsoft documents for the flow (v2-oauth2-device-code.md 2024-01-10, v2-oauth2-auth-code-flow.md 2024-04-08),
so that a client which acts on it alone behaves as it would there.
"""

from __future__ import annotations

from mailferry.sandbox.aadsts import ErrorKind

# Device code. `error` V; numbers O where an issue shows them, UNV otherwise.
AUTHORIZATION_PENDING = ErrorKind(
    70016,
    "authorization_pending",
    400,
    "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
    "V error; number and sentence O",
)
SLOW_DOWN = ErrorKind(
    70016, "slow_down", 400, "OAuth 2.0 device flow error. Polling too frequently. Slow down.", "RFC 8628; UNV at Entra"
)
AUTHORIZATION_DECLINED = ErrorKind(
    70017, "authorization_declined", 400, "The end user has declined the authorization request.", "V error; rest UNV"
)
BAD_VERIFICATION_CODE = ErrorKind(
    70018,
    "bad_verification_code",
    400,
    "Invalid verification code due to User typing in wrong user code for device code flow.",
    "V error and sentence (reference-error-codes.md)",
)
DEVICE_CODE_EXPIRED = ErrorKind(
    70020,
    "expired_token",
    400,
    "The provided value for the input parameter 'device_code' is not valid. This device code has expired.",
    "V error; number and sentence O (azure-cli issue 22251, 2022-05-03)",
)
NOT_PUBLIC = ErrorKind(
    7000218,
    "invalid_client",
    401,
    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    "O",
)

# Authorization code
REDIRECT_MISMATCH = ErrorKind(
    50011,
    "invalid_request",
    400,
    "The redirect URI '{uri}' specified in the request does not match the redirect URIs configured for the application"
    " '{client_id}'. Make sure the redirect URI sent in the request matches one added to your application in the Azure"
    " portal.",
    "V number (reference-error-codes.md); sentence O",
)
ACCESS_DENIED = ErrorKind(
    65004,
    "access_denied",
    400,
    "User declined to consent to access the app.",
    "V number and sentence (reference-error-codes.md)",
)
UNSUPPORTED_RESPONSE = ErrorKind(
    70005,
    "unsupported_response_type",
    400,
    "The app requested an unsupported response type '{name}'.",
    "V number (reference-error-codes.md)",
)
CODE_INVALID = ErrorKind(
    70000,
    "invalid_grant",
    400,
    "Provided grant is invalid or malformed.",
    "V error; number V (reference-error-codes.md), sentence UNV",
)
CODE_EXPIRED = ErrorKind(
    70008,
    "invalid_grant",
    400,
    "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive"
    " authorization request for this user and resource.",
    "V number (reference-error-codes.md)",
)
CODE_REDEEMED = ErrorKind(
    54005, "invalid_grant", 400, "OAuth2 Authorization code was already redeemed, please retry with a new valid code"
    " or use an existing refresh token.", "V number and sentence (reference-error-codes.md)"
)  # fmt: skip
PKCE_MISMATCH = ErrorKind(
    501481,
    "invalid_grant",
    400,
    "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
    "V number and sentence (reference-error-codes.md)",
)
PKCE_MISSING = ErrorKind(
    50148,
    "invalid_grant",
    400,
    "The code_verifier doesn't match the code_challenge supplied in the authorization request for PKCE.",
    "V number and sentence (reference-error-codes.md)",
)

# Refresh tokens
REFRESH_INACTIVE = ErrorKind(
    700082,
    "invalid_grant",
    400,
    "The refresh token has expired due to inactivity. The token was issued on {issued} and was inactive for"
    " {days:0>2}.00:00:00.",
    "V number (reference-error-codes.md); sentence O (a log of 2022)",
)
REFRESH_REVOKED = ErrorKind(
    50173,
    "invalid_grant",
    400,
    "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed"
    " or reset their password. The grant was issued on '{issued}' and the TokensValidFrom date (before which tokens are"
    " not valid) for this user is '{valid_from}'.",
    "V number (reference-error-codes.md); sentence O",
)
REFRESH_UNKNOWN = ErrorKind(
    9002313, "invalid_grant", 400, "Invalid request. Request is malformed or invalid.", "O number; UNV for this case"
)

# Users and consent
USER_UNKNOWN = ErrorKind(50034, "invalid_grant", 400, "The user account does not exist in the directory.", "V number")
USER_DISABLED = ErrorKind(50057, "invalid_grant", 400, "The user account is disabled.", "V number and sentence")
USER_LOCKED = ErrorKind(
    50053,
    "invalid_grant",
    400,
    "The account is locked, you've tried to sign in too many times with an incorrect user ID or password.",
    "V number and sentence",
)
CONDITIONAL_ACCESS = ErrorKind(
    53003,
    "invalid_grant",
    400,
    "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
    "V number and sentence",
)
CONSENT_NEEDED = ErrorKind(
    65001,
    "invalid_grant",
    400,
    "The user or administrator has not consented to use the application with ID '{client_id}' named '{name}'. Send an"
    " interactive authorization request for this user and resource.",
    "O G:69046662300",
)
ADMIN_CONSENT_NEEDED = ErrorKind(
    90094,
    "access_denied",
    403,
    "The grant requires administrator permission: {name} needs an administrator's consent for {scope}.",
    "V number (reference-error-codes.md); sentence UNV",
)

# Workload identity federation: sentences O (azure-workload-identity issue 1200, 2024-03-01; Azure/login 482, 2024-09)
_CHECK = (
    "Please check your federated identity credential Subject, Audience and Issuer against the presented assertion."
    " https://docs.microsoft.com/en-us/azure/active-directory/develop/workload-identity-federation"
)
FEDERATED_ISSUER = ErrorKind(
    700211,
    "invalid_client",
    401,
    "No matching federated identity record found for presented assertion issuer '{value}'. " + _CHECK,
    "O",
)
FEDERATED_AUDIENCE = ErrorKind(
    700212,
    "invalid_client",
    401,
    "No matching federated identity record found for presented assertion audience '{value}'. " + _CHECK,
    "O number; sentence by analogy",
)
FEDERATED_SUBJECT = ErrorKind(
    700213,
    "invalid_client",
    401,
    "No matching federated identity record found for presented assertion subject '{value}'. " + _CHECK,
    "O",
)
