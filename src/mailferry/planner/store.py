"""The plan on disk: one JSON document in the state directory, where the rehearsal and the reports find it.

Leaves to others: what a plan is (values). Invariants: what is loaded is exactly what was saved, and the file is
replaced in one step; a document of another version, of another shape or with more in it than we know is refused.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from mailferry.planner.values import Plan

VERSION = 1
FILE = "plan.json"


class StoreError(Exception):
    """The plan cannot be read or written: what, where, and what to do."""


class NoPlanError(StoreError):
    """There is no plan yet."""


@cache
def _adapter() -> TypeAdapter[Plan]:
    return TypeAdapter(Plan)


def save(plan: Plan, directory: Path) -> Path:
    """Write `plan` into `directory`, which is made when it is missing, and return the file."""
    file = directory / FILE
    temporary = directory / f".{FILE}.{os.getpid()}"
    head = b'{"format":"mailferry-plan","version":%d,"plan":' % VERSION
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as out:
            out.write(head + _adapter().dump_json(plan) + b"}\n")
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(file)
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return file


def load(directory: Path) -> Plan:
    """The plan in `directory`. Raises NoPlanError or StoreError."""
    file = directory / FILE
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        raise NoPlanError(f"there is no plan in {directory}; make one with `mailferry plan make`") from None
    except OSError as error:
        raise StoreError(f"{file} cannot be read: {error.strerror}") from error
    return parse(text, str(file))


def parse(text: bytes, name: str = FILE) -> Plan:
    """The plan in a document; `name` says where it comes from. Raises StoreError."""
    cure = "make it again with `mailferry plan make`"
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{name} is damaged ({error}); {cure}") from None
    if not isinstance(document, dict) or document.get("format") != "mailferry-plan":
        raise StoreError(f"{name} holds no plan; {cure}")
    if document.get("version") != VERSION:
        raise StoreError(f"{name} is of version {document.get('version')!r}, this program reads {VERSION}; {cure}")
    return _checked(document.get("plan"), name, cure)


def _checked(value: Any, name: str, cure: str) -> Plan:
    try:
        plan = _adapter().validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StoreError(f"{name} is damaged at {where}: {first['msg']}; {cure}") from None
    if _adapter().dump_python(plan, mode="json") != value:  # pydantic passes over what it does not know
        raise StoreError(f"{name} holds something that no plan has; {cure}")
    return plan
