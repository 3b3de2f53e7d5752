"""The inventory: exports go in, clients come out.

Leaves to others: files (files), reading (staging), merging (merging), what follows from the facts (join). Invariant: an
import is one transaction: either all that was named is in, or nothing is; what comes out is a function of what went in.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from mailferry.clock import Clock, utc
from mailferry.inventory.database import DEFAULT_SHARE, Share, connect
from mailferry.inventory.errors import InventoryError
from mailferry.inventory.files import DEFAULT_LIMITS, Found, Limits, find
from mailferry.inventory.merging import Source, merge
from mailferry.inventory.records import Client
from mailferry.inventory.rejects import Skip
from mailferry.inventory.staging import Progress, Staged, Stager

FILE = "inventory.duckdb"
_SCRATCH = "scratch"
_IMPORT = "import-"
_MAIN = "inventory"
_IN_MEMORY = 1 << 30  # octets of exports; what is kept of them is an eighth


class Inventory:
    """The inventory in `state`. A context manager; `read_only` lets several look at once."""

    def __init__(
        self,
        state: Path,
        clock: Clock,
        *,
        read_only: bool = False,
        share: Share = DEFAULT_SHARE,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._state = state
        self._clock = clock
        self._limits = limits
        if not read_only:
            state.mkdir(parents=True, exist_ok=True)
        elif not self.exists(state):
            raise InventoryError(str(state / FILE), "nothing was imported yet", cure="mailferry inventory import FILE…")
        self._db = connect(state / FILE, read_only=read_only, share=share)

    @staticmethod
    def exists(state: Path) -> bool:
        """Whether something was imported there."""
        return (state / FILE).is_file()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()
        shutil.rmtree(self._state / f"{Path(FILE).stem}.spill", ignore_errors=True)

    def import_paths(self, paths: Iterable[Path], progress: Progress | None = None) -> tuple[Source, ...]:
        """Take files, folders and archives. Raises InventoryError, and then nothing has changed."""
        with ExitStack() as stack:
            self._sweep()
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=_IMPORT, dir=self._state)))
            found = list(find(paths, _folder(scratch, "unpacked"), self._limits))
            if not found:
                raise InventoryError(", ".join(map(str, paths)) or "import", "there is nothing to read")
            stack.enter_context(self._attached(scratch, sum(each.size for each in found)))
            staged = self._staged(found, _folder(scratch, "files"), progress)
            if all(each.target is None for each in staged):
                raise InventoryError(found[0].name, f"{staged[0].note}; there is nothing to read beside it")
            return self._merged(staged)

    def _sweep(self) -> None:
        """What an import that was killed left behind; the lock on the database says that no other is under way."""
        for left in self._state.glob(f"{_IMPORT}*"):
            shutil.rmtree(left, ignore_errors=True)

    def _staged(self, found: list[Found], scratch: Path, progress: Progress | None) -> list[Staged]:
        self._db.execute(f"USE {_SCRATCH}")
        return Stager(self._db, scratch, self._now()).stage(found, progress)

    def _merged(self, staged: list[Staged]) -> tuple[Source, ...]:
        self._db.execute(f"USE {_MAIN}")
        self._db.execute("BEGIN")
        try:
            sources = merge(self._db, _SCRATCH, staged, self._now())
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        return sources

    @contextmanager
    def _attached(self, scratch: Path, size: int) -> Iterator[None]:
        """A database for this import alone, thrown away afterwards: the inventory's file never holds half a file. On
        disk, where columns are packed, only for what would crowd memory."""
        place = ":memory:" if size < _IN_MEMORY else str(scratch / "scratch.duckdb").replace("'", "''")
        self._db.execute(f"ATTACH '{place}' AS {_SCRATCH}")
        try:
            yield
        finally:
            self._db.execute(f"USE {_MAIN}")
            self._db.execute(f"DETACH {_SCRATCH}")

    def sources(self) -> tuple[Source, ...]:
        """What was imported, in the order in which it came."""
        skips: dict[int, list[Skip]] = {}
        for source, reason, count, line in self._db.execute("FROM skipped ORDER BY source, reason").fetchall():
            skips.setdefault(source, []).append(Skip(reason, count, line))
        rows = self._db.execute(
            "SELECT id, kind, name, rows, taken, fresh, first_at, last_at, imported_at, note FROM imported ORDER BY id"
        ).fetchall()
        return tuple(
            Source(kind, name, count, taken, fresh, _utc(first), _utc(last), _zoned(at), tuple(skips.get(id, ())), note)
            for id, kind, name, count, taken, fresh, first, last, at, note in rows
        )

    def domains(self) -> frozenset[str]:
        """The tenant's own domains, as the exports show them."""
        from mailferry.inventory.join.facts import domains

        return domains(self._db)

    def clients(self, at: date | None = None, ends: date | None = None) -> tuple[Client, ...]:
        """Every client, with its fate on `at`; by default `ends`, the day from which Basic authentication is disabled,
        by default the announced one."""
        from mailferry.inventory.join.clients import join
        from mailferry.m365.schedule import disabled_from

        return join(self._db, at or ends or disabled_from(), ends)

    def _now(self) -> datetime:
        return utc(self._clock.time())


def _folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder


def _utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.replace(tzinfo=UTC)


def _zoned(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC)
