"""The configuration as written: TOML files and environment joined into one tree, each key with its place.

Leaves to others: what the keys mean (schema, validate). Invariant: no key is ever overwritten silently; a second
file that sets it again is a problem, and only the environment may override.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from mailferry.config.lines import Path, dotted, key_lines
from mailferry.config.problem import Place, Problem, Severity

INCLUDE = "include"
#: MAILFERRY__GATEWAY__HOSTNAME sets [gateway] hostname; MAILFERRY__ROUTE__EXO__HOST sets host of the route "exo".
ENVIRONMENT_PREFIX = "MAILFERRY__"
_TOML_LINE = re.compile(r"^(.*?) \(at (?:line (\d+), column \d+|end of document)\)$", re.DOTALL)


@dataclass(slots=True)
class Document:
    """`data` as tomllib gives it; `places` for every key in it; `folder` is what relative paths start from; `whole` is
    False when a file could not be read, so that what is missing may be in there."""

    main: Place
    folder: FilePath
    data: dict[str, Any] = field(default_factory=dict)
    places: dict[Path, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    whole: bool = True

    def place(self, path: Path) -> Place:
        """Where `path` stands, or the nearest thing around it that is written down."""
        while path:
            if path in self.places:
                return self.places[path]
            path = path[:-1]
        return self.main

    def error(self, place: Place, path: Path, what: str, cure: str = "") -> None:
        self.problems.append(Problem(Severity.ERROR, place, dotted(path), what, cure))


def read_document(path: FilePath, environ: Mapping[str, str]) -> Document:
    """Read `path`, the files it includes and the environment. Problems are collected, never raised."""
    document = Document(main=Place(str(path)), folder=path.absolute().parent)
    if _read_file(document, path):
        for file in _included(document, path):
            _read_file(document, file)
    for name in sorted(environ):
        if name.startswith(ENVIRONMENT_PREFIX):
            _override(document, name, environ[name])
    return document


def _read_file(document: Document, path: FilePath) -> bool:
    place = Place(str(path))
    try:
        text = path.read_bytes().decode("utf-8-sig")
        data = tomllib.loads(text)
    except OSError as error:
        document.error(place, (), f"cannot be read: {(error.strerror or str(error)).lower()}", _reading_cure(error))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        document.error(Place(place.file, line), (), "is not UTF-8 text", "save the file in UTF-8")
    except tomllib.TOMLDecodeError as error:
        match = _TOML_LINE.match(str(error))
        what = match[1] if match else str(error)
        line = int(match[2]) if match and match[2] else len(text.splitlines()) or 1
        document.error(
            Place(place.file, line), (), f"is not TOML: {what[:1].lower()}{what[1:]}", _toml_cure(text, line)
        )
    else:
        lines = {key: Place(place.file, line) for key, line in key_lines(text).items()}
        _join(document, data, lines, main=place == document.main)
        return True
    document.whole = False
    return False


def _reading_cure(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "name the configuration file, or write one with `mailferry init`"
    return "let the user that runs mailferry read it" if isinstance(error, PermissionError) else "name a text file"


def _toml_cure(text: str, line: int) -> str:
    """The slip that people make most: a text without quotes."""
    rows = text.splitlines()
    row = rows[line - 1] if line <= len(rows) else ""
    if match := re.match(r"\s*([\w.-]+)\s*=\s*([^\s\"'\[{#][^#]*)", row):
        return f'texts stand in quotes: {match[1]} = "{match[2].strip()}"'
    if row.count('"') % 2:
        return "a quote is not closed on this line"
    return 'a line is a [section], or name = value with texts in "quotes"'


def _included(document: Document, main: FilePath) -> list[FilePath]:
    patterns = document.data.pop(INCLUDE, [])
    if not isinstance(patterns, list) or not all(isinstance(pattern, str) for pattern in patterns):
        document.error(
            document.place((INCLUDE,)),
            (INCLUDE,),
            "must be a list of file names",
            'write include = ["clients.d/*.toml"]',
        )
        return []
    files: list[FilePath] = []
    for index, pattern in enumerate(patterns):
        name = FilePath(pattern)
        base = FilePath(name.anchor) if name.is_absolute() else main.parent
        found = sorted(base.glob(str(name.relative_to(name.anchor)) if name.is_absolute() else pattern))
        if not found and not any(char in pattern for char in "*?["):
            document.whole = False
            path = (INCLUDE, index)
            document.error(document.place(path), path, f"there is no file {pattern}", "correct the name or take it out")
        files += [file for file in found if file not in files]
    return files


def _join(document: Document, data: dict[str, Any], lines: Mapping[Path, Place], *, main: bool) -> None:
    """Add the tables of one file: arrays of tables grow, tables gain keys."""
    if not main and INCLUDE in data:
        del data[INCLUDE]
        document.error(lines[INCLUDE,], (INCLUDE,), "only the main file may include others", "name all files there")
    for key, value in data.items():
        have = document.data.get(key)
        if have is None:
            document.data[key] = value
            _take_places(document, lines, (key,))
        elif isinstance(have, list) and isinstance(value, list) and key != INCLUDE:
            offset = len(have)
            for path, place in lines.items():
                if path[0] == key and len(path) > 1 and isinstance(path[1], int):
                    document.places[key, path[1] + offset, *path[2:]] = place
            have.extend(value)
        elif isinstance(have, dict) and isinstance(value, dict):
            _join_table(document, have, value, lines, key)
        else:
            _again(document, (key,), lines[key,])


def _join_table(
    document: Document, have: dict[str, Any], more: dict[str, Any], lines: Mapping[Path, Place], key: str
) -> None:
    for inner, value in more.items():
        if inner in have:
            _again(document, (key, inner), lines[key, inner])
        else:
            have[inner] = value
            _take_places(document, lines, (key, inner))


def _again(document: Document, path: Path, place: Place) -> None:
    document.error(
        place, path, f"is set a second time; it stands at {document.place(path)} already", "keep one of them"
    )


def _take_places(document: Document, lines: Mapping[Path, Place], top: Path) -> None:
    document.places |= {path: place for path, place in lines.items() if path[: len(top)] == top}


# -- environment -------------------------------------------------------------------------------------------------------


def _override(document: Document, name: str, text: str) -> None:
    """Set the key that `name` spells. A value is read as TOML where it is some, else as a text."""
    place = Place(f"environment variable {name}")
    section, *steps = name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
    if not section or not steps or not all(steps):
        document.error(place, (), "names no setting", f"write it as {ENVIRONMENT_PREFIX}SECTION__KEY")
        return
    path: Path = (section,)
    if section not in document.data:
        document.data[section], document.places[path] = {}, place
    target: Any = document.data[section]
    if isinstance(target, list):
        index = _named(target, steps.pop(0))
        if index is None or not steps:
            document.error(place, path, "no entry of this section has that name", f"name one of: {_names(target)}")
            return
        target, path = target[index], (section, index)
    for step in steps[:-1]:
        target = target.setdefault(step, {}) if isinstance(target, dict) else None
        path = (*path, step)
    if not isinstance(target, dict):
        document.error(place, path, "is no table, so nothing can be set in it", "set the key itself")
        return
    target[steps[-1]] = _value(text)
    document.places[*path, steps[-1]] = place


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _variable(name: object) -> str:
    return re.sub(r"[^a-z0-9]", "_", str(name).lower())


def _named(tables: list[Any], name: str) -> int | None:
    for index, table in enumerate(tables):
        if isinstance(table, dict) and _variable(table.get("name")) == name:
            return index
    return None


def _names(tables: list[Any]) -> str:
    return ", ".join(_variable(table.get("name")).upper() for table in tables if isinstance(table, dict))
