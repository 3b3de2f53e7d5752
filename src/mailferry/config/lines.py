"""Where each key of a TOML text stands: key path -> line, so that an error can point at it.

Leaves to others: reading values (tomllib). Takes only text that tomllib accepts.
Invariant: every table, key and array element of tomllib's result has a line here, and it is the line where its key
(or its value, in an array) begins; a property test compares both on generated documents.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

#: Steps from the root: a key's name, or an index into an array.
Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_INLINE_BLANK = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\n]*")
_BASIC = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
_LITERAL = re.compile(r"'([^'\n]*)'")
#: Up to two quotes may stand right before the closing three (TOML 1.0, "String").
_LONG_BASIC = re.compile(r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}', re.DOTALL)
_LONG_LITERAL = re.compile(r"'''(?:[^']|'(?!''))*'{3,5}", re.DOTALL)
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b", '"': '"', "\\": "\\"}
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2})|(.))")


def key_lines(text: str) -> Mapping[Path, int]:
    """The line (from 1) of every key and array element in `text`."""
    return _Scanner(text.replace("\r\n", "\n")).scan()


def dotted(path: Path) -> str:
    """The path as people write it: client[2].networks[0]; indices count from 1 as people do."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step + 1}]"
        else:
            name = step if _BARE.fullmatch(step) else '"' + step.replace('"', '\\"') + '"'
            text += f".{name}" if text else name
    return text


def _unescape(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        code = match[1] or match[2] or match[3]
        return chr(int(code, 16)) if code else _ESCAPES[match[4]]

    return _ESCAPE.sub(one, text)


class _Scanner:
    """One pass over a text; `_at` is where it stands, `_arrays` counts the tables of each array of tables."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lines: dict[Path, int] = {}
        self._arrays: dict[Path, int] = {}
        self._counted_at = 0
        self._line = 1

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._take("[["):
                table = self._header(many=True)
            elif self._take("["):
                table = self._header(many=False)
            else:
                self._pair(table)
            self._skip(_BLANK)
        return self._lines

    def _header(self, *, many: bool) -> Path:
        line = self._current_line()
        keys = self._keys()
        self._at += 2 if many else 1
        path = self._resolve((), keys[:-1], line)
        path = (*path, keys[-1])
        if not many:
            path = self._enter(path)
            self._lines[path] = line  # a table's own header is a better place than a header that implied it
            return path
        self._lines.setdefault(path, line)
        index = self._arrays.get(path, -1) + 1
        self._arrays[path] = index
        self._lines[*path, index] = line
        return (*path, index)

    def _resolve(self, base: Path, keys: list[str], line: int) -> Path:
        """Walk `keys` from `base`; an array of tables means its last table."""
        for key in keys:
            base = self._enter((*base, key))
            self._lines.setdefault(base, line)
        return base

    def _enter(self, path: Path) -> Path:
        return (*path, self._arrays[path]) if path in self._arrays else path

    def _pair(self, table: Path) -> None:
        line = self._current_line()
        keys = self._keys()
        path = (*self._resolve(table, keys[:-1], line), keys[-1])
        self._lines[path] = line
        self._at += 1  # the equals sign, which _keys stopped before
        self._skip(_INLINE_BLANK)
        self._value(path)

    def _keys(self) -> list[str]:
        keys = []
        while True:
            self._skip(_INLINE_BLANK)
            keys.append(self._key())
            self._skip(_INLINE_BLANK)
            if not self._take("."):
                return keys

    def _key(self) -> str:
        if match := _BASIC.match(self._text, self._at):
            self._at = match.end()
            return _unescape(match[1])
        match = _LITERAL.match(self._text, self._at) or _BARE.match(self._text, self._at)
        if match is None:
            raise ValueError(f"no key at line {self._current_line()}")
        self._at = match.end()
        return match[1] if match.re is _LITERAL else match[0]

    def _value(self, path: Path) -> None:
        if self._take("{"):
            self._inline_table(path)
        elif self._take("["):
            self._array(path)
        else:
            for pattern in (_LONG_BASIC, _LONG_LITERAL, _BASIC, _LITERAL, _SCALAR):
                if match := pattern.match(self._text, self._at):
                    self._at = match.end()
                    return

    def _inline_table(self, path: Path) -> None:
        self._skip(_BLANK)
        while not self._take("}"):
            self._pair(path)
            self._skip(_BLANK)
            self._take(",")
            self._skip(_BLANK)

    def _array(self, path: Path) -> None:
        index = 0
        self._skip(_BLANK)
        while not self._take("]"):
            self._lines[*path, index] = self._current_line()
            self._value((*path, index))
            index += 1
            self._skip(_BLANK)
            self._take(",")
            self._skip(_BLANK)

    def _current_line(self) -> int:
        self._line += self._text.count("\n", self._counted_at, self._at)
        self._counted_at = self._at
        return self._line

    def _take(self, token: str) -> bool:
        if self._text.startswith(token, self._at):
            self._at += len(token)
            return True
        return False

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
