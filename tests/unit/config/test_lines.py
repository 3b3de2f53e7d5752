"""The locator against tomllib: a fixed document with every notation, and generated ones."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.config.lines import Path, dotted, key_lines

DOCUMENT = '''\
# a comment with [brackets] and "quotes"
include = ["a.toml",
           'b.toml', # one more
]
[gateway]
hostname = "mail.example.test" # [[not.a.table]]
text = """
[fake]
key = 1 \\""" still text"""
"quoted.key" = 1
'literal key' = { deep = { deeper = [1, {x = 2}] }, other = "}" }
a.b.c = 1
a."b".d = 2

[[client]]
name = "one"
networks = [ [1, 2], [ 3 ] ]
  [client.limits]
  rate = "1"
  [[client.part]]
  n = 1
  [[client.part]]
  n = 2
[[client]]
name = 'two'
[client.limits]
raw = \'\'\'
[x]
\'\'\'
[ outer . "in.ner" ]
empty = """"two quotes"""""
"\\u0041\\t" = 1979-05-27T07:32:00Z
'''


def paths(value: Any, at: Path = ()) -> Iterator[Path]:
    """Every key and element of a tomllib result."""
    items: Iterator[tuple[str | int, Any]]
    if isinstance(value, dict):
        items = iter(value.items())
    elif isinstance(value, list):
        items = iter(enumerate(value))
    else:
        return
    for step, inner in items:
        yield (*at, step)
        yield from paths(inner, (*at, step))


def test_every_path_has_a_line() -> None:
    assert set(key_lines(DOCUMENT)) == set(paths(tomllib.loads(DOCUMENT)))


@pytest.mark.parametrize(
    ("path", "start"),
    [
        (("include",), "include ="),
        (("include", 1), "           'b.toml'"),
        (("gateway", "hostname"), "hostname"),
        (("gateway", "quoted.key"), '"quoted.key"'),
        (("gateway", "literal key", "deep", "deeper", 1, "x"), "'literal key'"),
        (("gateway", "a", "b", "d"), 'a."b".d'),
        (("client", 0), "[[client]]"),
        (("client", 0, "part", 1, "n"), "  n = 2"),
        (("client", 1, "name"), "name = 'two'"),
        (("client", 1, "limits", "raw"), "raw"),
        (("outer", "in.ner", "empty"), "empty"),
        (("outer", "in.ner", "A\t"), '"\\u0041'),
    ],
)
def test_line(path: Path, start: str) -> None:
    line = key_lines(DOCUMENT)[path]
    assert DOCUMENT.splitlines()[line - 1].startswith(start)


def test_lines_count_the_same_with_crlf() -> None:
    assert key_lines(DOCUMENT.replace("\n", "\r\n")) == key_lines(DOCUMENT)


def test_dotted() -> None:
    assert dotted(("client", 1, "networks", 0)) == "client[2].networks[1]"
    assert dotted(("outer", "in.ner")) == 'outer."in.ner"'


# -- generated documents ----------------------------------------------------------------------------------------------

NAMES = st.text(st.sampled_from("ab-_1 .\"\\é[]#='\t"), max_size=4)
TEXTS = st.text(st.sampled_from("ab \n\"'\\[]{}#=,é"), max_size=8)


def quoted(text: str) -> str:
    """A basic string of TOML."""
    escaped = "".join("\\" + c if c in '"\\' else {"\n": "\\n", "\t": "\\t"}.get(c, c) for c in text)
    return f'"{escaped}"'


@st.composite
def strings(draw: st.DrawFn) -> str:
    text = draw(TEXTS)
    form = draw(st.integers(0, 3))
    if form == 1 and "'" not in text and "\n" not in text:
        return f"'{text}'"
    if form == 2:
        return '"""\n' + text.replace("\\", "\\\\").replace('"""', '""\\"').removesuffix('"') + '"""'
    if form == 3 and "'''" not in text and not text.endswith("'"):
        return f"'''{text}'''"
    return quoted(text)


SCALARS = st.one_of(
    strings(), st.integers().map(str), st.sampled_from(["true", "1.5e3", "inf", "1979-05-27", "07:32:00"])
)
GAPS = st.sampled_from(["", " ", "\n", "\n  # ] } , \" ' comment\n", " # [x]\n"])


@st.composite
def arrays(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    parts = [draw(GAPS) + item + draw(GAPS) for item in draw(st.lists(inner, max_size=3))]
    return "[" + ",".join(parts) + (draw(GAPS) if not parts else "") + "]"


@st.composite
def tables(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    pairs = draw(st.dictionaries(NAMES, inner, max_size=3))
    return "{ " + ", ".join(f"{quoted(name)} = {value}" for name, value in pairs.items()) + " }"


VALUES = st.recursive(SCALARS, lambda inner: st.one_of(arrays(inner), tables(inner)), max_leaves=8)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[Path, int]]:
    """A document with tables, arrays of tables and comments, and the line of each of their keys as it was written."""
    text, where = "", {}

    def add(line: str) -> int:
        nonlocal text
        number = text.count("\n") + 1
        text += line + "\n"
        return number

    def pairs(at: Path) -> None:
        for name, value in draw(st.dictionaries(NAMES, VALUES, max_size=3)).items():
            add(draw(st.sampled_from(["", "# [no] = 'comment'", "  "])))
            where[(*at, name)] = add(f"{quoted(name)} = {value}{draw(st.sampled_from(['', ' # [x]']))}")

    pairs(())
    for name in draw(st.lists(NAMES.map(lambda n: "T" + n), unique=True, max_size=3)):
        if draw(st.booleans()):
            where[(name,)] = add(f"[{quoted(name)}]")
            pairs((name,))
            continue
        for index in range(draw(st.integers(1, 3))):
            where[(name, index)] = add(f"[[ {quoted(name)} ]]")
            pairs((name, index))
            if draw(st.booleans()):
                where[(name, index, "Sub")] = add(f"[{quoted(name)}.Sub]")
                pairs((name, index, "Sub"))
    return text, where


@given(documents())
def test_generated(document: tuple[str, dict[Path, int]]) -> None:
    text, where = document
    found = key_lines(text)
    assert set(found) == set(paths(tomllib.loads(text)))
    assert where.items() <= found.items()
