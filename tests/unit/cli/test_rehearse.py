"""How a rehearsal is shown: the answer first, in 80 columns and both languages; every date, every verdict."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from typer.testing import CliRunner

from mailferry.cli import rehearse_show
from mailferry.cli.main import app
from mailferry.cli.plan_rehearsed import told
from mailferry.cli.rehearse_words import WORDS
from mailferry.m365.facts import Text
from mailferry.planner.values import Way
from mailferry.rehearsal.store import save
from mailferry.rehearsal.values import Account, Day, Door, Leg, Rehearsal, Row, Stage, Verdict

REFUSED = Leg(Door.SUBMISSION, False, Stage.MAIL, "550 5.7.30 Basic authentication is not supported " + "x" * 200)
GOOD = Leg(Door.GATEWAY, True, Stage.DATA, "250 2.0.0 queued as 0AB", 1, 2, 2, held=60)
LONG = "a-mailbox-with-a-very-long-local-part-00001@a-long-domain.example"
WHY = Text("No export tells how it signs in.", "サインインの方法がエクスポートに含まれていません。")


def row(verdict: Verdict, today: Leg | None = REFUSED, planned: Leg | None = None, name: str = LONG) -> Row:
    cause = Text("Retired.", "廃止されました。")
    return Row(
        f"{verdict}-{name}", name, "", Way.ASK, verdict, today, planned, WHY, cause, Text("OAuth.", "OAuth へ。")
    )


DAY = Day(
    date(2027, 1, 1),
    (
        row(Verdict.PLAN_WORKS, planned=GOOD),
        row(Verdict.PLAN_FAILS, planned=REFUSED, name="=cmd()@x.example"),
        *(row(verdict) for verdict in (Verdict.DECISION, Verdict.RETIRES, Verdict.BREAKS)),
        row(Verdict.NOT_PLAYED, None, name="[bold]nobody[/]"),
        row(Verdict.WORKS, GOOD),
    ),
    Account(2, 2),
    60,
)
FOUND = Rehearsal(datetime(2026, 11, 24, tzinfo=UTC), "", (replace(DAY, at=date(2026, 12, 1)), DAY), (WHY,))


def test_both_languages_have_the_same_words() -> None:
    assert WORDS["en"].keys() == WORDS["ja"].keys()
    for verdict in Verdict:
        assert f"verdict.{verdict.value}" in WORDS["en"]
    for door in Door:
        assert f"door.{door.value}" in WORDS["en"]


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("every", [False, True])
def test_eighty_columns(language: str, every: bool) -> None:
    text = io.StringIO()
    rehearse_show.overview(Console(file=text, width=80), FOUND, language, every=every)
    lines = text.getvalue().splitlines()
    assert max(map(cell_len, lines)) <= 80
    assert "2026-12-01" in lines[1], "the answer stands first"
    assert "[bold]nobody[/]" in text.getvalue()
    assert all(WORDS[language][f"verdict.{v.value}"].split()[0] in text.getvalue() for v in (Verdict.PLAN_FAILS,))


def test_answer() -> None:
    assert rehearse_show.answer(DAY, "en") == (
        "On 2027-01-01: 5 of 7 break as they are; with the plan 2 of 7 deliver, identical; the plan fails for 1; "
        "1 break and nothing is planned; 1 needs a decision; 1 to be switched off; 1 cannot be rehearsed."
    )


def test_csv_has_no_formula() -> None:
    rows = list(csv.reader(io.StringIO(rehearse_show.csv(FOUND, "en").decode("utf-8-sig"))))
    assert len(rows) == 1 + 2 * len(DAY.rows)
    assert not any(cell.startswith("=") for line in rows for cell in line)


def test_last(tmp_path: Path) -> None:
    save(FOUND, tmp_path)
    runner = CliRunner()
    shown = runner.invoke(app, ["rehearse", "--last", "--state", str(tmp_path), "--lang", "en"])
    assert shown.exit_code == 1, "a planned client fails"
    assert "the plan fails for 1" in " ".join(shown.stdout.split())
    whole = Rehearsal(FOUND.made, "", (replace(DAY, rows=DAY.rows[:1]),))
    save(whole, tmp_path)
    assert runner.invoke(app, ["rehearse", "--last", "--state", str(tmp_path)]).exit_code == 0
    one = runner.invoke(app, ["rehearse", "--last", "--state", str(tmp_path), "--client", "a-mailbox*", "--lang", "ja"])
    assert "計画で可" in one.stdout


def test_for_the_report() -> None:
    found = told(FOUND)
    assert [(day.clients, day.broken, day.delivering, day.failing) for day in found.days] == [(7, 5, 2, 2)] * 2
    assert len(found.failures) == 4
