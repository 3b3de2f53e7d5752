"""The pains of other gateways' users that concern a client, each by its number in the survey of issue threads."""

from __future__ import annotations

from pathlib import Path

from support.transcript import Runner, parse

LETTER = "C: Subject: {0}\nC: \nC: {0}\nC: .\nS~ 250 2.0.0 queued\n"


async def play(folder: Path, dialogue: str) -> None:
    """A dialogue as the transcripts beside this file are written."""
    path = folder / "pain.smtp"
    path.write_text(dialogue, encoding="utf-8")
    await Runner(parse(path), folder, socket=False).run()


async def test_pain_09_a_xerox_gets_the_two_prompts_that_it_knows(tmp_path: Path) -> None:
    prompts = "S: 334 VXNlcm5hbWU6\nC: YW5uQGV4YW1wbGUudGVzdA==\nS: 334 UGFzc3dvcmQ6\nC: c2VjcmV0\nS~ 235 2.7.0\n"
    await play(tmp_path, f"# Username: and Password:\nlistener: implicit\n\nC: AUTH LOGIN\n{prompts}")


async def test_pain_11_a_device_without_a_login_sends_from_its_network(tmp_path: Path) -> None:
    start = "C: MAIL FROM:<floor@example.test>\nS~ 250\nC: RCPT TO:<bob@example.org>\nS~ 250\nC: DATA\nS~ 354\n"
    await play(tmp_path, f"# By its address\nlistener: relay\n\n{start}{LETTER.format('scan')}SPOOL 1\n")


async def test_pain_12_auth_in_any_case_and_with_the_name_in_the_command(tmp_path: Path) -> None:
    login = "C: auth LoGiN YW5uQGV4YW1wbGUudGVzdA==\nS: 334 UGFzc3dvcmQ6\nC: c2VjcmV0\nS~ 235 2.7.0\n"
    await play(tmp_path, f"# As Minolta, Veeam and .NET do\nlistener: implicit\n\n{login}")


async def test_pain_13_nothing_is_offered_that_could_not_be_used(tmp_path: Path) -> None:
    offered = "C: EHLO pc.example.test\nS~ 250-gw\nS… 250-ENHANCED\nS: 250-AUTH PLAIN LOGIN XOAUTH2\nS… 250 SMTPUTF8\n"
    refused = "C: AUTH CRAM-MD5\nS~ 504 5.5.4\n"
    await play(tmp_path, f"# No CRAM-MD5\nlistener: implicit\ngreeting: shown\n\nS~ 220\n{offered}{refused}")


async def test_pain_16_the_second_message_of_a_connection_overwrites_nothing(tmp_path: Path) -> None:
    start = "C: MAIL FROM:<floor@example.test>\nS~ 250\nC: RCPT TO:<{0}@example.org>\nS~ 250\nC: DATA\nS~ 354\n"
    both = "".join(start.format(name) + LETTER.format(name) for name in ("one", "two"))
    ends = "SPOOL 2\nENVELOPE floor@example.test two@example.org\nBODY~ Subject: two\\r\\n\n"
    await play(tmp_path, f"# Two in one\nlistener: relay\n\n{both}{ends}")


async def test_pain_23_the_login_need_not_be_the_sender(tmp_path: Path) -> None:
    start = "C: MAIL FROM:<printer@factory.invalid.example>\nS~ 250\nC: RCPT TO:<bob@partner.example>\nS~ 250\n"
    letter = f"C: DATA\nS~ 354\nC: From: printer@factory.invalid.example\n{LETTER.format('scan')}"
    ends = "ENVELOPE scan@example.test bob@partner.example\nBODY~ Reply-To: printer@factory.invalid.example\n"
    await play(tmp_path, f"# Another\nlistener: submission\nlogin: rewriter:secret\n\n{start}{letter}{ends}")


async def test_pain_37_it_is_no_open_relay(tmp_path: Path) -> None:
    relay = "C: MAIL FROM:<strict@example.test>\nS~ 250\nC: RCPT TO:<bob@example.org>\nS~ 550 5.7.1\n"
    tricks = "".join(f"C: RCPT TO:<{path}>\nS~ 5\n" for path in ("bob%example.org@example.test", "@a.test:bob@b.test"))
    stranger = "C: MAIL FROM:<strict@example.test>\nS~ 530 5.7.0\nSPOOL 0\n"
    await play(tmp_path, f"# Without a login\nlistener: submission\n\n{stranger}")
    head = "# To its own organisation only\nlistener: submission\nlogin: strict:secret\n\n"
    await play(tmp_path, f"{head}{relay}{tricks}SPOOL 0\n")
