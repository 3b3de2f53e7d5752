"""The rehearsal on disk: one JSON document in the state directory, where reports and the console find it.

Leaves to others: what a rehearsal is (values). Invariants: what is loaded is exactly what was saved, and the file is
replaced in one step; a document of another version, of another shape or changed by somebody else is refused.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from mailferry.planner import store as plans
from mailferry.planner.keep import StoreError, write_whole
from mailferry.rehearsal.values import Rehearsal

__all__ = ["FILE", "NoRehearsalError", "StoreError", "digest", "dump", "load", "parse", "save"]

FORMAT, VERSION = "mailferry-rehearsal", 1
FILE = "rehearsal.json"
_CURE = "rehearse again with `mailferry rehearse`"


class NoRehearsalError(StoreError):
    """Nothing was rehearsed yet."""


@dataclass(frozen=True, slots=True)
class _Document:
    format: str
    version: int
    rehearsal: Rehearsal


@cache
def _adapter() -> TypeAdapter[_Document]:
    return TypeAdapter(_Document)


def digest(directory: Path) -> str:
    """Of the plan that lies there, by which its rehearsal is known; "" where there is none. Raises StoreError."""
    file = directory / plans.FILE
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise StoreError(f"{file} cannot be read: {error.strerror}") from error


def save(rehearsal: Rehearsal, directory: Path) -> Path:
    """Write into `directory`, which is made when it is missing, and return the file. Raises StoreError."""
    file = directory / FILE
    write_whole(file, dump(rehearsal))
    return file


def load(directory: Path) -> Rehearsal:
    """The last rehearsal. Raises NoRehearsalError or StoreError."""
    file = directory / FILE
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        raise NoRehearsalError(f"nothing was rehearsed in {directory} yet; run `mailferry rehearse`") from None
    except OSError as error:
        raise StoreError(f"{file} cannot be read: {error.strerror}") from error
    return parse(text, str(file))


def dump(rehearsal: Rehearsal) -> bytes:
    """The rehearsal as a document."""
    return _adapter().dump_json(_Document(FORMAT, VERSION, rehearsal)) + b"\n"


def parse(text: bytes, name: str = FILE) -> Rehearsal:
    """The rehearsal in a document; `name` says where it comes from. Raises StoreError."""
    try:
        document = _adapter().validate_json(text)
    except ValidationError as error:
        raise StoreError(f"{name} {_complaint(text, error)}; {_CURE}") from None
    if (document.format, document.version) != (FORMAT, VERSION):
        raise StoreError(f"{name} {_strange(document.format, document.version)}; {_CURE}")
    if _adapter().dump_json(document) != text.rstrip():
        raise StoreError(f"{name} was changed by something else than this program; {_CURE}")
    return document.rehearsal


def _complaint(text: bytes, error: ValidationError) -> str:
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError):
        return "is damaged: no JSON"
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        return "holds no rehearsal"
    if document.get("version") != VERSION:
        return _strange(FORMAT, document.get("version"))
    first = error.errors(include_url=False, include_input=False)[0]
    return f"is damaged at {'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def _strange(form: str, version: object) -> str:
    if form != FORMAT:
        return "holds no rehearsal"
    return f"is of version {version!r}, this program reads {VERSION}"
