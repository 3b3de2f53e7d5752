"""What decides who may use SMTP AUTH, as PowerShell exports it: CSV (Export-Csv) and JSON (ConvertTo-Json).

Leaves to others: what follows from it (truth). True, False and nothing are three answers on a mailbox: the last one
inherits the tenant's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from mailferry.sample.exports.base import Table
from mailferry.sample.organisation import Organisation
from mailferry.sample.values import Auth, Client, State

#: The tenant's own switch: off for everybody (the default of tenants since 2020), mailboxes that need it are opened.
TENANT_DISABLED = True
BLOCKING = "Block legacy"
POLICIES = ((BLOCKING, False), ("Allow SMTP AUTH", True))


def mailbox_switch(client: Client) -> bool | None:
    """SmtpClientAuthenticationDisabled of its mailbox: half of those switched off inherit the tenant's."""
    if client.kind.state is State.SWITCH:
        return None if client.number % 2 else True
    return False


def policy(client: Client) -> str:
    return BLOCKING if client.kind.state is State.POLICY else ""


def mailboxes(organisation: Organisation) -> Iterator[tuple[str, str, bool | None, str]]:
    """Address, display name, switch and policy: of services first, then of people."""
    seen = set()
    for client in organisation.clients:
        if client.kind.auth is not Auth.ANONYMOUS and client.sender not in seen:
            seen.add(client.sender)
            yield client.sender, client.name.en, mailbox_switch(client), policy(client)
    for person in organisation.people:
        yield person.address, person.name.en, None, ""


def write_csv(folder: Path, organisation: Organisation) -> None:
    cas = Table(
        folder / "Get-CASMailbox.csv", ("PrimarySmtpAddress", "SmtpClientAuthenticationDisabled"), quote_all=True
    )
    users = Table(folder / "Get-User.csv", ("UserPrincipalName", "AuthenticationPolicy"), quote_all=True)
    for address, _, switch, assigned in mailboxes(organisation):
        cas.write((address, "" if switch is None else str(switch)))
        users.write((address, assigned))
    tenant = Table(
        folder / "Get-TransportConfig.csv",
        ("SmtpClientAuthenticationDisabled", "AllowLegacyTLSClients"),
        quote_all=True,
    )
    tenant.write((str(TENANT_DISABLED), "True"))
    policies = Table(folder / "Get-AuthenticationPolicy.csv", ("Name", "AllowBasicAuthSmtp"), quote_all=True)
    for name, allowed in POLICIES:
        policies.write((name, str(allowed)))
    organisations = Table(
        folder / "Get-OrganizationConfig.csv", ("DefaultAuthenticationPolicy", "RejectDirectSend"), quote_all=True
    )
    organisations.write(("", "False"))
    for table in (cas, users, tenant, policies, organisations):
        table.close()


def write_json(folder: Path, organisation: Organisation) -> None:
    """The same by ConvertTo-Json: one object alone is no list."""
    rows = list(mailboxes(organisation))
    _write(
        folder / "Get-CASMailbox.json",
        [{"PrimarySmtpAddress": row[0], "SmtpClientAuthenticationDisabled": row[2]} for row in rows],
    )
    _write(
        folder / "Get-User.json",
        [{"UserPrincipalName": row[0], "AuthenticationPolicy": row[3] or None} for row in rows],
    )
    _write(
        folder / "Get-TransportConfig.json",
        {"SmtpClientAuthenticationDisabled": TENANT_DISABLED, "AllowLegacyTLSClients": True},
    )
    _write(
        folder / "Get-AuthenticationPolicy.json",
        [{"Name": name, "AllowBasicAuthSmtp": allowed} for name, allowed in POLICIES],
    )


def _write(path: Path, value: object) -> None:
    path.write_bytes((json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode("utf-8"))
