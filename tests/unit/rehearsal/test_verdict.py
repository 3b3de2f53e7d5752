"""What two ways come to, and what a refusal means."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailferry.planner.values import Way
from mailferry.rehearsal.values import Door, Leg, Stage, Verdict
from mailferry.rehearsal.verdict import judge, meaning_of

GOOD = Leg(Door.SUBMISSION, True, Stage.DATA, "250 2.0.0 OK", 1, 2, 2)
REFUSED = Leg(Door.SUBMISSION, False, Stage.MAIL, "550 5.7.30 Basic authentication is not supported.")


@pytest.mark.parametrize(
    ("way", "today", "planned", "verdict"),
    [
        (Way.GATEWAY_SMTP, REFUSED, GOOD, Verdict.PLAN_WORKS),
        (Way.GATEWAY_SMTP, GOOD, REFUSED, Verdict.PLAN_FAILS),
        (Way.GATEWAY_SMTP, REFUSED, replace(GOOD, copies=1), Verdict.PLAN_FAILS),
        (Way.GATEWAY_SMTP, REFUSED, replace(GOOD, intact=False), Verdict.PLAN_FAILS),
        (Way.GATEWAY_SMTP, None, None, Verdict.NOT_PLAYED),
        (Way.GATEWAY_SMTP, GOOD, None, Verdict.NOT_PLAYED),
        (Way.NOTHING, GOOD, None, Verdict.WORKS),
        (Way.NOTHING, REFUSED, None, Verdict.BREAKS),
        (Way.NOTHING, None, None, Verdict.NOT_PLAYED),
        (Way.ASK, REFUSED, None, Verdict.DECISION),
        (Way.ASK, None, None, Verdict.DECISION),
        (Way.RETIRE, GOOD, None, Verdict.RETIRES),
    ],
)
def test_verdict(way: Way, today: Leg | None, planned: Leg | None, verdict: Verdict) -> None:
    assert judge(way, today, planned) is verdict


@pytest.mark.parametrize(
    ("leg", "said"),
    [
        (REFUSED, "retired"),
        (replace(REFUSED, stage=Stage.STARTTLS, reply="TLSV1_ALERT_PROTOCOL_VERSION"), "handshake"),
        (replace(REFUSED, door=Door.GATEWAY, reply="550 5.7.1 This client may not send"), "gateway itself"),
        (replace(GOOD, copies=1), "not every recipient"),
        (replace(REFUSED, stage=Stage.TOKEN, reply="AADSTS7000215: Invalid client secret"), "secret"),
    ],
)
def test_meaning(leg: Leg, said: str) -> None:
    assert said in meaning_of(leg).cause.en
    assert meaning_of(leg).cause.ja


def test_what_nobody_knows_has_no_meaning() -> None:
    assert not meaning_of(replace(REFUSED, reply="connection closed by the server")).cause.en
