"""`mailferry identify`: messages, signs, both languages, JSON; the pages stand in golden/."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from mailferry.cli.clients_words import WORDS
from mailferry.cli.identify import identify

app = typer.Typer()
app.command()(identify)

GOLDEN = Path(__file__).parent / "golden"
CANON = b"""\
Received: from Canon9A3C10 (unknown [10.20.30.40]) by mx.contoso.example (Postfix) with ESMTP id 4XyZ;
 Tue, 24 Nov 2026 14:33:12 +0900 (JST)
From: scan@contoso.example
Subject: Attached Image
Message-ID: <20261124143312.0001.CanonTxNo.0042@Canon9A3C10>
X-Mailer: Canon MFP
Content-Type: multipart/mixed; boundary="----_CANON_20261124143312_"

------_CANON_20261124143312_
"""


def run(*arguments: str, stdin: bytes | None = None, columns: str = "80") -> Result:
    environment = {"COLUMNS": columns, "LANG": "C.UTF-8", "LC_ALL": ""}
    return CliRunner(env=environment).invoke(app, [*arguments], input=stdin)


def page(text: str) -> str:
    """What is seen: blanks at the ends of lines are not."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n") + "\n"


PAGES = {
    "product": ["--x-mailer", "Canon MFP", "--tls", "TLSv1.0"],
    "family": ["--hostname", "NPI4C3A2F"],
    "conflict": ["--x-mailer", "PHPMailer 6.9.1", "--hostname", "XRX9C934E5F1A2B"],
    "nothing": ["--ehlo", "localhost", "--auth", "auth login"],
    "library": ["--boundary", "----=_Part_12_1944702841.1732459000123", "--message-id", "<JIRA.1.2.3@jira>"],
}


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("name", PAGES)
def test_the_page_reads_as_it_was_approved(name: str, language: str) -> None:
    result = run(*PAGES[name], "--lang", language)
    assert page(result.stdout) == (GOLDEN / f"identify-{name}.{language}.txt").read_text(encoding="utf-8")
    assert result.exit_code == (1 if name in ("conflict", "nothing") else 0)
    assert result.stderr == ""


def test_a_saved_message_is_identified(tmp_path: Path) -> None:
    file = tmp_path / "scan.eml"
    file.write_bytes(CANON)
    result = run(str(file), columns="200")
    assert result.exit_code == 0
    for words in (str(file), "Canon imageRUNNER", "10.20.30.40", "X-Mailer: Canon MFP", "without TLS"):
        assert words in result.stdout


def test_a_message_may_come_by_standard_input() -> None:
    document = json.loads(run("-", "--json", stdin=CANON).stdout)
    (one,) = document["results"]
    assert (one["message"], one["decision"], one["product"]) == ("-", "product", "canon-imagerunner")
    assert one["confidence"] >= 0.95
    assert one["address"] == "10.20.30.40"
    assert {sign["weight"] for sign in one["candidates"][0]["evidence"]} == {"strong", "weak"}
    assert one["oauth"]["smtp"] == "partial"
    assert one["oauth"]["flows"] == ["device-code"]


def test_several_are_told_one_by_one_and_a_bad_one_stops_none(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.eml", tmp_path / "bad.eml"
    good.write_bytes(CANON)
    bad.write_bytes(b"\xd0\xcf\x11\xe0 not a message")
    result = run(str(bad), str(good), str(tmp_path / "none.eml"), "--json")
    assert result.exit_code == 1
    assert [one["product"] for one in json.loads(result.stdout)["results"]] == ["canon-imagerunner"]
    assert "is no message" in result.stderr
    assert "none.eml cannot be read: No such file" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_directory_is_refused_in_words(tmp_path: Path) -> None:
    result = run(str(tmp_path))
    assert result.exit_code == 1
    assert "cannot be read" in result.stderr


def test_a_header_is_given_as_it_stands() -> None:
    result = run("--header", "X-JIRA-FingerPrint: 9e107d9d372bb6826bd81d3542a419d6", "--json")
    assert json.loads(result.stdout)["results"][0]["family"]["id"] == "jira"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "there is nothing to identify"),
        (["--header", "no colon"], "is no header"),
        (["--header", "two words: x"], "is no header"),
        (["a.eml", "--ehlo", "x"], "cannot be given together"),
    ],
)
def test_wrong_use_says_what_to_do(arguments: list[str], words: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "hint:" in result.stderr


def test_what_follows_the_mechanism_is_not_kept() -> None:
    """It may be a user name or a password."""
    for line in ("AUTH LOGIN c2VjcmV0", "PLAIN c2VjcmV0", "auth xoauth2 c2VjcmV0"):
        result = run("--auth", line, "--json")
        assert "c2VjcmV0" not in result.stdout + result.stderr


def test_oauth_that_is_seen_is_said() -> None:
    assert "already" in run("--auth", "auth xoauth2").stdout


@pytest.mark.parametrize("language", ["en", "ja"])
def test_no_line_is_wider_than_the_window(language: str) -> None:
    from rich.cells import cell_len

    for arguments in PAGES.values():
        lines = run(*arguments, "--lang", language).stdout.splitlines()
        assert max(map(cell_len, lines)) <= 80


def test_both_languages_have_the_same_words() -> None:
    assert WORDS["en"].keys() == WORDS["ja"].keys()


def test_a_hostile_message_cannot_write_to_the_terminal() -> None:
    result = run(
        "-", stdin=b"X-Mailer: Canon MFP\nSubject: \x1b]0;owned\x07[red]x[/red]\nX-JIRA-FingerPrint: \x1b[2J\n\n"
    )
    assert "\x1b" not in result.stdout
    assert "\x07" not in result.stdout
