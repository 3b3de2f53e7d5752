"""The rehearsal on disk: exactly what was saved, or an error that says what to do."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from mailferry.m365.facts import Text
from mailferry.planner.values import Way
from mailferry.rehearsal.store import FILE, NoRehearsalError, StoreError, digest, dump, load, parse, save
from mailferry.rehearsal.values import Account, Day, Door, Leg, Rehearsal, Row, Stage, Verdict

LEG = Leg(Door.SUBMISSION, False, Stage.MAIL, '550 5.7.30 "no"')
ROW = Row("c1", "a@x.example", "", Way.GATEWAY_SMTP, Verdict.PLAN_WORKS, LEG, None, cure=Text("Do.", "する。"))
DAY = Day(date(2027, 1, 1), (ROW,), Account(1, 1), 60)
FOUND = Rehearsal(datetime(2026, 11, 24, 9, tzinfo=UTC), "abc", (DAY,), (Text("Assumed.", "仮定。"),))


def test_round_trip(tmp_path: Path) -> None:
    save(FOUND, tmp_path / "new")
    assert load(tmp_path / "new") == FOUND


def test_nothing_yet(tmp_path: Path) -> None:
    with pytest.raises(NoRehearsalError, match="mailferry rehearse"):
        load(tmp_path)
    assert digest(tmp_path) == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: b"{", "no JSON"),
        (lambda text: b"[]", "holds no rehearsal"),
        (lambda text: text.replace(b'"version":1', b'"version":2'), "version 2"),
        (lambda text: text.replace(b'"mail"', b'"male"'), "damaged at rehearsal.days.0.rows.0.today.stage"),
        (lambda text: json.dumps(json.loads(text)).encode(), "changed by something else"),
        (lambda text: text.replace(b'"plan":', b'"plans":'), "damaged"),
    ],
)
def test_what_is_refused(change: object, said: str) -> None:
    with pytest.raises(StoreError, match=said) as caught:
        parse(change(dump(FOUND)), FILE)  # type: ignore[operator]
    assert "mailferry rehearse" in str(caught.value)


def test_what_holds() -> None:
    assert FOUND.holds
    assert DAY.broken == 1
    assert DAY.delivering == 1
    fails = replace(DAY, rows=(replace(ROW, verdict=Verdict.PLAN_FAILS),))
    lost = replace(DAY, account=Account(2, 1))
    assert not replace(FOUND, days=(DAY, fails)).holds
    assert not replace(FOUND, days=(lost, DAY)).holds
    assert not (Account(1, 1, duplicates=1).holds or Account(1, 1, strangers=1).holds)
    assert (Account(3, 1, 1, 1) + Account(1, 1)).holds
