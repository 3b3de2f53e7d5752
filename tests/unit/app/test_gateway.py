"""The gateway's own decisions: where waiting mail goes after a restart, and what a reload takes over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailferry.app.gateway import Gateway
from mailferry.clock import ManualClock
from mailferry.config.load import load_config
from mailferry.config.schema import Config
from mailferry.mail.envelope import Envelope, Origin, Recipient
from mailferry.mail.message import Message, MessageId
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics
from mailferry.spool.api import RecipientView, State

CONFIG = """
[gateway]
hostname = "gw.example.com"
state = "{state}"
postmaster = "postmaster@example.com"

[[listener]]
name = "devices"
address = "127.0.0.1:0"
tls = "none"
authentication = "none"

[[client]]
name = "scanner"
networks = ["192.0.2.0/24"]
recipients = "anywhere"
{client}

[[route]]
name = "relay"
type = "smarthost"
host = "relay.example.com"

[[route]]
name = "other"
type = "smarthost"
host = "other.example.com"

[[rule]]
senders = ["floor2@example.com"]
route = "other"

[routing]
default_route = "relay"
"""
Configured = Callable[..., Config]


@pytest.fixture
def configured(tmp_path: Path) -> Configured:
    def make(client: str = "", more: str = "") -> Config:
        path = tmp_path / "mailferry.toml"
        path.write_text(CONFIG.format(state=tmp_path, client=client) + more, encoding="utf-8")
        return load_config(path)

    return make


class Lines(list[tuple[str, str, dict[str, Any]]]):
    def log(self) -> MailLog:
        return MailLog(lambda level, event, fields: self.append((level, event, fields)), Metrics())


def stored(reverse_path: str, mailbox: str) -> Message:
    envelope = Envelope(reverse_path, (Recipient("user@example.org"),))
    origin = Origin("scanner", "192.0.2.7", "scanner", None, None, "devices")
    return Message(MessageId(1), envelope, origin, 10, 1.8e9, mailbox, "<1@example.com>")


@pytest.mark.parametrize(
    ("client", "reverse_path", "mailbox", "lane"),
    [
        ("", "floor2@example.com", "floor2@example.com", "other"),
        ("", "floor3@example.com", "floor3@example.com", "relay"),
        ('mailbox = "scan@example.com"', "floor2@example.com", "scan@example.com", "other"),
        # What was rewritten tells no more whom the client named, and a guess could take the mail another way.
        ('mailbox = "scan@example.com"\nrewrite_from = true', "scan@example.com", "scan@example.com", None),
        ("rewrite_from = true", "fixed@example.com", "floor2@example.com", "other"),
    ],
)
async def test_waiting_mail_keeps_its_way_over_a_restart(
    configured: Configured, clock: ManualClock, client: str, reverse_path: str, mailbox: str, lane: str | None
) -> None:
    gateway = Gateway(configured(client), clock, Lines().log(), {})
    message = stored(reverse_path, mailbox)
    view = RecipientView(1, message.envelope.recipients[0].address, State.DEFERRED, "other/old@example.com", 1, 0.0, "")
    turn = gateway._ways().at_start(message, message.envelope.recipients[0], view)
    assert (turn.lane if turn is not None else None) == lane
    lost = replace(view, state=State.UNKNOWN)  # what may have arrived stays where its history is
    assert gateway._ways().at_start(message, message.envelope.recipients[0], lost) is None


async def test_a_reload_takes_over_who_is_told_of_failures(configured: Configured, clock: ManualClock) -> None:
    gateway = Gateway(configured('owner = "old@example.com"'), clock, Lines().log(), {})
    message = stored("floor2@example.com", "")
    assert gateway.bounce_to(message) == "old@example.com"
    gateway.reload(configured('owner = "new@example.com"'))
    assert gateway.bounce_to(message) == "new@example.com"
    gateway.reload(configured())
    assert gateway.bounce_to(message) == ""


async def test_a_client_of_a_route_that_needs_a_restart_is_not_sent_another_way(
    configured: Configured, clock: ManualClock
) -> None:
    lines = Lines()
    gateway = Gateway(configured('owner = "old@example.com"'), clock, lines.log(), {})
    new = '\n[[route]]\nname = "new"\ntype = "smarthost"\nhost = "new.example.com"\n'
    gateway.reload(configured('owner = "new@example.com"\nroute = "new"', new))
    assert gateway.bounce_to(stored("floor2@example.com", "")) == "old@example.com", "all of it stays as it was"
    [(level, _, fields)] = [line for line in lines if line[1] == "not reloaded"]
    assert level == "error"
    assert "new" in fields["cause"]
    assert not [line for line in lines if line[1] == "clients reloaded"]
