"""Sign-in logs as the Entra portal downloads them: users interactive and not, and service principals.

Leaves to others: which sign-ins there are. The header is a portal's of December 2025, letter for letter: two names with
a blank at the end, one with two blanks inside, one that appears twice.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mailferry.sample.events import BLOCKED_BY_CA, BUSY, LOCKED, WRONG_PASSWORD, Day
from mailferry.sample.exports.base import Export, Table, iso, second_guid
from mailferry.sample.letters import guid
from mailferry.sample.values import Auth, SignIn, Span

HEADER = [
    "Date (UTC)",
    "Request ID",
    "User agent",
    "Correlation ID",
    "User ID",
    "User",
    "Username",
    "User type",
    "Cross tenant access type",
    "Incoming token type",
    "Authentication Protocol",
    "Unique token identifier",
    "Original transfer method",
    "Client credential type",
    "Token Protection - Sign In Session",
    "Token Protection - Sign In Session StatusCode",
    "Application",
    "Application ID ",
    "App owner tenant ID",
    "Resource",
    "Resource ID ",
    "Resource tenant ID",
    "Resource owner tenant ID",
    "Home tenant ID",
    "Home tenant name",
    "IP address",
    "Location",
    "Status",
    "Sign-in error code",
    "Failure reason",
    "Client app",
    "Device ID",
    "Browser",
    "Operating System",
    "Compliant",
    "Managed",
    "Join Type",
    "Multifactor authentication result",
    "Multifactor authentication auth method",
    "Multifactor authentication auth detail",
    "Authentication requirement",
    "Sign-in identifier",
    "Session ID",
    "IP address (seen by resource)",
    "Through Global Secure Access",
    "Global Secure Access IP address",
    "Autonomous system  number",
    "Flagged for review",
    "Token issuer type",
    "Incoming token type",
    "Token issuer name",
    "Latency",
    "Conditional Access",
    "Managed Identity type",
    "Associated Resource Id",
    "Federated Token Id",
    "Federated Token Issuer",
]
PRINCIPALS = [
    "Date (UTC)",
    "Request ID",
    "Correlation ID",
    "Service principal ID",
    "Service principal name",
    "Credential key ID",
    "Credential thumbprint",
    "Application",
    "Application ID ",
    "App owner tenant ID",
    "Resource",
    "Resource ID ",
    "Resource tenant ID",
    "Resource owner tenant ID",
    "Home tenant ID",
    "Home tenant name",
    "IP address",
    "Location",
    "Status",
    "Sign-in error code",
    "Failure reason",
    "Conditional Access",
]
#: Rows of one download.
LIMIT = 100_000

EXCHANGE = ("Office 365 Exchange Online", "00000002-0000-0ff1-ce00-000000000000")
TENANT = "0f6d2c1e-5a1b-4c3d-8e9f-102030405060"
BASIC_APP = "Authenticated SMTP"
OAUTH_APP = "Mobile Apps and Desktop clients"
BASIC_AGENT = "BAV2ROPC"
REASONS = {
    0: "Other.",
    WRONG_PASSWORD: "Error validating credentials due to invalid username or password.",
    LOCKED: "The account is locked, you've tried to sign in too many times with an incorrect user ID or password.",
    BLOCKED_BY_CA: "Access has been blocked by Conditional Access policies.",
    BUSY: "A transient error has occurred. Please try again.",
}


class PortalSignIns(Export):
    """Three files: who signs in with a password, with a user's token, as a service principal."""

    def __init__(self, folder: Path, span: Span, language: str) -> None:
        dates = f"{span.first.isoformat()}_{span.last.isoformat()}"
        self._language = language
        self._basic = Table(folder / f"InteractiveSignIns_{dates}.csv", HEADER, limit=LIMIT)
        self._oauth = Table(folder / f"NonInteractiveSignIns_{dates}.csv", HEADER, limit=LIMIT)
        self._principals = Table(folder / f"ApplicationSignIns_{dates}.csv", PRINCIPALS, limit=LIMIT)

    def day(self, day: Day) -> None:
        if day.archived:
            return
        for signin in day.signins:
            if signin.auth is Auth.APP_ONLY:
                self._principals.write(_principal(signin))
            else:
                table = self._basic if signin.auth is Auth.BASIC else self._oauth
                table.write(portal_row(signin, self._language, iso))

    def close(self) -> None:
        for table in (self._basic, self._oauth, self._principals):
            table.close()


def outcome(signin: SignIn) -> tuple[str, str, str]:
    """Status, error code and reason, as the portal words them."""
    return (
        "Failure" if signin.error else "Success",
        str(signin.error) if signin.error else "None",
        REASONS[signin.error],
    )


def portal_row(signin: SignIn, language: str, when: Callable[[float], str]) -> list[str]:
    """One row under HEADER."""
    basic = signin.auth is Auth.BASIC
    request = guid(signin.request)
    status, code, reason = outcome(signin)
    app, app_id = (signin.app[1], signin.app[0]) if signin.app[0] else EXCHANGE
    token = "none" if basic else "refreshToken"
    row = [when(signin.at), request, BASIC_AGENT if basic else f"{app}/1.0", second_guid(signin.request)]
    row += [signin.user_id, signin.name.of(language), signin.user, "member", "none"]
    row += [token, "ropc" if basic else "oAuth2", request, "none"]
    row += ["none", "none", "0", app, app_id, TENANT, *EXCHANGE, TENANT, TENANT, TENANT, ""]
    row += [signin.ip, ", ".join(signin.place), status, code, reason, BASIC_APP if basic else OAUTH_APP]
    row += ["", "", "", "False", "False", "", "", "", "", "singleFactorAuthentication", signin.user, ""]
    row += ["", "False", "", "64496", "False", "AzureAD", token, "", str(40 + signin.request % 300)]
    row += ["failure" if signin.error == BLOCKED_BY_CA else "notApplied", "none", "", "", ""]
    return row


def _principal(signin: SignIn) -> list[str]:
    status, code, reason = outcome(signin)
    row = [iso(signin.at), guid(signin.request), second_guid(signin.request), signin.user_id, signin.app[1]]
    row += [second_guid(signin.request >> 1), "", signin.app[1], signin.app[0], TENANT, *EXCHANGE]
    row += [TENANT, TENANT, TENANT, "", signin.ip, ", ".join(signin.place), status, code, reason, "notApplied"]
    return row
