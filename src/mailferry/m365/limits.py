"""What the services take: published limits, each with its source and how sure it is.

Leaves to others: keeping to them (delivery's lanes) and overriding them (routes.settings).
Invariant: a figure nobody could verify is marked so, and is only ever a default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from mailferry.m365.facts import Fact, Mark, Text, load, sources


@dataclass(frozen=True, slots=True)
class ServiceLimits:
    """Limits of one SMTP surface. A value of 0 means that none is published or known. Sizes are octets."""

    messages_per_minute: Fact[int]
    messages_per_hour: Fact[int]
    connections: Fact[int]
    recipients_per_day: Fact[int]
    recipients_per_message: Fact[int]
    message_size: Fact[int]
    message_size_advertised: Fact[int]


@dataclass(frozen=True, slots=True)
class GraphLimits:
    """Limits of sending by Microsoft Graph, per application and mailbox."""

    concurrent_requests: Fact[int]
    requests_per_10_minutes: Fact[int]
    upload_per_5_minutes: Fact[int]
    request_size: Fact[int]
    direct_attachment: Fact[int]
    session_attachment: Fact[int]
    upload_block: Fact[int]
    requests_of_application: Fact[int]


@dataclass(frozen=True, slots=True)
class AcsRestLimits:
    """Limits of the REST interface of Azure Communication Services beside those of its messages, per subscription."""

    status_per_minute: Fact[int]
    status_per_hour: Fact[int]
    request_size: Fact[int]


def _facts(section: str) -> dict[str, Fact[int]]:
    return {name: _fact(entry) for name, entry in load("limits.toml")[section].items()}


def _fact(entry: Mapping[str, Any]) -> Fact[int]:
    note = Text(entry.get("note_en", ""), entry.get("note_ja", ""))
    return Fact(entry["value"], entry["unit"], sources()[entry["source"]], Mark(entry["mark"]), note)


@cache
def exchange_online() -> ServiceLimits:
    """smtp.office365.com, per sending mailbox."""
    return ServiceLimits(**_facts("exchange-online"))


@cache
def high_volume_email() -> ServiceLimits:
    """smtp.hve.mx.microsoft, per account."""
    return ServiceLimits(**_facts("high-volume-email"))


@cache
def azure_communication() -> ServiceLimits:
    """Azure Communication Services with a custom domain, per subscription, by SMTP and REST alike."""
    return ServiceLimits(**_facts("azure-communication"))


@cache
def azure_communication_rest() -> AcsRestLimits:
    """https://<resource>.communication.azure.com with a custom domain."""
    return AcsRestLimits(**_facts("azure-communication-rest"))


@cache
def exchange_relay() -> ServiceLimits:
    """An on-premises Exchange Server that relays, per source address."""
    return ServiceLimits(**_facts("exchange-relay"))


@cache
def tenant_mx() -> ServiceLimits:
    """A tenant's MX: Direct Send and relay by connector."""
    return ServiceLimits(**_facts("tenant-mx"))


@cache
def graph() -> GraphLimits:
    """Microsoft Graph sendMail and drafts."""
    return GraphLimits(**_facts("graph"))


@cache
def published() -> Mapping[str, Fact[int]]:
    """Every figure of the data, by "section.name"."""
    sections = load("limits.toml")
    return {f"{section}.{name}": fact for section in sections for name, fact in _facts(section).items()}


@cache
def onmicrosoft_external_recipients() -> Fact[int]:
    """Outside recipients in 24 hours of all onmicrosoft.com addresses of a tenant together."""
    return _facts("tenant")["onmicrosoft_recipients_per_day"]


def tenant_external_recipients(licences: int, *, trial: bool = False) -> Fact[int]:
    """The tenant external recipient rate limit (TERRL): outside recipients in 24 hours."""
    value = 5000 if trial or licences <= 0 else round(500 * licences**0.7 + 9500)
    return Fact(value, "external recipients/24 h", sources()["press-terrl"], Mark.VERIFIED)
