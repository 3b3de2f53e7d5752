"""Clients as JSON, CSV and Parquet for other programs.

Leaves to others: the table for people (cli). Invariant: no text that came from outside is a formula where a spreadsheet
opens the CSV; numbers and dates stay what they are.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

from mailferry.inventory.join.findings import sentence
from mailferry.inventory.records import Client, Volume

#: Spreadsheets take what begins so for a formula (OWASP, "CSV Injection"); the quote makes it text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_VOLUME = tuple(field.name for field in fields(Volume))


def document(client: Client, language: str = "en") -> dict[str, Any]:
    """The client for JSON; findings carry their sentence."""
    return {
        "id": client.id,
        "sender": client.sender,
        "addresses": list(client.addresses),
        "names": list(client.names),
        "product": client.product,
        "confidence": client.confidence,
        "evidence": list(client.evidence),
        "authentication": client.authentication.value,
        "tls": list(client.tls),
        "volume": {name: getattr(client.volume, name) for name in _VOLUME},
        "first_seen": _when(client.first_seen),
        "last_seen": _when(client.last_seen),
        "failures": client.failures,
        "errors": list(client.errors),
        "switches": {
            "tenant_disabled": client.switches.tenant_disabled,
            "mailbox_disabled": client.switches.mailbox_disabled,
            "disabled": client.switches.disabled,
            "policy": client.switches.policy,
            "policy_blocks_basic": client.switches.policy_blocks_basic,
        },
        "sources": list(client.sources),
        "fate": client.fate.value,
        "findings": [
            {
                "code": each.code,
                "severity": each.severity.value,
                "values": each.values,
                "text": sentence(each, language),
            }
            for each in client.findings
        ],
        "senders": list(client.senders),
        "owner": client.owner,
        "site": client.site,
    }


def row(client: Client, language: str = "en") -> dict[str, Any]:
    """The client as one flat row."""
    volume = {name: getattr(client.volume, name) for name in _VOLUME}
    return {
        "id": client.id,
        "fate": client.fate.value,
        "sender": client.sender,
        "addresses": " ".join(client.addresses),
        "names": " ".join(client.names),
        "product": client.product,
        "confidence": client.confidence,
        "authentication": client.authentication.value,
        "tls": " ".join(client.tls),
        **volume,
        "first_seen": _when(client.first_seen),
        "last_seen": _when(client.last_seen),
        "failures": client.failures,
        "errors": "; ".join(client.errors),
        "smtp_auth_disabled": client.switches.disabled,
        "policy": client.switches.policy,
        "sources": " ".join(client.sources),
        "findings": " ".join(each.code for each in client.findings),
        "explanation": " ".join(sentence(each, language) for each in client.findings),
        "senders": " ".join(client.senders),
        "owner": client.owner,
        "site": client.site,
    }


def columns() -> Sequence[str]:
    return tuple(row(Client(id="")))


def harmless(value: Any) -> Any:
    """`value` so that a spreadsheet shows it and runs nothing."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def write_csv(clients: Iterable[Client], target: Path, language: str = "en") -> None:
    """UTF-8 with a mark, without which Excel takes it for the machine's old encoding."""
    with target.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.DictWriter(out, columns())
        writer.writeheader()
        writer.writerows({name: harmless(value) for name, value in row(each, language).items()} for each in clients)


_TYPES = {
    "confidence": "DOUBLE",
    "window_days": "DOUBLE",
    "failures": "BIGINT",
    "smtp_auth_disabled": "BOOLEAN",
    "first_seen": "TIMESTAMPTZ",
    "last_seen": "TIMESTAMPTZ",
    **{name: "BIGINT" for name in _VOLUME if name != "window_days"},
}


def write_parquet(clients: Iterable[Client], target: Path, language: str = "en") -> None:
    """One row a client, typed columns."""
    import duckdb

    types = ", ".join(f"'{name}': '{_TYPES.get(name, 'VARCHAR')}'" for name in columns())
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        lines = Path(folder) / "clients.ndjson"
        with lines.open("w", encoding="utf-8") as out:
            out.writelines(json.dumps(row(each, language), ensure_ascii=False) + "\n" for each in clients)
        source = f"read_json('{lines}', format='newline_delimited', columns={{{types}}})"
        connection.execute(f"COPY (SELECT * FROM {source}) TO '{_quoted(target)}' (FORMAT parquet)")  # noqa: S608


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _when(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat().replace("+00:00", "Z")
