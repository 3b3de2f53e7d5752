"""The table of states: complete, the same for both roles, and what no reply may do."""

from __future__ import annotations

import pytest

from mailferry.smtp.state import MOVES, TABLE, Act, Machine, State


def test_the_fast_form_says_what_the_table_says() -> None:
    assert set(TABLE) == set(State)
    for state in State:
        for act in Act:
            row = MOVES[state][act]
            if act in (Act.REFUSED, Act.FATAL):
                assert row == ((state if act is Act.REFUSED else State.CLOSED),) * 6
                continue
            assert (row is None) is (act not in TABLE[state])
            if row is not None:
                assert row == tuple(TABLE[state][act].get(digit, state) for digit in range(6))


def test_only_a_positive_reply_opens_anything() -> None:
    opening = {State.MAIL, State.RCPT, State.CHUNKS, State.BODY, State.AUTH, State.TLS}
    for state, acts in TABLE.items():
        for moves in acts.values():
            for digit, target in moves.items():
                assert digit in (2, 3) or target not in opening - {state}


def test_every_state_can_be_left_and_reached() -> None:
    reached = {target for acts in TABLE.values() for moves in acts.values() for target in moves.values()}
    assert reached == set(State) - {State.CONNECTED}


@pytest.mark.parametrize("state", State)
def test_421_closes_from_anywhere(state: State) -> None:
    machine = Machine()
    machine.state = state
    machine.move(Act.NOOP, 421)
    assert machine.closed


def test_what_succeeds_once() -> None:
    machine = Machine()
    assert not machine.spent(Act.AUTH)
    machine.authenticated()
    assert machine.spent(Act.AUTH)
    assert not machine.spent(Act.STARTTLS)
    machine.restart_in_tls()
    assert machine.spent(Act.STARTTLS)
    assert not machine.spent(Act.AUTH)
