"""Every decision about who may send what, as tables."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from mailferry.listener import policy
from mailferry.listener.policy import Bucket, Client, Identity
from mailferry.listener.settings import Authentication, ClientSettings
from mailferry.smtp.replies import Reply
from mailferry.units import Rate
from support.listening import hashed

INTERNAL = frozenset({"example.test", "xn--r8jz45g.jp"})


def identity(*, login: bool = True, **settings: Any) -> Identity:
    given: dict[str, Any] = {"name": "c", "password": hashed("x"), "recipients": "anywhere"} | settings
    client = Client.of(ClientSettings(**given))
    return Identity(client, client.account if login else None)


@pytest.mark.parametrize(
    ("known", "login", "authentication", "refusal"),
    [
        (True, True, Authentication.REQUIRED, None),
        (True, False, Authentication.REQUIRED, policy.AUTHENTICATION_REQUIRED),
        (False, False, Authentication.REQUIRED, policy.AUTHENTICATION_REQUIRED),
        (True, True, Authentication.OPTIONAL, None),
        (True, False, Authentication.OPTIONAL, None),
        (False, False, Authentication.OPTIONAL, policy.AUTHENTICATION_REQUIRED),
        (True, False, Authentication.NONE, None),
        (False, False, Authentication.NONE, policy.UNKNOWN_CLIENT),
    ],
)
def test_admission(known: bool, login: bool, authentication: Authentication, refusal: Reply | None) -> None:
    """A network is enough only where no login is required."""
    assert policy.admission(identity(login=login) if known else None, authentication) is refusal


@pytest.mark.parametrize(
    ("settings", "path", "refusal"),
    [
        ({}, "anyone@anywhere.example", None),
        ({}, "", None),
        ({}, "nodomain", policy.SENDER_SYNTAX),
        ({"senders": ["scan@example.test"]}, "scan@example.test", None),
        ({"senders": ["scan@example.test"]}, "SCAN@Example.Test", None),
        ({"senders": ["scan@example.test"]}, "boss@example.test", policy.SENDER_REFUSED),
        ({"senders": ["*@example.test"]}, "boss@example.test", None),
        ({"senders": ["*@example.test"]}, "boss@sub.example.test", policy.SENDER_REFUSED),
        ({"senders": ["scan@*"]}, "scan@x.example", None),
        ({"senders": ["*@例え.jp"]}, "a@xn--r8jz45g.jp", None),
        ({"senders": ["*@example.test"]}, "", policy.SENDER_REFUSED),
        ({"senders": ["*@example.test", "<>"]}, "", None),
        ({"senders": ["*@example.test"], "mailbox": "a@example.test"}, "", None),
    ],
)
def test_sender(settings: dict[str, Any], path: str, refusal: Reply | None) -> None:
    """Patterns, case, domains in any spelling, and the null path."""
    assert policy.sender(identity(**settings), path) is refusal


WIDE = ["0.0.0.0/1", "128.0.0.0/1"]


@pytest.mark.parametrize(
    ("settings", "login", "path", "refusal"),
    [
        ({}, True, "a@world.example", None),
        ({}, True, "nodomain", policy.RECIPIENT_SYNTAX),
        ({"recipients": "internal"}, True, "a@example.test", None),
        ({"recipients": "internal"}, True, "a@EXAMPLE.TEST", None),
        ({"recipients": "internal"}, True, "a@例え.jp", None),
        ({"recipients": "internal"}, True, "a@sub.example.test", policy.RECIPIENT_REFUSED),
        ({"recipients": "internal"}, True, "a@world.example", policy.RECIPIENT_REFUSED),
        ({"recipients": ["*@partner.example"]}, True, "a@partner.example", None),
        ({"recipients": ["*@partner.example"]}, True, "a@world.example", policy.RECIPIENT_REFUSED),
        ({"recipients": ["*@partner.example"]}, True, "a@example.test", policy.RECIPIENT_REFUSED),
        ({"networks": ["192.0.2.0/24"]}, False, "a@world.example", None),
        ({"networks": WIDE}, True, "a@world.example", None),
        ({"networks": WIDE}, False, "a@world.example", policy.RELAY_REFUSED),
        ({"networks": WIDE}, False, "a@example.test", None),
        ({"networks": WIDE, "recipients": "internal"}, False, "a@example.test", None),
        ({"networks": WIDE, "recipients": ["*"]}, False, "a@world.example", policy.RELAY_REFUSED),
        ({"networks": WIDE, "recipients": ["*@*.example"]}, False, "a@world.example", policy.RELAY_REFUSED),
        ({"networks": WIDE, "recipients": ["user@*"]}, False, "user@world.example", policy.RELAY_REFUSED),
        ({"networks": WIDE, "recipients": ["*@world.example"]}, False, "a@world.example", None),
        ({"networks": ["::/0"]}, False, "a@world.example", policy.RELAY_REFUSED),
    ],
)
def test_recipient(settings: dict[str, Any], login: bool, path: str, refusal: Reply | None) -> None:
    """Internal, anywhere, listed; and no open relay whatever the settings say."""
    assert policy.recipient(identity(login=login, **settings), path, INTERNAL) is refusal


@pytest.mark.parametrize(
    ("networks", "wide"),
    [
        (["10.0.0.0/8", "192.168.0.0/16", "fd00::/8", "127.0.0.0/8"], False),
        (["198.51.0.0/16"], False),
        (["8.8.0.0/16", "9.9.9.9/32"], True),
        (["0.0.0.0/0"], True),
        (["::/0"], True),
        (["2a00::/32"], False),
        (["2a00::/31"], True),
    ],
)
def test_wide(networks: list[str], wide: bool) -> None:
    """Private networks of any size are a site; many public addresses are the world."""
    assert bool(policy.wide([ip_network(one) for one in networks])) is wide


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (b" Scanner <scan@example.test>\r\n", None),
        (b" boss@example.test\r\n", policy.FROM_REFUSED),
        (b" scan@example.test, boss@example.test\r\n", policy.FROM_REFUSED),
        (b' "scan@example.test" <boss@example.test>\r\n', policy.FROM_REFUSED),
        (b" nobody at all\r\n", policy.FROM_REFUSED),
        (b"\r\n", None),
    ],
)
def test_author(raw: bytes, refusal: Reply | None) -> None:
    """Every address in From must be allowed; a display name proves nothing."""
    assert policy.author(identity(senders=["scan@example.test"]).client, raw) is refusal


@pytest.mark.parametrize(
    ("settings", "login", "path", "refusal"),
    [
        ({"recipients": "internal"}, True, "bob%example.org@example.test", policy.RELAY_REFUSED),
        ({"recipients": "internal"}, True, "example.org!bob@example.test", policy.RELAY_REFUSED),
        ({"recipients": "internal"}, True, '"bob@example.org"@example.test', policy.RELAY_REFUSED),
        ({"recipients": ("*@example.test",)}, True, "bob%example.org@example.test", policy.RELAY_REFUSED),
        ({"recipients": ("odd%box@example.test",)}, True, "odd%box@example.test", None),
        ({"recipients": "anywhere"}, True, "bob%example.org@example.test", None),
        (
            {"recipients": "anywhere", "networks": ("0.0.0.0/0",)},
            False,
            "bob%example.org@example.test",
            policy.RELAY_REFUSED,
        ),
    ],
)
def test_a_local_part_is_no_way_on(settings: dict[str, Any], login: bool, path: str, refusal: Reply | None) -> None:
    """Who may not send anywhere may not do so through the mail server behind the gateway either."""
    assert policy.recipient(identity(login=login, **settings), path, INTERNAL) is refusal


@pytest.mark.parametrize(
    "raw", [b" nobody (\r\n @example.test\r\n", b" c@example.test," * 1000, b" c@" + b"x" * 300 + b".example.test"]
)
def test_a_from_that_cannot_be_read_is_refused(raw: bytes) -> None:
    client = identity(senders=("c@example.test",)).client
    assert policy.author(client, raw) is policy.FROM_REFUSED


def test_check_from_only_where_senders_are_listed_and_kept() -> None:
    """Without a list there is nothing to check; a rewritten From is ours."""
    assert identity(senders=["a@b"]).client.check_from
    assert not identity().client.check_from
    assert not identity(senders=["a@b"], check_from=False).client.check_from
    assert not identity(senders=["a@b"], rewrite_from=True).client.check_from


def test_size() -> None:
    """The client's own limit; unknown sizes are met again at the end."""
    client = identity(max_size="1 KB").client
    assert policy.size(client, 1025) is policy.TOO_LARGE
    assert policy.size(client, 1024) is None
    assert policy.size(client, None) is None
    assert policy.size(identity().client, 10**12) is None


def test_bucket() -> None:
    """A burst up to the count, then as many as have grown."""
    rate = Rate(3, 60)
    bucket: Bucket | None = None
    for _ in range(3):
        bucket = policy.take(bucket, rate, 100.0)
        assert bucket is not None
    assert policy.take(bucket, rate, 119.9) is None
    assert policy.take(bucket, rate, 120.0) == Bucket(0.0, 120.0)
    assert policy.take(bucket, rate, 10_000.0) == Bucket(2.0, 10_000.0)


def test_bucket_when_the_clock_steps_back() -> None:
    """Nothing is added and nothing lost."""
    assert policy.take(Bucket(2.0, 1000.0), Rate(3, 60), 10.0) == Bucket(1.0, 10.0)


def test_a_client_hides_its_hash() -> None:
    """repr goes to logs and tracebacks."""
    assert "argon2" not in repr(identity())
    assert "argon2" not in repr(ClientSettings(name="c", password=hashed("x")))
