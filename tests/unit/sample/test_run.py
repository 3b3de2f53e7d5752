"""Writing: the same bytes for the same request, one structure in both languages, nothing overwritten."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import pytest

from mailferry.sample import truth
from mailferry.sample.run import NotEmptyError, Request, write

FEW = Request(50, 11, variants=False, until=date(2026, 11, 18))  # no closing day among the ten of the trace


def digests(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    first = write(tmp_path / "a", FEW, lambda done, total: steps.append((done, total)))
    second = write(tmp_path / "b", FEW)
    assert first == second
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert steps == [(done, 90) for done in range(1, 91)]
    assert first.files == len(digests(tmp_path / "a"))


def test_another_seed_gives_others(tmp_path: Path) -> None:
    write(tmp_path / "a", FEW)
    write(tmp_path / "b", Request(50, 12, variants=False, until=FEW.until))
    assert digests(tmp_path / "a")["exports/owners.csv"] != digests(tmp_path / "b")["exports/owners.csv"]


def test_the_language_changes_words_and_nothing_else(tmp_path: Path) -> None:
    for language in ("en", "ja"):
        write(tmp_path / language, Request(50, 11, language, FEW.until, variants=False))
    english, japanese = (truth.read(tmp_path / language / "truth.json") for language in ("en", "ja"))
    words = ("name", "site", "owner")
    for one, other in zip(english["clients"], japanese["clients"], strict=True):
        assert {key: value for key, value in one.items() if key not in words} == {
            key: value for key, value in other.items() if key not in words
        }
    assert english["clients"][0]["site"].isascii()
    assert not japanese["clients"][0]["site"].isascii()


def test_a_directory_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(NotEmptyError):
        write(tmp_path, FEW)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
