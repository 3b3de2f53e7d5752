"""The days in the box: options before the tenant's own before accepted ones, which are never kept with the tenant."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from mailferry.bulletin.changes import Changes
from mailferry.bulletin.facts import Effect
from mailferry.cli.sandbox_dates import days
from mailferry.m365.schedule import BasicAuthPhase
from mailferry.sandbox.decide import phase
from mailferry.sandbox.organisation import contoso
from mailferry.sandbox.settings import Behaviour
from mailferry.sandbox.world import State
from support.accepted import MARCH, REMOVAL, accept

SEEDED = State(tenant=contoso("no certificate"))
NOWHERE = Path("no-configuration.toml")


def test_the_box_follows_what_was_accepted_until_it_is_revoked(tmp_path: Path) -> None:
    ids = [accept(tmp_path), accept(tmp_path, REMOVAL, Effect.REMOVED)]
    state = days(None, None, NOWHERE, tmp_path).put(SEEDED)
    assert (state.behaviour.basic_disabled, state.behaviour.basic_removed) == (MARCH, REMOVAL)
    assert phase(state.tenant, state.behaviour, date(2027, 1, 5)) is BasicAuthPhase.ALLOWED
    assert phase(state.tenant, state.behaviour, REMOVAL) is BasicAuthPhase.REMOVED
    for id in ids:
        Changes(tmp_path).revoke(id)
    assert days(None, None, NOWHERE, tmp_path).put(SEEDED) == SEEDED


def test_the_state_directory_of_the_configuration(tmp_path: Path) -> None:
    accept(tmp_path / "state")
    config = tmp_path / "mailferry.toml"
    config.write_text(f'[gateway]\nhostname = "gateway.example.com"\nstate = "{tmp_path / "state"}"\n')
    assert days(None, None, config, None).put(SEEDED).behaviour.basic_disabled == MARCH


def test_an_option_wins(tmp_path: Path) -> None:
    accept(tmp_path)
    found = days(datetime(2026, 12, 1, tzinfo=UTC), None, NOWHERE, tmp_path)
    state = found.put(SEEDED)
    assert state.behaviour.basic_disabled == date(2026, 12, 1)
    assert found.taken_out(state, SEEDED.behaviour) == state, "an option is kept with the tenant"


def test_a_kept_tenant_has_its_own_day(tmp_path: Path) -> None:
    accept(tmp_path)
    own = State(tenant=SEEDED.tenant, behaviour=Behaviour(basic_disabled=date(2027, 2, 2)))
    found = days(None, None, NOWHERE, tmp_path)
    assert found.put(own) == own
    assert found.taken_out(own, own.behaviour) == own


def test_an_accepted_day_is_not_kept_with_the_tenant(tmp_path: Path) -> None:
    accept(tmp_path)
    found = days(None, None, NOWHERE, tmp_path)
    state = found.put(SEEDED)
    assert found.taken_out(state, SEEDED.behaviour) == SEEDED
    own = state.model_copy(update={"behaviour": Behaviour(basic_disabled=date(2027, 2, 2))})
    assert found.taken_out(own, SEEDED.behaviour) == own, "what was set meanwhile is"
