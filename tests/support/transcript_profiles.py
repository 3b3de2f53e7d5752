"""The listeners and clients that transcripts speak of."""

from __future__ import annotations

from mailferry.listener.settings import ClientSettings, ListenerSettings
from support.listening import hashed

_PASSWORD = hashed("secret")

PROFILES: dict[str, dict[str, object]] = {
    "submission": {"tls": "starttls"},
    "implicit": {"tls": "implicit"},
    "clear": {"tls": "none", "allow_plaintext_auth": True},
    "relay": {"tls": "none", "authentication": "none"},
    "optional": {"tls": "starttls", "authentication": "optional"},
    "repair": {"tls": "none", "authentication": "none", "bare_newlines": "repair"},
    "small": {"tls": "none", "authentication": "none", "max_size": 2000, "max_recipients": 3},
    "proxy": {"tls": "none", "authentication": "none", "proxy_protocol": ["127.0.0.0/8"]},
    "proxy-tls": {"tls": "implicit", "authentication": "optional", "proxy_protocol": ["127.0.0.0/8"]},
    "closed": {"tls": "none", "authentication": "none", "networks": ["192.0.2.0/24"]},
}


def profile(name: str) -> ListenerSettings:
    """The listener that a transcript names."""
    return ListenerSettings.model_validate({"name": name, "address": "127.0.0.1:0", **PROFILES[name]})


CLIENTS = (
    ClientSettings(name="ann", account="ann@example.test", password=_PASSWORD, recipients="anywhere"),
    ClientSettings(
        name="strict",
        password=_PASSWORD,
        senders=("strict@example.test", "*@scan.example.test"),
        recipients="internal",
        max_size=1500,
        rate="2/minute",
    ),
    ClientSettings(
        name="rewriter",
        password=_PASSWORD,
        mailbox="scan@example.test",
        rewrite_from=True,
        recipients=("*@partner.example", "*@example.test"),
    ),
    ClientSettings(name="elsewhere", password=_PASSWORD, login_from=("192.0.2.0/24",)),
    ClientSettings(name="floor", networks=("127.0.0.0/8",), recipients="anywhere"),
    ClientSettings(name="branch", networks=("192.0.2.0/24", "2001:db8::/32"), recipients="internal"),
    ClientSettings(name="world", networks=("198.18.0.0/15", "203.0.0.0/8"), recipients="anywhere"),
)
