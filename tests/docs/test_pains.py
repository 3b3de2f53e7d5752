"""docs/concepts/pains.md: all forty pains are there, and each names tests of its number that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "concepts" / "pains.md"
_TEST = re.compile(r"\btest_pain_\d\d\w*")
_ROW = re.compile(r"^\| (\d\d) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def written() -> set[str]:
    """The tests that there are."""
    defined = re.compile(r"^(?:async )?def (test_pain_\d\d\w*)\(", re.MULTILINE)
    files = (ROOT / "tests").rglob("test_*.py")
    return {name for file in files for name in defined.findall(file.read_text(encoding="utf-8"))}


def rows() -> list[tuple[str, str]]:
    return [(number, tests) for number, _, _, tests in _ROW.findall(PAGE.read_text(encoding="utf-8"))]


def test_all_forty_are_listed_in_order() -> None:
    assert [number for number, _ in rows()] == [f"{number:02}" for number in range(1, 41)]


def test_each_has_a_test_of_its_number() -> None:
    for number, tests in rows():
        assert re.search(rf"\btest_pain_(\d\d_and_)?{number}_", tests), f"pain {number} names no test of its own"


def test_each_test_exists_and_none_is_left_out() -> None:
    named = {name for _, tests in rows() for name in _TEST.findall(tests)}
    assert named - written() == set(), "they are named and are not there"
    assert written() - named == set(), "they are there and not named"
