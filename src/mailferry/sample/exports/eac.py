"""The Exchange admin centre's report of SMTP AUTH clients: ninety days, one row a sender and protocol.

Leaves to others: the counts (tally). It knows no address, no device and no time (facts 8.1); a mailbox behind which
several devices stand is one row, with its TLS versions in percent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mailferry.sample.exports.base import Table
from mailferry.sample.organisation import Organisation
from mailferry.sample.tally import Tally

HEADER = (
    "Sender address",
    "Domain",
    "Authentication Protocol",
    "TLS 1.0 (percent)",
    "TLS 1.1 (percent)",
    "TLS 1.2 (percent)",
    "Messages sent",
)
#: The protocol's names: as the message centre has them, and as a report was seen.
NAMES = {"message-centre": ("Basic auth", "OAuth"), "report": ("Basic Authentication", "Modern Authentication")}


@dataclass(slots=True)
class _Row:
    messages: int = 0
    by_tls: dict[str, int] = field(default_factory=dict)


def write(path: Path, organisation: Organisation, tallies: Mapping[int, Tally], names: str = "report") -> None:
    basic, oauth = NAMES[names]
    rows: dict[tuple[str, str], _Row] = {}
    for client in organisation.clients:
        tally = tallies[client.number]
        for protocol, count in ((basic, tally.basic_messages), (oauth, tally.oauth_messages)):
            if count:
                row = rows.setdefault((client.sender, protocol), _Row())
                row.messages += count
                row.by_tls[client.tls] = row.by_tls.get(client.tls, 0) + count
    table = Table(path, HEADER)
    for (sender, protocol), row in sorted(rows.items(), key=lambda entry: (-entry[1].messages, entry[0])):
        shares = [f"{100 * row.by_tls.get(tls, 0) / row.messages:.2f}" for tls in ("1.0", "1.1", "1.2")]
        table.write([sender, sender.partition("@")[2], protocol, *shares, row.messages])
    table.close()
