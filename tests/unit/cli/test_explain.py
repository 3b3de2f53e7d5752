"""`mailferry explain`: known replies, unknown replies, logs, both languages, JSON."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner, Result

from mailferry.cli.explain import explain

app = typer.Typer()
app.command()(explain)

LOCKED = "535 5.7.139 Authentication unsuccessful, account locked."


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner(env={"COLUMNS": "80", "LANG": "C.UTF-8", "LC_ALL": ""}).invoke(app, [*arguments], input=stdin)


def test_a_known_reply_is_explained_on_standard_output() -> None:
    result = run(LOCKED)
    assert result.exit_code == 0
    assert "Smart lockout" in result.stdout
    assert "What to do" in result.stdout
    assert "Microsoft Entra administrator" in result.stdout
    assert result.stderr == ""
    assert max(len(line) for line in result.stdout.splitlines() if "https://" not in line) <= 80


def test_quotes_may_be_forgotten() -> None:
    assert run(*LOCKED.split()).stdout == run(LOCKED).stdout


def test_it_speaks_japanese() -> None:
    result = run(LOCKED, "--lang", "ja")
    assert "スマート ロックアウト" in result.stdout
    assert "対処方法" in result.stdout
    assert "Smart lockout" not in result.stdout


def test_a_command_stands_on_a_line_of_its_own() -> None:
    result = run("554 5.2.252 SendAsDenied; a not allowed to send as b")
    assert (
        "  Add-RecipientPermission <From address> -Trustee <sending mailbox> -AccessRights SendAs"
        in result.stdout.splitlines()
    )


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ("550 5.7.999 Something new", ["not in the catalogue", "permanent refusal", "security or policy"]),
        ("451 4.4.999 Later", ["temporary refusal", "network or routing"]),
        ("250 2.0.0 OK", ["no refusal"]),
        ("354 go on", ["waits for more"]),
        ("good morning", ["no SMTP reply code"]),
        ("", ["no SMTP reply code"]),
    ],
)
def test_an_unknown_reply_is_called_unknown(reply: str, words: list[str]) -> None:
    result = run(reply)
    assert result.exit_code == 1
    text = " ".join(result.stdout.split())
    for word in words:
        assert word in text
    japanese = run(reply, "--lang", "ja")
    assert japanese.exit_code == 1
    assert "この応答は一覧に登録されていません。" in japanese.stdout


def test_a_log_on_standard_input_is_counted() -> None:
    log = (
        "Nov 1 said: 432 4.3.2 Concurrent connections limit exceeded.\n"
        "Nov 1 status=sent (250 2.0.0 OK)\n"
        "Nov 2 said: 432 4.3.2 Concurrent connections limit exceeded.\n"
        "535-5.7.139 Authentication unsuccessful, SmtpClientAuthentication is\n"
        "535 disabled for the Tenant.\n"
    )
    result = run("-", "--json", stdin=log)
    assert result.exit_code == 0
    facts = json.loads(result.stdout)["facts"]
    assert [(fact["id"], fact["lines"]) for fact in facts] == [
        ("concurrent-connections", 2),
        ("smtp-auth-disabled-tenant", 1),
    ]
    assert "(2 lines)" in run("-", stdin=log).stdout


def test_a_report_that_wraps_its_sentence_is_understood() -> None:
    report = "Remote server said:\n  SmtpClientAuthentication is disabled\n  for the Mailbox. Visit https://aka.ms/x\n"
    assert json.loads(run("-", "--json", stdin=report).stdout)["facts"][0]["id"] == "smtp-auth-disabled-mailbox"


def test_json_is_whole_and_alone() -> None:
    document = json.loads(run("550 5.7.30 gone", "--json").stdout)
    assert document["known"] is True
    [fact] = document["facts"]
    assert fact["id"] == "basic-retired"
    assert fact["reversible"] == "until-removal"
    assert fact["source"]["url"].startswith("https://")
    unknown = run("550 5.7.999 new", "--json")
    assert unknown.exit_code == 1
    assert json.loads(unknown.stdout)["facts"] == []
    assert json.loads(unknown.stdout)["class"]
