"""The plan on disk: read back as it was, or refused with a reason."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import PydanticSerializationError

from mailferry.planner.make import make
from mailferry.planner.settings import PlanSettings
from mailferry.planner.store import FILE, NoPlanError, StoreError, load, parse, save
from mailferry.planner.values import Plan
from support.plans import PRODUCTS, TODAY, client, volume


@pytest.fixture
def plan() -> Plan:
    clients = [client(f"c{number}", volume=volume(peak_minute=number * 20)) for number in range(12)]
    return make(clients, PRODUCTS, PlanSettings(licences=5, country="JP"), TODAY)


def test_as_it_was(plan: Plan, tmp_path: Path) -> None:
    file = save(plan, tmp_path / "new")
    assert load(tmp_path / "new") == plan
    assert [path.name for path in file.parent.iterdir()] == [FILE]


def test_no_plan_yet(tmp_path: Path) -> None:
    with pytest.raises(NoPlanError, match="mailferry plan make"):
        load(tmp_path)


def test_a_place_that_is_none(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        save(plan, tmp_path / "file")
    (tmp_path / FILE).mkdir()
    with pytest.raises(StoreError, match="cannot be read"):
        load(tmp_path)


def changed(plan: Plan, tmp_path: Path, **changes: Any) -> bytes:
    document = json.loads(save(plan, tmp_path).read_bytes())
    return json.dumps(document | changes, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"version": 2}, "is of version 2, this program reads 1"),
        ({"version": "1"}, "changed by something else"),
        ({"format": "another"}, "holds no plan"),
        ({"unheard_of": 1}, "changed by something else"),
        ({"texts": [{"en": 1, "ja": "x"}]}, r"damaged at texts\.0\.en"),
        ({"texts": []}, "refers to a text that is missing"),
    ],
)
def test_what_is_refused(plan: Plan, tmp_path: Path, changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(StoreError, match=complaint):
        parse(changed(plan, tmp_path, **changes))


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b'{"format":"mailferry-inventory"}', b"\xff\xfe"])
def test_what_is_no_plan(text: bytes) -> None:
    with pytest.raises(StoreError, match=r"damaged|holds no plan"):
        parse(text)


def test_half_a_file(plan: Plan, tmp_path: Path) -> None:
    text = save(plan, tmp_path).read_bytes()
    with pytest.raises(StoreError, match="damaged"):
        parse(text[: len(text) // 2])


def test_nothing_is_saved_that_could_not_be_loaded(plan: Plan, tmp_path: Path) -> None:
    wrong: Any = client(senders="kim@example.com")
    strange = replace(plan, items=(replace(plan.items[0], client=wrong),))
    with pytest.raises(PydanticSerializationError):
        save(strange, tmp_path)
    assert not list(tmp_path.iterdir())
