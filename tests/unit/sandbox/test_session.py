"""The dialogue of client submission against the transcript of 2025-11-23 (G:51970297327) and the sentences' sources."""

from __future__ import annotations

import re

import pytest

from mailferry.sandbox import texts
from mailferry.sandbox.exchange_talk import Then
from mailferry.sandbox.organisation import CERTIFICATE_CLIENT_ID, SECRET_CLIENT_ID, password
from support.sandbox_lab import AFTER, Lab, b64

SCANNER = "scanner@contoso.example"
BEFORE_TLS = [
    "SIZE 157286400",
    "PIPELINING",
    "DSN",
    "ENHANCEDSTATUSCODES",
    "STARTTLS",
    "8BITMIME",
    "BINARYMIME",
    "CHUNKING",
    "SMTPUTF8",
]


def without_host(reply: str) -> str:
    """The reply without its [H], which must be there."""
    match = re.fullmatch(r"(.*) \[SBXP290CA\d{4}\.SBXP290\.PROD\.OUTLOOK\.COM [\dT:.-]+Z [0-9A-F]{16}\]", reply)
    assert match, reply
    return match[1]


def keywords(reply: str) -> list[str]:
    return [line[4:] for line in reply.splitlines()[1:]]


def test_greeting(lab: Lab) -> None:
    """O 2025-11-23: host, "Microsoft ESMTP MAIL Service ready at", date with +0000, session id in brackets."""
    assert re.fullmatch(
        r"220 SBXP290CA\d{4}\.outlook\.office365\.com Microsoft ESMTP MAIL Service ready at"
        r" Tue, 24 Nov 2026 00:00:00 \+0000 \[[0-9A-F]{16}\]\r\n",
        lab.connect().greeting,
    )


def test_capabilities_in_the_observed_order(lab: Lab) -> None:
    """O 2025-11-23; inside TLS, AUTH LOGIN XOAUTH2 stands in the place of STARTTLS: no PLAIN, no OAUTHBEARER."""
    wire = lab.connect()
    reply = wire.say("EHLO client")
    assert re.match(r"250-SBXP290CA\d{4}\.outlook\.office365\.com Hello \[192\.0\.2\.10\]\n", reply)
    assert keywords(reply) == BEFORE_TLS
    inside = keywords(wire.secure().say("EHLO client"))
    assert inside == [k if k != "STARTTLS" else "AUTH LOGIN XOAUTH2" for k in BEFORE_TLS]


def test_starttls_and_quit(lab: Lab) -> None:
    """O 2025-11-23; O G:11571455226."""
    wire = lab.connect()
    wire.say("EHLO client")
    assert wire.say("STARTTLS") == "220 2.0.0 SMTP server ready"
    wire.session.tls_started("TLSv1.2")
    assert wire.say("QUIT") == "221 2.0.0 Service closing transmission channel"
    assert wire.session.then is Then.CLOSE


def test_a_whole_submission(lab: Lab) -> None:
    """O 2025-11-23: the positive answers; O G:41779298675: the 250 with id and Hostname."""
    wire = lab.logged_in()
    assert wire.say(f"MAIL FROM:<{SCANNER}>") == "250 2.1.0 Sender OK"
    assert wire.say("RCPT TO:<it@contoso.example>") == "250 2.1.5 Recipient OK"
    assert wire.say("DATA") == "354 Start mail input; end with <CRLF>.<CRLF>"
    (reply,) = wire.raw(b"From: scanner@contoso.example\r\n\r\nx\r\n.\r\n")
    assert re.fullmatch(
        r"250 2\.0\.0 OK <SBXP290MB\d{4}[0-9A-F]{25}@(SBXP290MB\d{4}\.sbxp290\.prod\.outlook\.com)> \[Hostname=\1\]",
        reply,
    )


