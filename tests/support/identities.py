"""Identities for tests: credentials of each kind against a sandbox, with a vault of their own."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from mailferry.clock import Clock, ManualClock
from mailferry.sandbox.organisation import TENANT_ID
from mailferry.sandbox.organisation_identities import SIGN_IN_CLIENT_ID
from mailferry.sandbox.serve import Sandbox
from mailferry.tokens.credential import Credential
from mailferry.tokens.keys import KeyRing
from mailferry.tokens.settings import CredentialSettings
from mailferry.tokens.vault import Kept, Vault
from mailferry.tokens.vault_settings import VaultSettings

SMTP_SEND = "https://outlook.office.com/SMTP.Send"
MAIL_SEND = "https://graph.microsoft.com/Mail.Send"
SMTP = "https://outlook.office365.com/.default"
GRAPH = "https://graph.microsoft.com/.default"
ERP, UPS = "erp@contoso.example", "ups@contoso.example"


def vault_in(directory: Path, clock: Clock | None = None, **environ: str) -> Vault:
    """A vault with a key file, or with the keys in `environ`: KEY is the present one, OLD one from before."""
    settings: dict[str, Any] = {}
    if "KEY" in environ:
        settings["key"] = {"env": "KEY"}
    if "OLD" in environ:
        settings["old_keys"] = [{"env": "OLD"}]
    ring = KeyRing(VaultSettings.model_validate(settings), directory, environ)
    return Vault(directory, ring, clock or ManualClock())


def identity(box: Sandbox, name: str = "contoso", vault: Vault | None = None, **settings: Any) -> Credential:
    """A user signs in to it unless `settings` say otherwise."""
    environ = settings.pop("environ", {})
    values: dict[str, Any] = {
        "client_id": SIGN_IN_CLIENT_ID,
        "tenant_id": TENANT_ID,
        "authority": box.entra_url,
        "ca_file": box.ca_file,
        "timeout": 10,
    }
    if not {"secret", "certificate", "managed_identity", "federated_token"} & set(settings):
        values["sign_in"] = {}
    return Credential(name, CredentialSettings.model_validate({**values, **settings}), environ, vault)


def kept(**changes: Any) -> Kept:
    values: dict[str, Any] = {
        "refresh_token": "1.refresh-token-of-the-test",
        "user": ERP,
        "tenant_id": TENANT_ID,
        "client_id": SIGN_IN_CLIENT_ID,
        "scopes": (SMTP_SEND,),
        "signed_in": 1000.0,
        "renewed": 1000.0,
        "id": "first",
    }
    return Kept(**{**values, **changes})


def key(letter: str) -> str:
    """A key of 32 equal octets."""
    return base64.b64encode(letter.encode() * 32).decode()


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))
