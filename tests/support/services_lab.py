"""Dialogues in memory with the sandbox's services beside client submission."""

from __future__ import annotations

from mailferry.sandbox import organisation_services as seeds
from mailferry.sandbox.surfaces import session
from support.sandbox_lab import Lab, Wire

ACCOUNT = f"{seeds.HVE_ACCOUNT}@contoso.example"
OUTSIDE = "192.0.2.10:50000"
HERE = "127.0.0.1:50000"
RELAY = frozenset({"relay.contoso.example"})


def reach(lab: Lab, surface: str, remote: str = OUTSIDE, names: frozenset[str] | None = None) -> Wire:
    """Greeted; over TLS where `names` says whom the client's certificate names."""
    wire = Wire(session(lab.world, lab.checker, surface)(remote))  # type: ignore[arg-type]
    if names is not None:
        wire.session.peer_names = names
        wire.secure()
    return wire


def bulk_token(lab: Lab, audience: str = "https://outlook.office.com", **changes: object) -> str:
    return lab.token(seeds.BULK_CLIENT_ID, audience=audience, **changes)


def hve(lab: Lab) -> Wire:
    """Logged in as the seeded account."""
    wire = reach(lab, "hve").secure()
    assert wire.login(ACCOUNT, seeds.HVE_PASSWORD) == "235 2.7.0 Authentication successful"
    return wire


def acs(lab: Lab) -> Wire:
    wire = reach(lab, "acs-smtp").secure()
    assert wire.login(seeds.ACS_USERNAME, seeds.BULK_SECRET) == "235 2.7.0 Authentication successful"
    return wire
