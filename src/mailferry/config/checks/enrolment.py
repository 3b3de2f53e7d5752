"""Enrolment opens the gateway to passwords it does not know: to whom, for how long, and for what.

Leaves to others: names of routes (below, since they are few). Invariant: no window is open to the world.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from mailferry.config.checks.finding import Finding, choose_from, error, warning
from mailferry.config.lines import Path
from mailferry.config.schema import TenantSettings
from mailferry.config.validate import View
from mailferry.listener.enrolment_settings import EnrolmentSettings, Proof
from mailferry.listener.policy import wide
from mailferry.listener.settings import Authentication, ListenerSettings
from mailferry.m365.schedule import disabled_from

_LONG = timedelta(days=31)
_US_LOCKOUT = 2


def check(view: View) -> Iterator[Finding]:
    routes = view.names("route")
    for item in view.all(EnrolmentSettings):
        yield from _window(view, item.path, item.value)
        if item.value.route and item.value.route not in routes:
            yield error(
                (*item.path, "route"), f'there is no route "{item.value.route}"', choose_from(item.value.route, routes)
            )


def _window(view: View, path: Path, window: EnrolmentSettings) -> Iterator[Finding]:
    if reason := wide(window.networks):
        yield error((*path, "networks"), f"lets anyone try passwords; {reason}", "name the networks of the devices")
    if window.closes - window.opens > _LONG:
        days = (window.closes - window.opens).days
        yield warning((*path, "closes"), f"the window is open for {days} days", "open it for the days of the change")
    if window.proof is Proof.VERIFY and window.closes.date() > disabled_from():
        yield warning(
            (*path, "closes"),
            f"from {disabled_from()} on Exchange Online may verify no password any more",
            'close it before; for later a window with proof = "first-use"',
        )
    # V howto-password-smart-lockout.md: accounts of US Government tenants are locked after 3, of others after 10.
    if window.proof is Proof.VERIFY and window.host.endswith(".us") and window.account_wrong_rate.count > _US_LOCKOUT:
        yield warning(
            (*path, "account_wrong_rate"),
            "accounts of US Government tenants are locked after 3 wrong passwords",
            'set it to "2/day"',
        )
    if window.proof is Proof.FIRST_USE and not window.approves:
        yield warning(
            (*path, "approve"),
            "takes any password for any mailbox from these networks, and nobody looks at it",
            "leave approve out, or set it to true",
        )
    if not window.domains and not view.accepted_domains() and view.complete(TenantSettings):
        yield error((*path, "domains"), "no tenant has domains, so no account could enrol", "name the domains here")
    listeners = [item.value for item in view.all(ListenerSettings)]
    if view.complete(ListenerSettings) and all(one.authentication is Authentication.NONE for one in listeners):
        yield error(path, "no listener takes a login", 'set authentication = "optional" on a listener')
