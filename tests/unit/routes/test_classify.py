"""What replies mean, by stage and by kind of upstream."""

from __future__ import annotations

import pytest

from mailferry.mail.outcome import Deferred, Delivered, Failed
from mailferry.routes.classify import Classifier, Stage
from mailferry.smtp.replies import Reply, reply

EXCHANGE = Classifier(exchange=True)
SMARTHOST = Classifier(exchange=False)
BEFORE = [Stage.CONNECT, Stage.GREETING, Stage.EHLO, Stage.STARTTLS, Stage.AUTH]
WITHIN = [Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.END]


def fault(of: Classifier, stage: Stage, answer: Reply) -> str:
    outcome = of.outcome(stage, answer)
    assert isinstance(outcome, Deferred), outcome
    return outcome.lane_fault


@pytest.mark.parametrize("of", [EXCHANGE, SMARTHOST])
@pytest.mark.parametrize("stage", BEFORE)
@pytest.mark.parametrize("code", [250, 334, 421, 454, 500, 535, 550, 554])
def test_nothing_before_a_transaction_is_the_messages_fault(of: Classifier, stage: Stage, code: int):
    assert fault(of, stage, reply(code, "", "whatever")) in {"connection", "tls", "login", "throttle"}


def test_faults_before_a_transaction_have_their_names():
    answer = reply(554, "5.7.1", "no")
    names = [fault(SMARTHOST, stage, answer) for stage in BEFORE]
    assert names == ["connection", "connection", "connection", "tls", "login"]


def test_only_the_answer_to_the_whole_message_delivers():
    answer = reply(250, "2.0.0", "queued")
    assert EXCHANGE.outcome(Stage.END, answer) == Delivered(answer)
    for stage in (Stage.MAIL, Stage.RCPT, Stage.DATA):
        assert EXCHANGE.outcome(stage, answer) == Deferred(answer)


@pytest.mark.parametrize("stage", WITHIN)
@pytest.mark.parametrize("code", [530, 534, 535, 538])
def test_login_codes_are_ours_wherever_they_come(stage: Stage, code: int):
    assert fault(SMARTHOST, stage, reply(code, "", "words nobody knows")) == "login"


@pytest.mark.parametrize("stage", WITHIN)
@pytest.mark.parametrize("of", [EXCHANGE, SMARTHOST])
def test_unknown_4yz_and_3yz_are_the_messages_own(of: Classifier, stage: Stage):
    assert fault(of, stage, reply(450, "", "words nobody knows")) == ""
    assert fault(of, stage, reply(399, "", "words nobody knows")) == ""


def test_421_blames_the_lane_only_at_mail():
    faults = [fault(SMARTHOST, stage, reply(421, "", "words nobody knows")) for stage in WITHIN]
    assert faults == ["connection", "", "", ""]


@pytest.mark.parametrize("stage", WITHIN)
@pytest.mark.parametrize("code", [502, 503])
def test_a_disagreement_about_the_dialogue_does_not_fail_the_message(stage: Stage, code: int):
    assert fault(SMARTHOST, stage, reply(code, "5.5.1", "Bad sequence of commands")) == ""


def test_a_smarthosts_5yz_fails_what_it_was_said_to():
    answer = reply(550, "5.1.1", "No such user here")
    for stage in WITHIN:
        assert SMARTHOST.outcome(stage, answer) == Failed(answer)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (reply(550, "5.7.1", "words nobody knows"), "service"),
        (reply(554, "", "words nobody knows"), "service"),
        (reply(501, "5.7.1", "words nobody knows"), "service"),
        (reply(501, "5.1.7", "Invalid address"), Failed),
        (reply(552, "5.3.4", "Message size exceeds fixed maximum message size"), Failed),
        (reply(555, "5.5.4", "Unsupported option"), Failed),
    ],
)
def test_exchange_refuses_mail_for_the_mailboxs_sake_unless_it_names_the_message(answer: Reply, outcome: object):
    if outcome is Failed:
        assert EXCHANGE.outcome(Stage.MAIL, answer) == Failed(answer)
    else:
        assert fault(EXCHANGE, Stage.MAIL, answer) == outcome


@pytest.mark.parametrize("of", [EXCHANGE, SMARTHOST])
@pytest.mark.parametrize(
    ("stage", "text", "expected"),
    [
        (Stage.MAIL, "550 5.7.30 Basic authentication is not supported for Client Submission.", "service"),
        (Stage.END, "550 5.7.30 Basic authentication is not supported for Client Submission.", "service"),
        (Stage.RCPT, "550 5.7.64 TenantAttribution; Relay Access Denied [H]", "service"),
        (Stage.END, "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException", "throttle"),
        (Stage.END, "432 4.3.2 Concurrent connections limit exceeded.", "throttle"),
        (Stage.END, "550 5.7.60 SMTP; Client does not have permissions to send as this sender", "sender"),
        (
            Stage.MAIL,
            "530 5.7.57 Client not authenticated to send mail. Error: 535 5.7.139 Authentication unsuccessful, "
            "the user credentials were incorrect.",
            "login",
        ),
    ],
)
def test_known_sentences(of: Classifier, stage: Stage, text: str, expected: str):
    code, status, words = text.split(" ", 2)
    assert fault(of, stage, reply(int(code), status, words)) == expected


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT])
@pytest.mark.parametrize(
    "words",
    [
        "550 relay not permitted",  # Exim
        "550 5.7.1 Relaying denied",  # Sendmail
        "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",  # qmail
        "554 5.7.1 <ann@example.net>: Relay access denied",  # Postfix
        "554 5.7.1 <gw.example.com[192.0.2.5]>: Client host rejected: Access denied",
    ],
)
def test_a_relay_that_does_not_take_mail_from_this_gateway_bounces_none(stage: Stage, words: str):
    code, _, text = words.partition(" ")
    assert fault(SMARTHOST, stage, reply(int(code), "", text)) in {"sender", "service"}
