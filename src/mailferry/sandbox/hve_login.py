"""Who may log in to High Volume Email: passwords and application tokens, and what refuses them. Pure but for the draw
of time from the caller.

Leaves to others: the dialogue (hve) and what an account may send (hve). Invariant: the SMTP AUTH switch is not looked
at (V: accounts work whatever TransportConfig says); security defaults and authentication policies stop passwords (V).
"""

from __future__ import annotations

import hmac
from datetime import date

from mailferry.sandbox import service_texts, texts
from mailferry.sandbox.bearer import Bearer, TokenChecker, TokenExpired, TokenRejected
from mailferry.sandbox.login_session import Account
from mailferry.sandbox.service_settings import HveBehaviour
from mailferry.sandbox.services import MAIL_SEND, HveAccount
from mailferry.sandbox.tenant import Tenant
from mailferry.sandbox.texts import Text
from mailferry.smtp.sasl import Credentials


def account_of(tenant: Tenant, user: str) -> HveAccount | None:
    account = tenant.hve_accounts.get(user.lower())
    return account if account is not None and account.account_enabled else None


def by_password(tenant: Tenant, behaviour: HveBehaviour, today: date, given: Credentials) -> Account | Text:
    """AUTH LOGIN. A mailbox may log in here too, and is told at MAIL that it is no account (stage UNV)."""
    account, mailbox = account_of(tenant, given.username), tenant.mailbox(given.username)
    owner = account or mailbox
    if owner is None or not owner.account_enabled or not owner.password:
        return texts.AUTHENTICATION_UNSUCCESSFUL
    name = owner.authentication_policy or tenant.default_authentication_policy
    allowed = name is None or tenant.authentication_policies[name].allow_basic_auth_smtp
    if not allowed or tenant.security_defaults:
        return service_texts.HVE_ORGANISATION
    if today > behaviour.basic_until:
        return texts.BASIC_DISABLED
    password = (given.password or "").encode("utf-8", "surrogateescape")
    if not hmac.compare_digest(owner.password.encode(), password):
        return texts.AUTHENTICATION_UNSUCCESSFUL
    return Account(owner.address, "LOGIN")


def by_token(
    tenant: Tenant, behaviour: HveBehaviour, checker: TokenChecker, now: float, given: Credentials
) -> Account | Text:
    """AUTH XOAUTH2 with an application's token. The order of the refusals is ours (UNV)."""
    try:
        bearer = checker.check(
            given.token or "", now=now, tenant_id=tenant.tenant_id, audiences=behaviour.token_audiences
        )
    except TokenExpired:
        return service_texts.HVE_EXPIRED
    except TokenRejected:
        return texts.AUTHENTICATION_UNSUCCESSFUL
    if bearer.expires - now < behaviour.token_seconds:
        return service_texts.HVE_EXPIRING
    return _granted(tenant, bearer, given.username)


def _granted(tenant: Tenant, bearer: Bearer, user: str) -> Account | Text:
    account, mailbox = account_of(tenant, user), tenant.mailbox(user)
    if account is None and mailbox is None:
        return texts.AUTHENTICATION_UNSUCCESSFUL
    if MAIL_SEND not in bearer.roles:
        return service_texts.HVE_PERMISSION
    if account is None:
        return Account(user.lower(), "XOAUTH2", bearer.app_id)
    if bearer.object_id not in account.allowed_apps:
        return service_texts.HVE_APPLICATION
    return Account(account.address, "XOAUTH2", bearer.app_id)


def malformed(response: bytes) -> Text:
    """What is wrong with an XOAUTH2 argument."""
    fields = response.decode("latin-1").split("\x01")
    values = dict(pair.partition("=")[::2] for pair in fields if "=" in pair)
    if not values.get("user"):
        return service_texts.HVE_NO_USER
    if "auth" not in values:
        return service_texts.HVE_NO_AUTH
    scheme, _, token = values["auth"].partition(" ")
    if scheme.lower() != "bearer":
        return service_texts.HVE_NO_BEARER
    return service_texts.HVE_ARGUMENT if token.strip() else service_texts.HVE_NO_TOKEN
