# ruff: noqa: E501
"""The inventory's import against pandas doing the same: `python -m bench --only inventory`; the long form is
`python -m bench.inventory --rows 10000000`.

Both read the same portal CSV, keep the SMTP sign-ins, drop what is there twice, count by client and store what the next
import must know. Each run is a process of its own, so that its peak memory and CPU time are its own.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from bench.cells import Cell

HEADER = (
    "Date (UTC),Request ID,User agent,Correlation ID,User ID,User,Username,User type,Cross tenant access type,"
    "Incoming token type,Authentication Protocol,Unique token identifier,Original transfer method,Client credential type,"
    "Token Protection - Sign In Session,Token Protection - Sign In Session StatusCode,Application,Application ID ,"
    "App owner tenant ID,Resource,Resource ID ,Resource tenant ID,Resource owner tenant ID,Home tenant ID,"
    "Home tenant name,IP address,Location,Status,Sign-in error code,Failure reason,Client app,Device ID,Browser,"
    "Operating System,Compliant,Managed,Join Type,Multifactor authentication result,"
    "Multifactor authentication auth method,Multifactor authentication auth detail,Authentication requirement,"
    "Sign-in identifier,Session ID,IP address (seen by resource),Through Global Secure Access,"
    "Global Secure Access IP address,Autonomous system  number,Flagged for review,Token issuer type,"
    "Incoming token type,Token issuer name,Latency,Conditional Access,Managed Identity type,Associated Resource Id,"
    "Federated Token Id,Federated Token Issuer"
)
#: 20,000 mailboxes, a seventh of the rows in a browser, one of fifty refused; 780 octets a row, as in a portal's export.
ROWS = """
COPY (
    SELECT strftime(TIMESTAMP '2026-10-25' + to_seconds(CAST(i * 2592000 / {rows} AS BIGINT)), '%Y-%m-%dT%H:%M:%SZ'),
        uuid()::VARCHAR, CASE WHEN u % 7 = 0 THEN 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like '
            || 'Gecko) Chrome/140.0.0.0 Safari/537.36' ELSE 'BAV2ROPC' END, uuid()::VARCHAR,
        '7b1c0000-1111-2222-3333-' || lpad(u::VARCHAR, 12, '0'), 'Device ' || u, 'device' || u || '@contoso.com', 'Member',
        'None', 'None', CASE WHEN u % 7 = 0 THEN 'None' ELSE 'ROPC' END, 'Vk3bq0' || hash(i)::VARCHAR, 'None', 'None',
        'Unbound', '1002', 'Office 365 Exchange Online', '00000002-0000-0ff1-ce00-000000000000',
        'f8cdef31-a31e-4b4a-93e4-5f571e91255a', 'Office 365 Exchange Online', '00000002-0000-0ff1-ce00-000000000000',
        '5a4db0c5-0000-4000-8000-000000000001', 'f8cdef31-a31e-4b4a-93e4-5f571e91255a',
        '5a4db0c5-0000-4000-8000-000000000001', 'Contoso', '203.0.' || (u % 110) || '.' || (u % 250), 'Tokyo, Tokyo, JP',
        CASE WHEN i % 50 = 0 THEN 'Failure' ELSE 'Success' END, CASE WHEN i % 50 = 0 THEN 50126 ELSE 0 END,
        CASE WHEN i % 50 = 0 THEN 'Error validating credentials due to invalid username or password.' ELSE 'Other.' END,
        CASE WHEN u % 7 = 0 THEN 'Browser' ELSE 'Authenticated SMTP' END, '', '', 'Windows 10', 'FALSE', 'FALSE', '', '',
        '', '', 'Single-factor authentication', 'device' || u || '@contoso.com', '', '40.99.1.1', 'No', '', '4713', 'No',
        'Azure AD', 'None', '', '131', 'Not Applied', 'None', '', '', ''
    FROM (SELECT i, (hash(i) % 20000)::INT AS u FROM range({rows}) AS t(i))
) TO '{file}' (FORMAT csv, HEADER false)
"""
MILLION = 1_000_000


@cache
def export(rows: int) -> Path:
    """A sign-in log of so many rows, made once a run."""
    import duckdb

    folder = Path(tempfile.mkdtemp(prefix="mailferry-bench-", dir="/var/tmp"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file, body = folder / "signins.csv", folder / "body.csv"
    with duckdb.connect() as connection:
        connection.execute(ROWS.format(rows=rows, file=body))
    with file.open("wb") as out, body.open("rb") as source:
        out.write(HEADER.encode() + b"\n")
        out.flush()
        _append(out.fileno(), source.fileno())
    body.unlink()
    return file


def _append(target: int, source: int) -> None:
    offset, size = 0, os.fstat(source).st_size
    while offset < size:
        offset += os.sendfile(target, source, offset, size - offset)


class Mailferry:
    """Import and join by `mailferry.inventory`."""

    name = "mailferry"

    @staticmethod
    def work(file: Path, state: Path) -> tuple[int, float]:
        from mailferry.clock import SystemClock
        from mailferry.inventory.store import Inventory

        with Inventory(state, SystemClock()) as inventory:
            inventory.import_paths([file])
            imported = time.perf_counter()
            return len(inventory.clients()), imported


class Pandas:
    """The same by pandas as one writes it: vectorised all the way, the result pickled (its fastest store)."""

    name = "pandas"
    chosen = False

    @classmethod
    def work(cls, file: Path, state: Path) -> tuple[int, float]:
        import pandas as pd

        columns = ["Date (UTC)", "Request ID", "User agent", "Username", "IP address", "Sign-in error code", "Failure reason",
                   "Status", "Client app", "Authentication Protocol", "Incoming token type", "Incoming token type.1",
                   "Client credential type"]  # fmt: skip
        frame = pd.read_csv(file, usecols=columns if cls.chosen else None, dtype=str, keep_default_na=False)
        frame = frame[frame["Client app"].isin(["Authenticated SMTP", "SMTP"])]
        frame = frame.drop_duplicates("Request ID")
        frame["at"] = pd.to_datetime(frame["Date (UTC)"], format="ISO8601", utc=True, errors="coerce")
        frame = frame[frame["at"].notna() & frame["Username"].str.contains("@", regex=False)]
        frame["account"] = frame["Username"].str.strip().str.lower()
        frame["address"] = frame["IP address"].str.strip().str.lower()
        bearer = frame["Incoming token type"].where(frame["Incoming token type"] != "", frame["Incoming token type.1"])
        frame["oauth"] = ~bearer.str.lower().isin(["", "none"]) | ~frame["Client credential type"].str.lower().isin(
            ["", "none"]
        )
        frame["basic"] = frame["User agent"].str.contains("BAV2ROPC", regex=False) | (
            frame["Authentication Protocol"].str.lower() == "ropc"
        )
        frame["refused"] = ~frame["Sign-in error code"].isin(["", "0", "None"])
        who = ["account", "address", "User agent", "basic", "oauth", "Sign-in error code", "Failure reason"]
        frame["dims"] = frame.groupby(who, sort=False, observed=True).ngroup()
        state.mkdir()
        frame[["Request ID", "at", "dims"]].to_pickle(state / "events.pickle")
        frame.drop_duplicates("dims")[["dims", *who]].to_pickle(state / "dims.pickle")
        clients = frame.groupby(["account", "address"]).agg(
            count=("at", "size"),
            first=("at", "min"),
            last=("at", "max"),
            failures=("refused", "sum"),
            basic=("basic", "any"),
        )
        return len(clients), time.perf_counter()


class PandasColumns(Pandas):
    """The same again, told beforehand which thirteen of the columns will be needed."""

    name = "pandas, columns"
    chosen = True


KINDS: dict[str, type[Mailferry] | type[Pandas]] = {each.name: each for each in (Mailferry, Pandas, PandasColumns)}


def measured(kind: str, rows: int) -> dict[str, float]:
    """Seconds, CPU seconds and peak megabytes of one run in a process of its own."""
    command = [sys.executable, "-m", "bench.inventory", "--run", kind, "--file", str(export(rows))]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def figure(name: str, rows: int) -> Callable[[Any, float], float]:
    return lambda kind, seconds: measured(kind.name, rows)[name]


def inventory_cells() -> list[Cell]:
    """Issue 5's figures: a million rows in 5 s and 1 GB on two cores, five times as fast as pandas."""
    peers: Any = [Mailferry, Pandas, PandasColumns]
    alone: Any = [Mailferry]
    ask, aim = {"pandas": 5.0, "pandas, columns": 1.0}, {"pandas": 6.0, "pandas, columns": 2.0}
    imported, joined = figure("imported", MILLION), figure("seconds", MILLION)
    memory = figure("megabytes", MILLION)
    return [
        Cell("inventory, import 1 M", imported, peers, ask, aim, "s", better="less"),
        Cell("inventory, and join", joined, alone, {"s at most": 5}, {"s at most": 3}, "s", better="less"),
        Cell("inventory, memory", memory, alone, {"MB at most": 1000}, {"MB at most": 500}, "MB", better="less"),
    ]


def _run(kind: str, file: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        started, cpu = time.perf_counter(), time.process_time()
        clients, imported = KINDS[kind].work(file, Path(folder) / "state")
        return {
            "imported": imported - started,
            "seconds": time.perf_counter() - started,
            "cpu": time.process_time() - cpu,
            "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "clients": clients,
        }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.inventory", description=__doc__)
    parser.add_argument("--rows", type=int, default=MILLION)
    parser.add_argument("--kinds", nargs="*", default=["mailferry"], choices=list(KINDS))
    parser.add_argument("--run", choices=list(KINDS), help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        print(json.dumps(_run(options.run, options.file)))
        return
    for kind in options.kinds:
        print(kind, json.dumps(measured(kind, options.rows)))


if __name__ == "__main__":
    main()
