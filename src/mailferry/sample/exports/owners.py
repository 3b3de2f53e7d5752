"""The list of owners that the organisation keeps: who answers for which mailbox or device.

Leaves to others: who that is. Like every such list it has gaps: what nobody remembers is not on it.
"""

from __future__ import annotations

from pathlib import Path

from mailferry.sample.data_files import text, words
from mailferry.sample.exports.base import Table
from mailferry.sample.organisation import Organisation
from mailferry.sample.values import Via

HEADER = ("mailbox", "address", "owner", "owner_email", "site", "department", "note")


def write(path: Path, organisation: Organisation, language: str) -> None:
    table = Table(path, HEADER)
    departments = {key: text(pair) for key, pair in words()["departments"].items()}
    for client in organisation.clients:
        if client.owner is None:
            continue
        inside = client.lan if client.kind.via in (Via.ONPREM, Via.POSTFIX) else ""
        table.write(
            (
                client.sender,
                inside,
                client.owner.name.of(language),
                client.owner.address,
                client.site.name.of(language),
                departments[client.kind.department].of(language),
                client.kind.name.of(language),
            )
        )
    table.close()
