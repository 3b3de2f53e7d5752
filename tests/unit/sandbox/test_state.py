"""The tenant, the world and the pieces that hold no dialogue."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from pydantic import ValidationError

from mailferry.sandbox.certificates import Keys, load_keys
from mailferry.sandbox.hosts import Hosts
from mailferry.sandbox.mailbox import header, header_block
from mailferry.sandbox.settings import Behaviour, SandboxSettings
from mailferry.sandbox.tenant import Tenant
from mailferry.sandbox.throttle import Window
from mailferry.sandbox.world import State
from support.sandbox_lab import Lab


def test_state_survives_json(lab: Lab) -> None:
    assert State.model_validate_json(lab.world.state.model_dump_json()) == lab.world.state


def test_key_stands_for_the_address() -> None:
    tenant = Tenant.model_validate(
        {
            "tenant_id": "t",
            "name": "T",
            "created": "2020-01-01",
            "domains": ["Contoso.example"],
            "mailboxes": {"A@contoso.example": {"aliases": ["b@CONTOSO.example"]}},
        }
    )
    assert tenant.mailbox("a@contoso.example") is tenant.mailbox("B@contoso.example")
    assert tenant.is_internal("x@CONTOSO.EXAMPLE")
    assert not tenant.is_internal("x@sub.contoso.example")


@pytest.mark.parametrize(
    "wrong",
    [
        {"domains": []},
        {"management_scopes": {"S": "no such group"}},
        {"role_assignments": [{"role": "Application SMTP.SendAsApp", "app": "x", "scope": "no such scope"}]},
        {"mailboxes": {"a@elsewhere.example": {}}},
    ],
)
def test_inconsistent_tenant_is_refused(lab: Lab, wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        lab.world.patch({"tenant": wrong})


def test_passwords_and_secrets_do_not_show(lab: Lab) -> None:
    shown = repr(lab.world.tenant)
    assert "sandbox-password" not in shown
    assert "sandbox~secret" not in shown


def test_every_setting_says_what_it_is() -> None:
    for model in (Behaviour, SandboxSettings):
        assert all(field.description for field in model.model_fields.values())


def test_defaults_are_the_published_limits() -> None:
    """V: techcommunity 607825, Microsoft Learn; facts 2.3."""
    behaviour = Behaviour()
    assert (behaviour.messages_per_minute, behaviour.connections, behaviour.recipients_per_day) == (30, 3, 10_000)


def test_window_slides() -> None:
    window = Window(60)
    window.add(0, 2)
    window.add(30, 3)
    assert [window.total(t) for t in (30, 59.9, 60, 89, 90)] == [5, 5, 3, 3, 0]


def test_header_is_unfolded() -> None:
    raw = b"Subject: a\r\n b\r\nX: 1\r\nFROM:  me\r\n\r\nSubject: body\r\n"
    block = header_block(raw)
    assert header(block, "Subject") == "a b"
    assert header(block, "From") == "me"
    assert header(block, "To") is None
    assert header(header_block(b"\r\nSubject: body\r\n"), "Subject") is None


def test_names_come_from_the_seed(lab: Lab) -> None:
    def names(seed: int) -> list[str]:
        lab.world.reseed(seed)
        hosts = Hosts(lab.world.random)
        front = hosts.front_end(1_800_000_000.0)
        return [front.greeting_host, front.session, hosts.queue_id(front)]

    assert names(1) == names(1)
    assert names(1) != names(2)


def test_keys_are_kept_and_read(keys: Keys, tmp_path: Path) -> None:
    assert load_keys(tmp_path) is None
    keys.write(tmp_path)
    assert load_keys(tmp_path) == keys
    assert "PRIVATE" not in repr(keys)


def test_certificate_is_for_loopback(keys: Keys) -> None:
    certificate = x509.load_pem_x509_certificate(keys.server)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert {str(a) for a in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", "::1"}
