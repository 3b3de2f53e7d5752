"""What an attempt says about its lane."""

from __future__ import annotations

import pytest

from mailferry.delivery.alarm_texts import BUG, NO_ROUTE
from mailferry.delivery.verdict import LOST as LOST_KIND
from mailferry.delivery.verdict import WORKS, judge, words
from mailferry.routes.faults import Fault
from mailferry.smtp.replies import reply
from support.fake_transport import GREYLISTED, LOST, NO_SUCH_USER, OK, fault


def test_an_answer_about_the_message_proves_the_lane() -> None:
    for outcomes in ([OK], [NO_SUCH_USER], [GREYLISTED], [OK, LOST], [NO_SUCH_USER, GREYLISTED]):
        assert judge(outcomes) is WORKS


def test_a_fault_beside_deliveries_is_one() -> None:
    assert judge([OK, fault(Fault.THROTTLE, retry_after=9)]).kind == Fault.THROTTLE
    assert judge([OK, fault(Fault.THROTTLE, retry_after=9)]).hint == 9


def test_only_lost_answers_are_trouble() -> None:
    assert judge([LOST, LOST]).kind == LOST_KIND


@pytest.mark.parametrize("kind", [*Fault, BUG, LOST_KIND, NO_ROUTE, "unheard of"])
def test_every_kind_has_words(kind: str) -> None:
    cause, cure = words(kind, reply(451, "4.0.0", "sorry"))
    assert cause
    assert cure


def test_published_words_are_preferred() -> None:
    said = reply(535, "5.7.139", "Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.")
    cause, cure = words(Fault.LOGIN, said)
    assert "SmtpClientAuthentication is disabled" in cause
    assert cure != words(Fault.LOGIN, None)[1]
