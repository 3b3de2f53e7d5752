"""The list of owners that the organisation keeps: who answers for which mailbox or device.

Leaves to others: who that is. Like every such list it has gaps: what nobody remembers is not on it.
"""

from __future__ import annotations

from pathlib import Path

from mailferry.sample.data_files import text, words
from mailferry.sample.exports.base import Table
from mailferry.sample.organisation import Organisation
from mailferry.sample.values import Via

HEADERS = {
    "en": ("address", "owner", "owner email", "site", "department", "note"),
    "ja": ("アドレス", "担当者", "担当者メール", "拠点", "部署", "備考"),
}


def write(path: Path, organisation: Organisation, language: str) -> None:
    table = Table(path, HEADERS[language])
    departments = {key: text(pair) for key, pair in words()["departments"].items()}
    for client in organisation.clients:
        if client.owner is None:
            continue
        # What relays on premises is known to its keepers by its address, everything else by its mailbox.
        inside = client.kind.via in (Via.ONPREM, Via.POSTFIX)
        table.write(
            (
                client.lan if inside else client.sender,
                client.owner.name.of(language),
                client.owner.address,
                client.site.name.of(language),
                departments[client.kind.department].of(language),
                client.kind.name.of(language),
            )
        )
    table.close()
