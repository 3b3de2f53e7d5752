"""What must hold between the settings of one route: the presets of a smarthost, hve and acs-smtp.

Leaves to others: fields by themselves (settings), other sections and this machine's files (config).
Invariant: what passes here never sends a password or a token over a connection that is not encrypted and verified.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailferry.routes.settings import RouteSettings


def problem(route: RouteSettings) -> str | None:
    """What is wrong, in a sentence for whoever wrote it."""
    kind = route.type.value
    if route.preset is not None and kind != "smarthost":
        return "`preset` belongs to smarthost routes"
    if (route.certificate is not None or route.key is not None) and kind != "smarthost":
        return "`certificate` and `key` are for the TLS of smarthost routes"
    if route.access_key is not None and kind != "acs-rest":
        return "`access_key` belongs to acs-rest routes"
    if route.key is not None and route.certificate is None:
        return "`key` is given without `certificate`"
    shared = _shared(route)
    if shared is not None:
        return shared
    match kind:
        case "smarthost":
            return _preset(route)
        case "hve":
            return _hve(route)
        case "acs-smtp":
            return _acs(route)
    return None


def _shared(route: RouteSettings) -> str | None:
    """Pools and failover."""
    if route.mailboxes and route.type.value not in ("exchange-smtp", "graph"):
        return f"`mailboxes` is for exchange-smtp and graph routes; an {route.type.value} route has one sender"
    if route.mailboxes and route.mailbox:
        return "`mailbox` and `mailboxes` exclude each other: move the one into the other"
    known = [mailbox.casefold() for mailbox in route.mailboxes]
    if len(set(known)) != len(known):
        return "`mailboxes` names a mailbox twice"
    if route.name in route.failover:
        return f'`failover` of "{route.name}" names the route itself, which would be no way out'
    if len(set(route.failover)) != len(route.failover):
        return "`failover` names a route twice"
    if route.failover_changes and not route.failover:
        return "`failover_changes` is given without `failover`"
    return None


def _preset(route: RouteSettings) -> str | None:
    preset = route.preset.value if route.preset is not None else ""
    if preset.startswith("connector-") and not route.tls_mode.required:
        # New-InboundConnector -RequireTls $true; required for a certificate (Learn, SMTP relay by connector).
        return f"a {preset} route needs TLS: `tls` must be starttls or implicit"
    if preset == "connector-certificate" and route.certificate is None:
        return "a connector-certificate route needs `certificate`, by which the tenant's connector knows this gateway"
    if preset in ("connector-ip", "connector-certificate", "direct-send") and route.username:
        return f"a {preset} route does not log in, for the MX offers no AUTH: take `username` out"
    return None


def exchange(route: RouteSettings) -> str | None:
    """The same for exchange-smtp alone."""
    if route.tenant is None:
        return "an exchange-smtp route needs `tenant`, whose application fetches the tokens"
    if not route.tls_mode.required or not route.verify:
        return "an exchange-smtp route always encrypts and verifies: `tls` must be starttls or implicit, `verify` true"
    if route.username or route.password is not None:
        return "an exchange-smtp route logs in with OAuth: `username` and `password` do not belong here"
    return None


def _hve(route: RouteSettings) -> str | None:
    if route.tenant is None:
        return "an hve route needs `tenant`, whose recipients it reaches"
    if not route.mailbox:
        return "an hve route needs `mailbox`, the High Volume Email account"
    if route.username:
        return "an hve route logs in as its `mailbox`: `username` does not belong here"
    return _encrypted(route)


def _acs(route: RouteSettings) -> str | None:
    if not route.username:
        return "an acs-smtp route needs `username`, the SMTP username of the Communication Services resource"
    if (route.tenant is None) is (route.password is None):
        return (
            "an acs-smtp route needs either `password` (a client secret of the Entra application) or `tenant`, "
            "whose application fetches the tokens"
        )
    return _encrypted(route)


def _encrypted(route: RouteSettings) -> str | None:
    if not route.tls_mode.required or not route.verify:
        return (
            f"an {route.type.value} route always encrypts and verifies: `tls` must be starttls or implicit, "
            "`verify` true"
        )
    return None
