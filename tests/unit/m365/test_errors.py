"""Each refusal is told by its sentence; nothing of ours upstream ever looks like a fault of the message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.m365.errors import (
    Disposition,
    ErrorFact,
    Reversible,
    Stage,
    explain,
    match,
    reply_code,
    smtp_errors,
    token_error,
    token_errors,
)

HOLDING = {Disposition.LANE_FAULT, Disposition.THROTTLE}
SUFFIXES = ["", " [SN4PR0501CA0054.namprd05.prod.outlook.com]", " [HOST 2025-06-22T05:58:01.072Z 08DDB07650EC6878]"]


def known(fact_id: str) -> ErrorFact:
    return next(fact for fact in smtp_errors() if fact.id == fact_id)


@pytest.mark.parametrize("fact", smtp_errors(), ids=lambda fact: fact.id)
@pytest.mark.parametrize("suffix", SUFFIXES, ids=["bare", "old-host", "new-host"])
def test_each_example_is_told_by_its_own_entry(fact: ErrorFact, suffix: str) -> None:
    code = int(fact.example[:3])
    assert code in fact.codes
    assert match(code, fact.example + suffix) is fact
    assert match(code, fact.example[4:] + suffix, fact.stage) is fact


@pytest.mark.parametrize("fact", token_errors(), ids=lambda fact: fact.id)
def test_each_token_example_is_told_by_its_number(fact: ErrorFact) -> None:
    assert token_error(fact.example) is fact
    assert fact.pattern.search(fact.example)
    assert explain(fact.example) == [fact]


def test_ids_and_token_numbers_are_unique() -> None:
    everything = [*smtp_errors(), *token_errors()]
    assert len({fact.id for fact in everything}) == len(everything)
    numbers = [code for fact in token_errors() for code in fact.codes]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("fact", [*smtp_errors(), *token_errors()], ids=lambda fact: fact.id)
def test_every_fact_speaks_both_languages_and_has_a_source(fact: ErrorFact) -> None:
    for text in (fact.cause, fact.cure):
        assert text.en.isascii()
        assert text.en.strip()
        assert any("\u3040" <= letter <= "\u30ff" for letter in text.ja), text.ja
    assert fact.source.title
    for label in (fact.who, fact.disposition, fact.reversible, fact.mark):
        assert label.label("en") != ""
        assert label.label("ja") != ""


AUTH_139 = [
    ("SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/x", "smtp-auth-disabled-tenant"),
    ("SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/x", "smtp-auth-disabled-mailbox"),
    ("basic authentication is disabled.", "basic-disabled"),
    ("the user credentials were incorrect.", "wrong-password"),
    ("the request did not meet the criteria to be authenticated successfully.", "conditional-access"),
    ("user is locked by your organization's security defaults policy.", "security-defaults"),
    ("account locked.", "account-locked"),
    ("the organization configuration does not allow this authentication request.", "organization-configuration"),
    ("the moon is in the wrong house.", "auth-refused"),
]


@pytest.mark.parametrize(("sentence", "expected"), AUTH_139)
def test_one_status_nine_meanings(sentence: str, expected: str) -> None:
    text = f"5.7.139 Authentication unsuccessful, {sentence}"
    fact = match(535, text, "auth")
    assert fact is not None
    assert fact.id == expected
    composite = match(530, f"5.7.57 Client not authenticated to send mail. Error: 535 {text}", "mail")
    assert composite is not None
    assert composite.id == expected


def test_a_multi_line_reply_is_read_as_one_sentence() -> None:
    text = "535-5.7.139 Authentication unsuccessful, SmtpClientAuthentication is\r\n535 disabled for the Tenant."
    fact = match(535, text)
    assert fact is not None
    assert fact.id == "smtp-auth-disabled-tenant"


def test_the_retirement_is_an_alarm_and_can_be_undone_only_until_the_removal() -> None:
    fact = match(550, "5.7.30 Basic authentication is not supported for Client Submission.", "mail")
    assert fact is not None
    assert fact.disposition is Disposition.LANE_FAULT
    assert fact.reversible is Reversible.UNTIL_REMOVAL


@pytest.mark.parametrize(
    "fact_id",
    [
        "submission-quota",
        "concurrent-connections",
        "sender-throttled-mailbox-full",
        "sender-throttled-send-as",
        "sender-throttled-invalid-recipients",
        "tenant-threshold",
        "traffic-not-accepted",
        "restricted-sender",
        "tenant-rate",
        "tenant-rate-trial",
    ],
)
def test_throttles_never_fail_a_message(fact_id: str) -> None:
    assert known(fact_id).disposition in HOLDING


@pytest.mark.parametrize("fact_id", ["send-as-denied", "send-as-no-permission", "sending-mailbox-full"])
def test_a_sender_without_right_or_room_is_held(fact_id: str) -> None:
    assert known(fact_id).disposition is Disposition.SENDER_FAULT


@pytest.mark.parametrize("fact_id", ["message-too-large", "recipient-unknown", "recipient-rejected"])
def test_what_is_the_message_s_own_fault_fails(fact_id: str) -> None:
    fact = known(fact_id)
    assert fact.disposition is Disposition.FAIL
    assert match(450, fact.example[4:]) is None, "a 4xx never becomes permanent"


def test_a_full_mailbox_of_a_recipient_is_not_ours() -> None:
    assert match(554, "5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException") is None
    assert match(550, "5.2.2 The recipient's mailbox is full") is None


def test_an_unknown_reply_has_no_fact() -> None:
    assert match(550, "5.7.999 Something new") is None
    assert match(451, "4.7.1 Greylisted, try again") is None


def test_a_positive_reply_has_no_fact() -> None:
    assert match(250, "2.0.0 OK SendAsDenied") is None
    assert match(334, "5.7.30", "auth") is None


@given(code=st.integers(400, 599), text=st.text(max_size=200))
def test_no_refusal_of_auth_is_ever_blamed_on_a_message(code: int, text: str) -> None:
    fact = match(code, text, Stage.AUTH)
    assert fact is not None
    assert fact.disposition in HOLDING
    if code >= 500 and fact.id.startswith("auth-"):
        assert fact.disposition is Disposition.LANE_FAULT


@given(fact=st.sampled_from(smtp_errors()), noise=st.text(max_size=40))
def test_no_4xx_is_ever_permanent(fact: ErrorFact, noise: str) -> None:
    found = match(450, f"{fact.example[4:]} {noise}")
    assert found is None or found.disposition is not Disposition.FAIL


@given(text=st.text(max_size=400))
def test_explain_takes_anything(text: str) -> None:
    assert isinstance(explain(text), list)


def test_explain_reads_a_log_line_and_a_report() -> None:
    line = "Nov 24 11:02:03 relay postfix/smtp[1]: said: 550 5.7.30 Basic authentication is not supported"
    assert [fact.id for fact in explain(line)] == ["basic-retired"]
    report = "Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found'"
    assert [fact.id for fact in explain(report)] == ["recipient-unknown"]


def test_explain_gives_the_inner_cause_of_a_composite_first() -> None:
    inner = "535 5.7.139 Authentication unsuccessful, account locked."
    text = f"530 5.7.57 Client not authenticated to send mail. Error: {inner}"
    assert [fact.id for fact in explain(text)] == ["account-locked", "not-authenticated"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("550 5.7.30 x", 550),
        ("550-5.7.30 x", 550),
        ("said: 432 4.3.2 x", 432),
        ("#5.7.30 smtp;", 550),
        ("4.3.2 STOREDRV", 450),
        ("nothing", None),
    ],
)
def test_reply_code(text: str, code: int | None) -> None:
    assert reply_code(text) == code
