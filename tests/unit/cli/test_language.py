"""The language of a command, and lines that break where Japanese may break."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mailferry.cli.language import Language, chosen, wrap


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "ja_JP"}, "ja"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_the_environment_decides(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert chosen(None) == expected
    assert chosen(Language.JA) == "ja"


def test_punctuation_stays_with_its_word() -> None:
    assert list(wrap("基本認証は、終了しました。", 10)) == ["基本認証", "は、終了し", "ました。"]
    assert list(wrap("あいう（えお）か", 8)) == ["あいう", "（えお）", "か"]
    assert list(wrap("設定は <名> です", 8)) == ["設定は", "<名> で", "す"]


def test_words_stay_whole_and_long_ones_are_cut() -> None:
    assert list(wrap("send with OAuth", 9)) == ["send with", "OAuth"]
    assert list(wrap("x" * 25, 10)) == ["x" * 10, "x" * 10, "x" * 5]


TEXT = st.text(st.sampled_from("abc <>（）「」、。あいう漢字ー 12.-"), max_size=80)


@given(text=TEXT, width=st.integers(6, 60))
def test_nothing_is_lost_and_nothing_too_wide(text: str, width: int) -> None:
    lines = list(wrap(text, width))
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(cell_len(line) <= width for line in lines)
    assert all(lines)
