"""What a check found, before it has a file and a line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from mailferry.config.lines import Path
from mailferry.config.problem import Severity


@dataclass(frozen=True, slots=True)
class Finding:
    severity: Severity
    path: Path
    what: str
    cure: str = ""


def error(path: Path, what: str, cure: str = "") -> Finding:
    return Finding(Severity.ERROR, path, what, cure)


def warning(path: Path, what: str, cure: str = "") -> Finding:
    return Finding(Severity.WARNING, path, what, cure)


def choose_from(name: str, names: Iterable[str]) -> str:
    """A cure for a name that does not exist."""
    known = list(names)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f'did you mean "{close[0]}"?'
    return f"there are: {', '.join(sorted(known))}" if known else "there are none yet"
