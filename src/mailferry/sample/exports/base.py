"""What an export is to the run: it is shown every day once, newest first, and closed at the end.

Leaves to others: the formats. Invariant: an export never holds more than one day.
"""

from __future__ import annotations

import csv
import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from mailferry.sample.events import Day
from mailferry.sample.letters import guid


class Export:
    """A file, or a set of them, that grows by days."""

    def day(self, day: Day) -> None:
        """Sign-ins are sorted newest first, messages oldest first."""

    def close(self) -> None:
        """Everything has been shown."""


class Table:
    """A CSV file as Microsoft's exports are: CRLF, quotes only where needed (unless told), continued in a second file
    where a download would be cut."""

    def __init__(
        self,
        path: Path,
        header: Sequence[str],
        *,
        encoding: str = "utf-8",
        mark: bool = True,
        delimiter: str = ",",
        quote_all: bool = False,
        first_line: str = "",
        limit: int = 0,
    ) -> None:
        self._path, self._header, self._encoding, self._delimiter = path, header, encoding, delimiter
        self._quoting: Any = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
        self._mark = "\ufeff" if mark else ""
        self._first_line, self._limit = first_line, limit
        self._files = self._rows = 0
        self._open()

    def _open(self) -> None:
        self._files += 1
        number = "" if self._files == 1 else f"_{self._files}"
        path = self._path.with_name(f"{self._path.stem}{number}{self._path.suffix}")
        self._file: IO[str] = path.open("w", encoding=self._encoding, newline="")
        # The codecs that write the byte order mark by themselves are three times as slow as those that do not.
        self._file.write(self._mark + (f"{self._first_line}\r\n" if self._first_line else ""))
        self._writer = csv.writer(self._file, delimiter=self._delimiter, quoting=self._quoting)
        self._writer.writerow(self._header)
        self._rows = 0

    def write(self, row: Sequence[object]) -> None:
        if self._limit and self._rows == self._limit:
            self._file.close()
            self._open()
        self._writer.writerow(row)
        self._rows += 1

    def close(self) -> None:
        self._file.close()


def iso(at: float) -> str:
    """UTC to the second, as Entra prints it."""
    moment = time.gmtime(at)
    return f"{moment[0]}-{moment[1]:02d}-{moment[2]:02d}T{moment[3]:02d}:{moment[4]:02d}:{moment[5]:02d}Z"


def iso_millis(at: float) -> str:
    """UTC to the millisecond, as Exchange's logs print it."""
    return f"{iso(at)[:-1]}.{int(at * 1000) % 1000:03d}Z"


def trace_id(message_id: str) -> str:
    """The service's own id of a message: the same in every export of it."""
    return guid(int.from_bytes(hashlib.md5(message_id.encode(), usedforsecurity=False).digest()))


def second_guid(bits: int) -> str:
    """A further id beside the request's, as distinct and as stable."""
    return guid(bits ^ 0x5A5A5A5A_5A5A5A5A_5A5A5A5A_5A5A5A5A)