def test_pipelined_group_gets_one_write(lab: Lab) -> None:
    wire = lab.logged_in()
    group = f"MAIL FROM:<{SCANNER}>\r\nRCPT TO:<a@fabrikam.example>\r\nRCPT TO:<b@fabrikam.example>\r\nDATA\r\n"
    assert [line[:3] for line in wire.raw(group.encode())] == ["250", "250", "250", "354"]


def test_chunks(lab: Lab) -> None:
    wire = lab.logged_in()
    wire.raw(f"MAIL FROM:<{SCANNER}> BODY=BINARYMIME\r\nRCPT TO:<it@contoso.example>\r\n".encode())
    head, body = b"From: scanner@contoso.example\r\n\r\n", b"\x00\r\n.\r\n\xff"
    first, last = wire.raw(b"BDAT %d\r\n%sBDAT %d LAST\r\n%s" % (len(head), head, len(body), body))
    assert first == f"250 2.0.0 {len(head)} octets received"
    assert last.startswith("250 2.0.0 OK <")
    assert lab.world.store.find(box="it@contoso.example")[0].raw == head + body


@pytest.mark.parametrize("mechanism", ["PLAIN", "CRAM-MD5", "OAUTHBEARER", "NTLM"])
def test_only_login_and_xoauth2(lab: Lab, mechanism: str) -> None:
    """O: G:66000316693, G:69033120634."""
    wire = lab.connect().secure()
    assert without_host(wire.say(f"AUTH {mechanism}")) == "504 5.7.4 Unrecognized authentication type"


def test_auth_before_tls(lab: Lab) -> None:
    wire = lab.connect()
    wire.say("EHLO client")
    assert without_host(wire.say("AUTH LOGIN")) == "504 5.7.4 Unrecognized authentication type"


def test_login_with_the_name_inline(lab: Lab) -> None:
    wire = lab.connect().secure()
    assert wire.say(f"auth  login {b64(SCANNER)}") == "334 UGFzc3dvcmQ6"
    assert wire.say(b64(password("scanner"))) == "235 2.7.0 Authentication successful"


def test_login_by_alias(lab: Lab) -> None:
    lab.mailbox("scanner", aliases=["copier@contoso.example"])
    assert lab.connect().secure().login("Copier@contoso.example", password("scanner")).startswith("235")


def test_cancelled_login(lab: Lab) -> None:
    wire = lab.connect().secure()
    wire.say("AUTH LOGIN")
    assert wire.say("*").startswith("501")
    assert wire.login(SCANNER, password("scanner")).startswith("235")


def test_refusals_of_a_password(lab: Lab) -> None:
    wire = lab.connect().secure()
    wrong = wire.login(SCANNER, "wrong")
    assert without_host(wrong) == (
        "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect."  # O: G:41779298675
    )
    unknown = wire.login("nobody@contoso.example", "wrong")
    assert without_host(unknown) == "535 5.7.3 Authentication unsuccessful"  # V: Microsoft Learn 2026-06-19


def test_the_older_form_of_the_suffix(lab: Lab) -> None:
    lab.world.tune(suffix="host")
    reply = lab.connect().secure().login(SCANNER, "wrong")
    assert re.search(r" \[SBXP290CA\d{4}\.sbxp290\.prod\.outlook\.com\]$", reply)


def test_mail_without_login(lab: Lab) -> None:
    """O: many, 2026."""
    reply = lab.connect().secure().say(f"MAIL FROM:<{SCANNER}>")
    assert without_host(reply) == "530 5.7.57 Client not authenticated to send mail."


def test_mail_after_a_refused_login_repeats_the_reason(lab: Lab) -> None:
    """O: G:4903955032; G:63511202216 (2026-08)."""
    lab.mailbox("scanner", requires_mfa=True)
    wire = lab.connect().secure()
    wire.login(SCANNER, password("scanner"))
    assert without_host(wire.say(f"MAIL FROM:<{SCANNER}>")) == (
        "530 5.7.57 Client not authenticated to send mail. Error: 535 5.7.139 Authentication unsuccessful, the request"
        " did not meet the criteria to be authenticated successfully. Contact your administrator."
    )


