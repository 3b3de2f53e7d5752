"""The tenant in the box, from the inventory: mailboxes, domains, switches and policies as they were exported.

Leaves to others: the box itself (sandbox), what the plan adds (grants). Invariants: no real password is anywhere in it;
what no export tells is as the service has it by default, or follows from what was seen, and is named in `assumed`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from mailferry.inventory.records import Client, Fate
from mailferry.m365.facts import Text
from mailferry.m365.limits import exchange_online
from mailferry.rehearsal import words
from mailferry.rehearsal.letters import internal, most_internal
from mailferry.rehearsal.voice import OLD_TLS
from mailferry.sandbox import organisation_services as services
from mailferry.sandbox.tenant import AuthenticationPolicy, Mailbox, Tenant

_CODE = re.compile(r"\s*(\d{5,7})\b")
#: Sign-in errors (AADSTS numbers) that Conditional Access or a missing second factor gives.
_CONDITIONAL = frozenset({50074, 50076, 50079, 50158, 53000, 53001, 53002, 53003, 53004, 53011, 53032})
_LOCKED = frozenset({50053})
_PASSWORD = frozenset({50126, 50055, 50056})
_REFUSED = "refused-today"  # the inventory's code
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_CREATED = date(2016, 4, 1)


@dataclass(frozen=True, slots=True)
class Estate:
    """The tenant as it is today, and what was assumed. `unlike`: clients that are refused today in a way that the box
    does not have."""

    tenant: Tenant
    assumed: tuple[Text, ...]
    unlike: frozenset[str] = frozenset()


def estate(clients: Sequence[Client], domains: Iterable[str], tenant_id: str, password: str) -> Estate:
    """From every client of the inventory; `password` is the one of every mailbox."""
    own = _domains(clients, domains)
    assumed = [words.EXTERNAL_LIMIT]
    legacy = any(OLD_TLS.intersection(client.tls) for client in clients)
    if legacy:
        assumed.append(words.LEGACY_TLS)
    switches = {client.switches.tenant_disabled for client in clients}
    if switches <= {None}:
        assumed.append(words.SWITCH)
    tenant = Tenant(
        tenant_id=tenant_id,
        name=f"{own[0]} (rehearsal)",
        created=_CREATED,
        domains=own,
        smtp_client_authentication_disabled=True in switches,
        allow_legacy_tls_clients=legacy or None,
        authentication_policies=_policies(clients),
        mailboxes=_mailboxes(clients, own, password),
        on_premises=services.on_premises(own[0]),
    )
    unlike = frozenset(client.id for client in clients if refused(client) and not _like(client))
    return Estate(tenant, tuple(assumed), unlike)


def refused(client: Client) -> bool:
    """Whether it is refused today by what its sign-in brings."""
    return client.fate is Fate.BROKEN and any(finding.code == _REFUSED for finding in client.findings)


def wrong_password(client: Client) -> bool:
    """Whether it must be played with a password that is not the mailbox's."""
    return refused(client) and not codes(client) & (_CONDITIONAL | _LOCKED)


def codes(client: Client) -> frozenset[int]:
    """The numbers of its sign-in errors."""
    return frozenset(int(found[1]) for found in map(_CODE.match, client.errors) if found)


def _like(client: Client) -> bool:
    return bool(codes(client) & (_CONDITIONAL | _LOCKED | _PASSWORD))


def _domains(clients: Sequence[Client], domains: Iterable[str]) -> tuple[str, ...]:
    """The accepted ones; whoever signs in belongs to the tenant, so does its domain."""
    named = [domain.lower() for domain in domains]
    senders = sorted({client.sender.rpartition("@")[2] for client in clients if "@" in client.sender})
    return tuple(dict.fromkeys([*named, *(domain for domain in senders if _DOMAIN.fullmatch(domain))])) or (
        "organisation.example",
    )


def _policies(clients: Iterable[Client]) -> dict[str, AuthenticationPolicy]:
    """Of a policy that was named and not exported nothing is known: who signed in under it was let in."""
    found: dict[str, AuthenticationPolicy] = {}
    for client in clients:
        name, blocks = client.switches.policy, client.switches.policy_blocks_basic
        if name:
            found[name] = AuthenticationPolicy(allow_basic_auth_smtp=blocks is not True)
    return found


def _mailboxes(clients: Sequence[Client], domains: tuple[str, ...], password: str) -> dict[str, Mailbox]:
    groups: dict[str, list[Client]] = {}
    for client in clients:
        if client.sender.rpartition("@")[2] in domains:
            groups.setdefault(client.sender, []).append(client)
    made = {sender: _mailbox(sender, members, password) for sender, members in groups.items()}
    for client in clients:  # whoever sent as another was let: it has the right (Send As)
        for other in client.senders:
            address = other.lower()
            if client.sender in made and address != client.sender and address.rpartition("@")[2] in domains:
                box = made.get(address) or Mailbox(address=address)
                rights = tuple(dict.fromkeys([*box.send_as, client.sender]))
                made[address] = box.model_copy(update={"send_as": rights})
    for number in range(most_internal(iter(clients))):
        address = internal(number, domains[0])
        made.setdefault(address, Mailbox(address=address))
    postmaster = f"postmaster@{domains[0]}"
    made.setdefault(postmaster, Mailbox(address=postmaster))
    return made


def _mailbox(sender: str, members: Sequence[Client], password: str) -> Mailbox:
    """Limits that were seen to be exceeded had been raised."""
    switches, limits = members[0].switches, exchange_online()
    largest = max((member.volume.largest or 0 for member in members), default=0)
    most = max((member.volume.most_recipients or 0 for member in members), default=0)
    everybody = frozenset.intersection(*(codes(member) if refused(member) else frozenset() for member in members))
    size = limits.message_size.value
    return Mailbox(
        address=sender,
        password=password,
        account_locked=bool(everybody & _LOCKED),
        requires_mfa=bool(everybody & _CONDITIONAL),
        smtp_client_authentication_disabled=switches.mailbox_disabled,
        authentication_policy=switches.policy or None,
        message_copy_for_smtp_client_submission_enabled=False,
        recipient_limits=min(1000, max(500, most)),
        max_send_size=max(size, largest + largest // 8),
    )
