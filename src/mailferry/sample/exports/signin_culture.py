"""The portal's sign-in log after a spreadsheet or Export-Csv: other delimiters, encodings and dates.

Leaves to others: the columns (signin_portal). A second column of one name does not survive Import-Csv, so it is gone;
Windows PowerShell quotes every field and, unless told not to, writes a #TYPE line first.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mailferry.sample.events import Day
from mailferry.sample.exports.base import Export, Table
from mailferry.sample.exports.signin_portal import HEADER, portal_row
from mailferry.sample.values import Auth


def _german(at: float) -> str:
    moment = time.gmtime(at)
    return f"{moment[2]:02d}.{moment[1]:02d}.{moment[0]} {moment[3]:02d}:{moment[4]:02d}:{moment[5]:02d}"


def japanese(at: float) -> str:
    moment = time.gmtime(at)
    return f"{moment[0]}/{moment[1]:02d}/{moment[2]:02d} {moment[3]}:{moment[4]:02d}:{moment[5]:02d}"


def american(at: float) -> str:
    moment = time.gmtime(at)
    half = "AM" if moment[3] < 12 else "PM"
    return f"{moment[1]}/{moment[2]}/{moment[0]} {moment[3] % 12 or 12}:{moment[4]:02d}:{moment[5]:02d} {half}"


@dataclass(frozen=True, slots=True)
class Culture:
    """How one machine writes tables."""

    name: str
    when: Callable[[float], str]
    encoding: str
    delimiter: str
    first_line: str = ""


CULTURES = (
    Culture(
        "de-utf16",
        _german,
        "utf-16-le",
        ";",
        "#TYPE Selected.System.Management.Automation.PSCustomObject",
    ),
    Culture("ja-cp932", japanese, "cp932", ","),
    Culture("en-us", american, "utf-8", ","),
)
#: The second `Incoming token type`.
_LOST = len(HEADER) - 1 - HEADER[::-1].index("Incoming token type")


class CultureSignIns(Export):
    """Users' sign-ins of the window, in one culture."""

    def __init__(self, path: Path, culture: Culture, language: str) -> None:
        header = [name for index, name in enumerate(HEADER) if index != _LOST]
        self._table = Table(
            path,
            header,
            encoding=culture.encoding,
            mark=culture.encoding.startswith("utf"),
            delimiter=culture.delimiter,
            quote_all=True,
            first_line=culture.first_line,
        )
        self._culture, self._language = culture, language

    def day(self, day: Day) -> None:
        if day.archived:
            return
        for signin in day.signins:
            if signin.auth is not Auth.APP_ONLY:
                row = portal_row(signin, self._language, self._culture.when)
                self._table.write(row[:_LOST] + row[_LOST + 1 :])

    def close(self) -> None:
        self._table.close()
