"""Faults: each action at its point, counted, matched, and the same again with the same seed."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from mailferry.sandbox.exchange_talk import Then
from mailferry.sandbox.faults import Action, Fault, Faults, Point
from support.sandbox_lab import Lab

SCANNER, IT = "scanner@contoso.example", "it@contoso.example"


def arm(lab: Lab, at: str, action: str, **more: object) -> str:
    return lab.world.faults.add(Fault.model_validate({"surface": "smtp", "at": at, "action": action, **more}))


def test_banner(lab: Lab) -> None:
    arm(lab, "connect", "reply", reply="421 4.3.2 Service not active")
    wire = lab.connect()
    assert wire.greeting == "421 4.3.2 Service not active\r\n"
    assert wire.session.then is Then.CLOSE


def test_connection_refused(lab: Lab) -> None:
    arm(lab, "connect", "drop")
    wire = lab.connect()
    assert (wire.greeting, wire.session.then) == ("", Then.ABORT)


@pytest.mark.parametrize("at", ["ehlo", "mail", "rcpt", "data"])
def test_reply_in_place_of_a_commands_own(lab: Lab, at: str) -> None:
    wire = lab.logged_in()
    arm(lab, at, "reply", reply="451 4.7.0 Temporary server error. Please try again later. PRX4", count=1)
    if at == "ehlo":
        assert wire.say("EHLO x").startswith("451 4.7.0")
    else:
        assert wire.send(SCANNER, IT).startswith("451 4.7.0")
    wire.say("RSET")
    assert wire.send(SCANNER, IT).startswith("250")


def test_expired_token(lab: Lab) -> None:
    arm(lab, "auth", "reply", reply="535 5.7.143 Expired token", match={"mechanism": "XOAUTH2", "user": "scanner@*"})
    token = lab.token()
    assert lab.connect().secure().xoauth2(SCANNER, token) == "535 5.7.143 Expired token"
    assert lab.connect().secure().xoauth2("ups@contoso.example", token).startswith("235")
    lab.logged_in()


def test_refused_after_the_data(lab: Lab) -> None:
    arm(lab, "end", "reply", reply="451 4.3.0 try later", count=1)
    wire = lab.logged_in()
    assert wire.send(SCANNER, IT) == "451 4.3.0 try later"
    assert lab.world.store.accepted == 0
    assert wire.send(SCANNER, IT).startswith("250")
    assert len(lab.world.store.find(box=IT)) == 1


@pytest.mark.parametrize(("action", "kept"), [("drop", 0), ("take-and-drop", 1)])
def test_dropped_after_the_dot(lab: Lab, action: str, kept: int) -> None:
    arm(lab, "end", action, count=1)
    wire = lab.logged_in()
    assert wire.send(SCANNER, IT) == ""
    assert wire.session.then is Then.ABORT
    assert len(lab.world.store.find(box=IT)) == kept


def test_delay_holds_the_answer_and_what_follows(lab: Lab) -> None:
    arm(lab, "mail", "delay", delay=3, count=1)
    wire = lab.logged_in()
    assert wire.raw(f"MAIL FROM:<{SCANNER}>\r\nRCPT TO:<{IT}>\r\n".encode()) == []
    assert (wire.session.then, wire.session.pause.seconds, wire.session.pause.machine) == (Then.PAUSE, 3, True)
    assert [a[:3] for a in wire.session.resume().decode().splitlines()] == ["250", "250"]


def test_matcher_and_skip(lab: Lab) -> None:
    arm(lab, "rcpt", "reply", reply="550 5.1.1 no", match={"recipient": "*@fabrikam.example"}, skip=1, count=1)
    wire = lab.logged_in()
    wire.say(f"MAIL FROM:<{SCANNER}>")
    given = [
        wire.say(f"RCPT TO:<{r}>")[:3] for r in (IT, "a@Fabrikam.example", "b@fabrikam.example", "c@fabrikam.example")
    ]
    assert given == ["250", "250", "550", "250"]


def test_other_surface_is_left_alone(lab: Lab) -> None:
    arm(lab, "connect", "drop")
    assert lab.connect("smtp-legacy").greeting.startswith("220")


def test_same_seed_same_strikes() -> None:
    def strikes(seed: int) -> list[bool]:
        faults = Faults()
        faults.add(Fault(surface="smtp", at=Point.MAIL, action=Action.DROP, probability=0.3, seed=seed))
        return [faults.strike("smtp", Point.MAIL, {}) is not None for _ in range(200)]

    assert strikes(7) == strikes(7)
    assert strikes(7) != strikes(8)
    assert 30 <= sum(strikes(7)) <= 90


def test_removed_and_counted(lab: Lab) -> None:
    id = arm(lab, "mail", "reply", reply="450 4.0.0 no", skip=1)
    wire = lab.logged_in()
    wire.send(SCANNER, IT)
    wire.send(SCANNER, IT)
    ((_, matched, struck),) = lab.world.faults.status().values()
    assert (matched, struck) == (2, 1)
    assert lab.world.faults.remove(id)
    assert not lab.world.faults.remove(id)
    assert wire.send(SCANNER, IT).startswith("250")


@pytest.mark.parametrize(
    "nonsense",
    [
        {"at": "request", "action": "drop"},
        {"at": "mail", "action": "take-and-drop"},
        {"at": "mail", "action": "reply", "reply": "no"},
        {"at": "mail", "action": "reply", "reply": "450 a\r\n250 b"},
        {"at": "mail", "action": "drop", "surprise": 1},
        {"surface": "token", "at": "mail", "action": "drop"},
    ],
)
def test_nonsense_is_refused(nonsense: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Fault.model_validate({"surface": "smtp", **nonsense})
