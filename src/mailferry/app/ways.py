"""By which ways a recipient that waits may leave, under the configuration at hand.

Leaves to others: the rules (routes.table), which way is taken while some are out (delivery.failover).
Invariants: pure; what may have arrived already stays on the way it went by, as long as there is such a route.
"""

from __future__ import annotations

from collections.abc import Iterable

from mailferry.config.schema import Config
from mailferry.listener.settings import ClientSettings
from mailferry.mail.envelope import Recipient
from mailferry.mail.message import Message
from mailferry.routes.api import route_of
from mailferry.routes.table import Choice, RouteTable
from mailferry.spool.api import LOST_ANSWER, RecipientView, State, Turn


class Ways:
    """Asked for mail that was accepted under whatever rules held then. `enrolled` are clients beside the configured."""

    def __init__(self, config: Config, table: RouteTable, enrolled: Iterable[ClientSettings] = ()) -> None:
        self._clients = {client.name: client for client in (*enrolled, *config.clients)}
        self._by_sender = any(rule.senders for rule in config.rules)
        self._routes = frozenset(route.name for route in config.routes)
        self._table = table

    def __call__(self, message: Message, recipient: Recipient) -> tuple[Choice, ...]:
        """The first is the one that the rules name; empty where they cannot tell."""
        client = self._clients.get(message.origin.client)
        sender = message.envelope.reverse_path
        if client is not None and client.rewrite_from and sender:
            # Rules ask for the sender that the client named, which the rewriting took out of the envelope.
            if client.mailbox and self._by_sender:
                return ()
            sender = message.mailbox
        return self._table.ways(
            client=message.origin.client,
            client_route=client.route if client is not None else None,
            sender=sender,
            mailbox=message.mailbox,
            recipient=recipient.address,
            size=message.size,
        )

    def at_start(self, message: Message, recipient: Recipient, view: RecipientView) -> Turn | None:
        """The lane by the present rules, whatever lane it has had."""
        lost = view.state is State.UNKNOWN or view.last_reply.startswith(LOST_ANSWER)
        if lost and route_of(view.lane) in self._routes:
            return None
        ways = self(message, recipient)
        return Turn(ways[0].lane, "by the rules at start") if ways else None
