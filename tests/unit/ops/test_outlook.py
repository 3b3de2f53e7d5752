"""How the clients stand: from inventory and plan, from either alone, from neither, and from damaged files."""

from __future__ import annotations

from pathlib import Path

from mailferry.clock import ManualClock
from mailferry.ops.outlook import Breaking, Outlook, look, state_of_files
from mailferry.planner import store
from mailferry.planner.make import make
from mailferry.planner.progress import Snapshot, remember
from mailferry.planner.settings import PlanSettings
from support.accepted import accept
from support.exports import NOW, eac, inventory
from support.plans import PRODUCTS, TODAY

REPORT = eac([("scan@contoso.com", "Basic Authentication", 12), ("erp@contoso.com", "OAuth", 3)])


def imported(state: Path, folder: Path) -> None:
    (folder / "report.csv").write_text(REPORT)
    with inventory(state) as opened:
        opened.import_paths([folder / "report.csv"])


def test_nothing_is_known_where_there_is_nothing(tmp_path: Path) -> None:
    assert look(tmp_path / "state", ManualClock(NOW)) == Outlook()
    assert not (tmp_path / "state").exists()


def test_who_breaks_and_how_far_the_plan_is(tmp_path: Path) -> None:
    state, clock = tmp_path / "state", ManualClock(NOW)
    imported(state, tmp_path)
    before = state_of_files(state)
    found = look(state, clock)
    assert (found.clients, found.breaking, found.plan, found.troubles) == (2, Breaking(1, 1), None, ())
    with inventory(state) as opened:
        plan = make(opened.clients(), PRODUCTS, PlanSettings(), TODAY)
    store.save(plan, state)
    assert state_of_files(state) != before
    found = look(state, clock)
    assert found.plan == plan
    assert found.snapshot == Snapshot(TODAY, 1, 0, 0)
    (state / "inventory.duckdb").unlink()
    remember(Snapshot(TODAY, 1, 1, 0), state)
    found = look(state, clock)
    assert (found.clients, found.breaking) == (2, Breaking(1, 1))  # as the plan remembers them
    assert found.snapshot == Snapshot(TODAY, 1, 1, 0)


def test_who_breaks_follows_an_accepted_change(tmp_path: Path) -> None:
    state, clock = tmp_path / "state", ManualClock(NOW)
    imported(state, tmp_path)
    before = state_of_files(state)
    accept(state)
    assert state_of_files(state) != before
    found = look(state, clock)
    assert (found.breaking, found.troubles) == (Breaking(1, 1), ())
    (state / "bulletin" / "accepted.json").write_text("{")
    found = look(state, clock)
    assert found.breaking == Breaking(1, 1)
    assert "accepted.json is damaged" in found.troubles[0]


def test_what_cannot_be_read_hides_nothing_else(tmp_path: Path) -> None:
    state = tmp_path / "state"
    imported(state, tmp_path)
    (state / store.FILE).write_text("{}")
    found = look(state, ManualClock(NOW))
    assert found.breaking == Breaking(1, 1)
    assert len(found.troubles) == 1
    assert "plan.json holds no plan" in found.troubles[0]
    (state / "inventory.duckdb").write_bytes(b"no database")
    assert len(look(state, ManualClock(NOW)).troubles) == 2
