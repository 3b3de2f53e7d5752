"""The part of OData that the documented requests use: $filter, $select, $orderby, paging.

Leaves to others: what the properties are (graph_resource, graph_signins). Invariant: an expression that is not
understood is refused, never taken for true.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from mailferry.sandbox import graph_errors as errors
from mailferry.sandbox.graph_errors import GraphRefused, not_implemented

#: A property by its path, such as "status/errorCode".
Lookup = Callable[[str], Any]
Test = Callable[[Lookup], bool]

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<punct>[(),:])|(?P<word>[^\s(),:']+(?::[^\s(),']+)*))")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?\Z")
_LONGEST = 200  # tokens; nesting is recursion
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: bool(a == b),
    "ne": lambda a, b: bool(a != b),
    "gt": lambda a, b: bool(a > b),
    "ge": lambda a, b: bool(a >= b),
    "lt": lambda a, b: bool(a < b),
    "le": lambda a, b: bool(a <= b),
}
_FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "startswith": str.startswith,
    "endswith": str.endswith,
    "contains": lambda whole, part: part in whole,
}


class Filter:
    """A parsed $filter; `properties` are the paths it names, in order."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        if len(self._tokens) > _LONGEST:
            raise _invalid("the filter is too long")
        self._at = 0
        self.properties: list[str] = []
        self.test = self._either()
        if self._at != len(self._tokens):
            raise _invalid(f"syntax error at '{self._tokens[self._at]}'")

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        if not token:
            raise _invalid("the filter ends too early")
        self._at += 1
        return token

    def _expect(self, wanted: str) -> None:
        if (token := self._next()).lower() != wanted:
            raise _invalid(f"'{wanted}' expected instead of '{token}'")

    def _either(self) -> Test:
        tests = [self._both()]
        while self._peek().lower() == "or":
            self._next()
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda look: any(test(look) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._peek().lower() == "and":
            self._next()
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda look: all(test(look) for test in tests)

    def _one(self) -> Test:
        word = self._next()
        if word == "(":
            inner = self._either()
            self._expect(")")
            return inner
        if word.lower() == "not":
            negated = self._one()
            return lambda look: not negated(look)
        if self._peek() == "(":
            return self._call(word)
        return self._comparison(word)

    def _comparison(self, path: str) -> Test:
        self.properties.append(path)
        name = self._next().lower()
        if name == "in":
            raise not_implemented("the operator 'in' of $filter")
        if name not in _COMPARE:
            raise _invalid(f"unknown operator '{name}'")
        compare, wanted = _COMPARE[name], _literal(self._next())

        def test(look: Lookup) -> bool:
            value = _comparable(look(path), wanted)
            if (value is None or wanted is None) and name not in ("eq", "ne"):
                return False
            return compare(value, wanted)

        return test

    def _call(self, name: str) -> Test:
        self._expect("(")
        if name.lower().endswith("/any"):
            return self._any(name[: -len("/any")])
        function = _FUNCTIONS.get(name.lower())
        if function is None:
            raise not_implemented(f"the function '{name}' of $filter")
        path = self._next()
        self.properties.append(path)
        self._expect(",")
        part = _literal(self._next())
        self._expect(")")
        if not isinstance(part, str):
            raise _invalid(f"'{name}' needs a string")
        return lambda look: function(str(look(path) or "").lower(), part.lower())

    def _any(self, path: str) -> Test:
        """coll/any(t: t eq 'x')"""
        self.properties.append(path)
        variable = self._next()
        if not variable.endswith(":"):
            self._expect(":")
        if self._next() != variable.rstrip(":"):
            raise not_implemented("this form of any() in $filter")
        self._expect("eq")
        wanted = _literal(self._next())
        self._expect(")")
        return lambda look: wanted in (look(path) or ())


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    text = text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _invalid(f"syntax error at position {at}")
        tokens.append(match["text"] or match["punct"] or match["word"])
        at = match.end()
    return tokens


def _literal(token: str) -> Any:
    if token.startswith("'"):
        return token[1:-1].replace("''", "'")
    if token.lower() in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[token.lower()]
    if _DATE.match(token):
        return moment(token)
    try:
        return int(token)
    except ValueError as error:
        raise _invalid(f"'{token}' is no literal") from error


def moment(text: str) -> datetime:
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        raise _invalid(f"'{text}' is no date") from error
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _comparable(value: Any, wanted: Any) -> Any:
    """The property as something of the literal's type."""
    if isinstance(wanted, datetime):
        return moment(value) if isinstance(value, str) else None
    if value is not None and wanted is not None and type(value) is not type(wanted):
        raise _invalid(f"a value of type {type(wanted).__name__} can not be compared with this property")
    return value


def _invalid(problem: str) -> GraphRefused:
    return GraphRefused(errors.QUERY_INVALID, problem=problem)


# The other options


def number(query: Mapping[str, str], name: str, default: int, *, least: int, most: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not text.isdecimal() or not least <= int(text) <= most:
        raise _invalid(f"the value of '{name}' must be a number from {least} to {most}")
    return int(text)


def selected(query: Mapping[str, str]) -> list[str] | None:
    """The names of $select, or None when it is absent."""
    text = query.get("$select")
    return None if not text else [name.strip() for name in text.split(",") if name.strip()]


def ordering(query: Mapping[str, str]) -> list[tuple[str, bool]]:
    """The properties of $orderby, and whether each goes down."""
    order = []
    for part in query.get("$orderby", "").split(","):
        words = part.split()
        if not words:
            continue
        if len(words) > 2 or (len(words) == 2 and words[1].lower() not in ("asc", "desc")):
            raise _invalid(f"syntax error in $orderby: '{part}'")
        order.append((words[0], len(words) == 2 and words[1].lower() == "desc"))
    return order


def only(query: Mapping[str, str], *known: str) -> None:
    """Refuse options that nothing here looks at."""
    for name in query:
        if name.startswith("$") and name not in known:
            raise not_implemented(f"the query option {name} here")