@pytest.mark.parametrize("stage", ["mail", "data"])
def test_retirement_after_login(lab: Lab, stage: str) -> None:
    """V: MC786329 (2026-01-27), the sentence; the stage is not published."""
    lab.world.tune(basic_stage=stage)
    lab.clock.set(AFTER)
    wire = lab.logged_in()
    expected = "550 5.7.30 Basic authentication is not supported for Client Submission."
    if stage == "mail":
        assert wire.say(f"MAIL FROM:<{SCANNER}>") == expected
    assert wire.send(SCANNER, "it@contoso.example") == expected
    assert lab.world.store.accepted == 0


def test_retirement_at_login(lab: Lab) -> None:
    lab.world.tune(basic_stage="auth")
    lab.clock.set(AFTER)
    wire = lab.connect().secure()
    expected = "550 5.7.30 Basic authentication is not supported for Client Submission."
    assert wire.login(SCANNER, password("scanner")) == expected
    assert f"Error: {expected}" in wire.say(f"MAIL FROM:<{SCANNER}>")


def test_retirement_in_the_other_form(lab: Lab) -> None:
    lab.world.tune(basic_error="5.7.139")
    lab.clock.set(AFTER)
    reply = lab.connect().secure().login(SCANNER, password("scanner"))
    assert without_host(reply) == "535 5.7.139 Authentication unsuccessful, basic authentication is disabled."


def test_retirement_reaches_an_open_connection(lab: Lab) -> None:
    wire = lab.logged_in()
    assert wire.send(SCANNER, "it@contoso.example").startswith("250")
    lab.clock.set(AFTER)
    assert wire.send(SCANNER, "it@contoso.example").startswith("550 5.7.30")


@pytest.mark.parametrize("client_id", [SECRET_CLIENT_ID, CERTIFICATE_CLIENT_ID])
def test_token_is_taken_after_the_retirement(lab: Lab, client_id: str) -> None:
    """V: Microsoft Learn 2026-06-19: 235 2.7.0 Authentication successful."""
    lab.clock.set(AFTER)
    wire = lab.connect().secure()
    assert wire.xoauth2(SCANNER, lab.token(client_id)) == "235 2.7.0 Authentication successful"
    assert wire.send(SCANNER, "it@contoso.example").startswith("250 2.0.0 OK <")


def test_token_in_two_steps(lab: Lab) -> None:
    wire = lab.connect().secure()
    assert wire.say("AUTH XOAUTH2") == "334 "
    assert wire.say(b64(f"user={SCANNER}\x01auth=Bearer {lab.token()}\x01\x01")).startswith("235")


def test_refused_token_is_told_directly(lab: Lab) -> None:
    """V: Microsoft Learn 2026-06-19: 535 right after the payload, no JSON challenge."""
    wire = lab.connect().secure()
    assert without_host(wire.xoauth2(SCANNER, "not.a.token")) == "535 5.7.3 Authentication unsuccessful"
    assert lab.world.recorder.dialogues[0].lines[-2].startswith("*: not a token")


def test_refused_token_with_a_challenge(lab: Lab) -> None:
    lab.world.tune(xoauth2_failure="challenge")
    wire = lab.connect().secure()
    assert wire.xoauth2(SCANNER, "not.a.token").startswith("334 eyJzdGF0dXMiOiI0MDEi")
    assert without_host(wire.say("")) == "535 5.7.3 Authentication unsuccessful"


