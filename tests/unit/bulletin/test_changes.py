"""Proposed and accepted changes: kept whole, accepted by a person, taken back, never twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from mailferry.bulletin.changes import Change, Changes, ChangesError
from mailferry.bulletin.facts import Audience, Bound, Effect, Precision

TODAY = date(2026, 11, 24)


def change(id: str = "a", first: date = date(2027, 3, 31), effect: Effect = Effect.DISABLED_BY_DEFAULT) -> Change:
    return Change(
        id,
        effect,
        Audience.EXISTING,
        first,
        first,
        Precision.DAY,
        Bound.IN,
        wording="31 March 2027",
        sentence="It ends then.",
        schedule="from the end of December 2026",
        title="News",
        publisher="Example",
        address="https://example.com",
        published=None,
        read=TODAY,
    )


def test_a_change_is_in_force_only_when_accepted(tmp_path: Path) -> None:
    changes = Changes(tmp_path)
    assert changes.propose([change()]) == (change(),)
    assert changes.accepted() == ()
    accepted = changes.accept("a", "tanaka", TODAY)
    assert accepted is not None
    assert Changes(tmp_path).accepted() == (accepted,)
    assert (accepted.accepted_by, accepted.accepted) == ("tanaka", TODAY)
    assert Changes(tmp_path).proposed() == ()


def test_what_is_known_is_not_proposed_again(tmp_path: Path) -> None:
    changes = Changes(tmp_path)
    changes.propose([change()])
    assert changes.propose([change(), change("b")]) == (change("b"),)
    changes.accept("a", "tanaka", TODAY)
    assert changes.propose([change()]) == ()


def test_a_later_date_for_the_same_thing_replaces_the_one_before(tmp_path: Path) -> None:
    changes = Changes(tmp_path)
    changes.propose([change("a"), change("b", date(2027, 6, 30)), change("c", effect=Effect.REMOVED)])
    for id in "abc":
        changes.accept(id, "tanaka", TODAY)
    assert [each.id for each in changes.accepted()] == ["b", "c"]


def test_dropping(tmp_path: Path) -> None:
    changes = Changes(tmp_path)
    changes.propose([change("a"), change("b", effect=Effect.REMOVED)])
    changes.accept("a", "tanaka", TODAY)
    assert changes.withdraw("b") is not None
    assert changes.revoke("a") is not None
    assert (changes.proposed(), changes.accepted()) == ((), ())
    assert changes.accept("a", "tanaka", TODAY) is None
    assert changes.withdraw("nothing") is None


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "bulletin").mkdir()
    (tmp_path / "bulletin" / "accepted.json").write_text('{"changes": [{"id": 1}]}', encoding="utf-8")
    with pytest.raises(ChangesError, match=r"accepted\.json is damaged"):
        Changes(tmp_path).accepted()


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: Changes(tmp_path).propose([change(f"c{number}")]), range(24)))
    assert {each.id for each in Changes(tmp_path).proposed()} == {f"c{number}" for number in range(24)}
