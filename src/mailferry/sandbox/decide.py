"""What a login or a submission gets on a date: the effects of switches, policies and the schedule. Pure.

Leaves to others: whether the password or token is genuine (exchange_session, bearer) and drawing the lot (`draw` is
handed in). Invariant: no switch but the per-mailbox and organisation SMTP AUTH switch touches a token login.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from mailferry.m365.schedule import BasicAuthPhase, phase_at
from mailferry.sandbox import texts
from mailferry.sandbox.bearer import Bearer
from mailferry.sandbox.settings import Behaviour
from mailferry.sandbox.tenant import RBAC_SEND_AS_APP, SEND_AS_APP, SMTP_SEND, Mailbox, Tenant
from mailferry.sandbox.texts import Text


class Stage(StrEnum):
    """Where the retirement of Basic may be answered."""

    AUTH = "auth"
    MAIL = "mail"
    DATA = "data"


def phase(tenant: Tenant, behaviour: Behaviour, when: date) -> BasicAuthPhase:
    """The phase of the schedule, with the days that the settings assume where Microsoft was loose or silent."""
    return phase_at(
        when,
        tenant_created=tenant.created,
        disabled=behaviour.basic_disabled,
        removed=behaviour.basic_removed,
    )


def basic_available(tenant: Tenant, behaviour: Behaviour, when: date) -> bool:
    """Whether the schedule leaves this tenant Basic authentication on that day."""
    match phase(tenant, behaviour, when):
        case BasicAuthPhase.ALLOWED:
            return True
        case BasicAuthPhase.DISABLED_BY_DEFAULT:
            return tenant.basic_auth_enabled
        case BasicAuthPhase.UNAVAILABLE:
            return tenant.basic_auth_enabled and behaviour.new_tenants_may_enable
        case _:
            return False


def retirement(tenant: Tenant, behaviour: Behaviour, when: date, stage: Stage, draw: float) -> Text | None:
    """The schedule's refusal of Basic at `stage`; `draw` in [0, 1) decides whether this submission is hit."""
    answered_at = Stage.AUTH if behaviour.basic_error == "5.7.139" else Stage(behaviour.basic_stage)
    if stage is not answered_at or basic_available(tenant, behaviour, when):
        return None
    if draw * 100 >= behaviour.basic_percentage:
        return None
    return texts.BASIC_DISABLED if behaviour.basic_error == "5.7.139" else texts.BASIC_RETIRED


def smtp_switch(tenant: Tenant, mailbox: Mailbox) -> Text | None:
    """SmtpClientAuthenticationDisabled, of the mailbox before the organisation; it stops tokens too (measured)."""
    own = mailbox.smtp_client_authentication_disabled
    if own is not None:
        return texts.SMTP_DISABLED_MAILBOX if own else None
    return texts.SMTP_DISABLED_TENANT if tenant.smtp_client_authentication_disabled else None


def basic_login(
    tenant: Tenant, behaviour: Behaviour, when: date, mailbox: Mailbox | None, *, password_correct: bool, draw: float
) -> Text | None:
    """What AUTH LOGIN is refused with; None lets it in.

    The order is ours (UNV) but for the first: an authentication policy is applied before credentials are looked at
    (V, Microsoft Learn "Disable Basic authentication in Exchange Online").
    """
    if mailbox is None or not mailbox.account_enabled or not mailbox.password:
        return texts.AUTHENTICATION_UNSUCCESSFUL
    policy = tenant.policy(mailbox)
    if policy is not None and not policy.allow_basic_auth_smtp:
        return texts.BASIC_DISABLED
    if refusal := retirement(tenant, behaviour, when, Stage.AUTH, draw):
        return refusal
    if mailbox.account_locked:
        return texts.ACCOUNT_LOCKED
    if not password_correct:
        return texts.CREDENTIALS_INCORRECT
    if tenant.security_defaults:
        return texts.SECURITY_DEFAULTS
    if tenant.block_legacy_authentication or mailbox.requires_mfa:
        return texts.CRITERIA_NOT_MET
    return smtp_switch(tenant, mailbox)


def token_login(tenant: Tenant, bearer: Bearer, mailbox: Mailbox | None) -> Text | None:
    """What XOAUTH2 with a genuine token is refused with; None lets it in."""
    if mailbox is None or not mailbox.account_enabled:
        return texts.AUTHENTICATION_UNSUCCESSFUL
    opens = user_may_open(bearer, mailbox) if bearer.user else application_may_open(tenant, bearer, mailbox)
    return smtp_switch(tenant, mailbox) if opens else texts.AUTHENTICATION_UNSUCCESSFUL


def user_may_open(bearer: Bearer, mailbox: Mailbox) -> bool:
    """Way C: the user's own mailbox, or a shared one whose address stands in its place (V: Microsoft Learn, legacy
    protocols); which of its permissions that takes is UNV."""
    if SMTP_SEND not in bearer.scopes:
        return False
    trustees = {trustee.lower() for trustee in (*mailbox.full_access, *mailbox.send_as)}
    return bearer.user in mailbox.addresses or bearer.user in trustees


def delegate_may_send(mailbox: Mailbox, bearer: Bearer | None) -> bool:
    """Whether whoever opened `mailbox` may send as it: a user by a shared mailbox needs SendAs (V: a shared mailbox
    address that the user may send as)."""
    if bearer is None or not bearer.user or bearer.user in mailbox.addresses:
        return True
    return bearer.user in {trustee.lower() for trustee in mailbox.send_as}


def application_may_open(tenant: Tenant, bearer: Bearer, mailbox: Mailbox) -> bool:
    """Ways A and B of letting an application send by SMTP (V: Microsoft Learn, legacy protocols).

    Both need the enterprise application's object id registered in Exchange Online. A token that carries the app role
    is held to mailbox permissions (way A), even beside a management role; one without is held to RBAC (way B).
    """
    if not any(sp.object_id == bearer.object_id and sp.app_id == bearer.app_id for sp in tenant.service_principals):
        return False
    if SEND_AS_APP in bearer.roles:
        return bearer.object_id in mailbox.full_access
    return any(
        a.role == RBAC_SEND_AS_APP and a.app == bearer.object_id and tenant.in_scope(mailbox, a.scope)
        for a in tenant.role_assignments
    )


def may_send_as(tenant: Tenant, mailbox: Mailbox, sender: str) -> bool:
    """Whether a login as `mailbox` may put `sender` into MAIL FROM or From."""
    if sender.lower() in mailbox.addresses:
        return True
    other = tenant.mailbox(sender)
    return other is not None and mailbox.address.lower() in {trustee.lower() for trustee in other.send_as}


def logon_refused(behaviour: Behaviour, mailbox: Mailbox, bearer: Bearer | None) -> bool:
    """Way A without the SendAs permission shows only when the message is submitted (O; text UNV)."""
    if bearer is None or SEND_AS_APP not in bearer.roles or not behaviour.classic_needs_send_as:
        return False
    return bearer.object_id not in mailbox.send_as