def test_smtp_auth_switch_stops_a_valid_token(lab: Lab) -> None:
    """O: measured 2026-09-17, G:69046662300."""
    lab.mailbox("scanner", smtp_client_authentication_disabled=True)
    reply = lab.connect().secure().xoauth2(SCANNER, lab.token())
    assert without_host(reply) == (
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox."
        " Visit https://aka.ms/smtp_auth_disabled for more information."
    )


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1.1"])
def test_old_tls_is_told_to_go(lab: Lab, version: str) -> None:
    """O: m365scripts.com, cubesys.com.au quoting blog 2659652."""
    wire = lab.connect()
    wire.say("EHLO client")
    wire.say("STARTTLS")
    wire.session.tls_started(version)
    assert wire.say("EHLO client") == (
        "421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2."
        " Visit https://aka.ms/smtp_auth_tls"
    )
    assert wire.session.then is Then.CLOSE


@pytest.mark.parametrize(("allowed", "code"), [(None, "421"), (False, "421"), (True, "235")])
def test_legacy_host_needs_the_opt_in(lab: Lab, allowed: bool | None, code: str) -> None:
    """V: opt-in page of Microsoft Learn; what a tenant that has not opted in is told is UNV."""
    lab.world.patch({"tenant": {"allow_legacy_tls_clients": allowed}})
    wire = lab.connect("smtp-legacy").secure("TLSv1")
    assert wire.login(SCANNER, password("scanner"))[:3] == code


def test_declared_size(lab: Lab) -> None:
    wire = lab.logged_in()
    said = "552 5.3.4 Message size exceeds fixed maximum message size"
    assert wire.say(f"MAIL FROM:<{SCANNER}> SIZE=157286401") == said
    assert wire.say(f"MAIL FROM:<{SCANNER}> SIZE={36 * 1024 * 1024}") == said  # the mailbox sends up to 35 MB
    assert wire.say(f"MAIL FROM:<{SCANNER}> SIZE=1000").startswith("250")


def test_body_over_the_advertised_size_stays_in_step(lab: Lab) -> None:
    lab.world.tune(size=100)
    wire = lab.logged_in()
    assert wire.send(SCANNER, "it@contoso.example", message=b"x" * 200 + b"\r\n") == str(texts.TOO_LARGE.reply(""))
    assert wire.say("NOOP").startswith("250")


def test_rset_forgets_the_transaction(lab: Lab) -> None:
    wire = lab.logged_in()
    wire.raw(f"MAIL FROM:<{SCANNER}>\r\nRCPT TO:<a@fabrikam.example>\r\nRSET\r\n".encode())
    assert wire.send(SCANNER, "b@fabrikam.example").startswith("250")
    assert lab.world.store.find(message_id=None)[0].received.recipients == ("b@fabrikam.example",)


def test_unknown_parameter_and_unknown_command(lab: Lab) -> None:
    wire = lab.logged_in()
    assert wire.say(f"MAIL FROM:<{SCANNER}> XYZ=1").startswith("501")
    assert wire.say("FROB").startswith("500")


def test_record_holds_no_secret(lab: Lab) -> None:
    wire = lab.logged_in()
    token = lab.token()
    lab.connect().secure().xoauth2(SCANNER, token)
    wire.send(SCANNER, "it@contoso.example", message=b"From: scanner@contoso.example\r\n\r\nprivate\r\n")
    said = "\n".join(line for d in lab.world.recorder.dialogues for line in d.lines)
    for secret in (password("scanner"), b64(password("scanner")), token, b64(token)[:40], "private"):
        assert secret not in said
    assert "C: AUTH XOAUTH2 ***" in said
    assert lab.world.recorder.dialogues[0].user == SCANNER


def test_nothing_is_recorded_when_switched_off(lab: Lab) -> None:
    lab.world.tune(record=False)
    lab.logged_in()
    assert not lab.world.recorder.dialogues


def test_any_bytes_are_answered(lab: Lab) -> None:
    wire = lab.connect()
    for line in (b"\x00\xff\r\n", b"GET / HTTP/1.1\r\n", b"EHLO\r\n", b"MAIL\r\n", b"a" * 5000 + b"\r\n", b"\r\n"):
        assert wire.raw(line)
