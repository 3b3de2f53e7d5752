"""`mailferry inventory` as an administrator meets it."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from mailferry.bulletin.changes import Changes
from mailferry.cli.inventory_words import WORDS
from mailferry.cli.main import app
from mailferry.planner.make import make
from mailferry.planner.papers import gateway
from mailferry.planner.settings import PlanSettings
from support.accepted import accept
from support.exports import eac, portal, signin


@pytest.fixture
def export(tmp_path: Path) -> Path:
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "signins.csv").write_text(portal([signin(1), signin(2, app="Browser")]))
    (folder / "report.csv").write_text(eac([("scan@contoso.com", "Basic auth", 40), ("app@contoso.com", "OAuth", 5)]))
    return folder


def run(tmp_path: Path, *arguments: object, code: int = 0) -> tuple[str, str]:
    result = CliRunner(env={"COLUMNS": "80", "LANG": "C", "LC_ALL": "C"}).invoke(
        app, ["inventory", *map(str, arguments), "--state", str(tmp_path / "state")]
    )
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


def test_from_exports_to_the_answer(tmp_path: Path, export: Path) -> None:
    _, talk = run(tmp_path, "import", export)
    assert "3 of 4 rows taken, 3 of them new, from 2 files" in talk
    assert "sign-in of another kind of client (signins.csv, first at line 3)" in talk
    data, _ = run(tmp_path, "show")
    assert data.splitlines()[0] == "1 of 2 clients will break on 2026-12-31. Not affected: 1."
    assert max(map(len, data.splitlines())) <= 80
    _, talk = run(tmp_path, "import", export)
    assert "nothing new" in talk


def test_who_breaks_follows_an_accepted_change(tmp_path: Path, export: Path) -> None:
    run(tmp_path, "import", export)
    id = accept(tmp_path / "state")
    data, talk = run(tmp_path, "show")
    assert data.splitlines()[0] == "1 of 2 clients will break on 2027-03-31. Not affected: 1."
    assert "by an accepted announcement" in talk
    data, _ = run(tmp_path, "show", "--json", "--at", "2027-01-15", "--sender", "scan@*")
    assert json.loads(data)["clients"][0]["fate"] == "continues"
    Changes(tmp_path / "state").revoke(id)
    data, talk = run(tmp_path, "show", "--json", "--at", "2027-01-15", "--sender", "scan@*")
    assert json.loads(data)["clients"][0]["fate"] == "breaks"
    assert "accepted" not in talk


def test_why_in_both_languages(tmp_path: Path, export: Path) -> None:
    run(tmp_path, "import", export, "--json")
    english, _ = run(tmp_path, "show", "--details", "--fate", "breaks")
    assert "It signs in with a password" in english
    assert "app@contoso.com" not in english
    japanese, _ = run(tmp_path, "show", "--details", "--lang", "ja")
    assert "2 クライアント中 1 クライアントが送信できなくなります" in japanese.replace("\n", "")


def test_files_for_others(tmp_path: Path, export: Path) -> None:
    run(tmp_path, "import", export)
    data, _ = run(tmp_path, "show", "--json", "--sender", "scan@*")
    (client,) = json.loads(data)["clients"]
    assert (client["fate"], client["volume"]["messages"], client["addresses"]) == ("breaks", 40, ["203.0.113.7"])
    run(tmp_path, "show", "--csv", tmp_path / "o.csv", "--parquet", tmp_path / "o.parquet")
    with (tmp_path / "o.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["sender"] for row in rows] == ["app@contoso.com", "scan@contoso.com"]
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT sender, messages, last_seen IS NULL FROM read_parquet($file) ORDER BY sender",
            {"file": str(tmp_path / "o.parquet")},
        ).fetchall()
    assert found == [("app@contoso.com", 5, True), ("scan@contoso.com", 40, False)]


def test_sources(tmp_path: Path, export: Path) -> None:
    run(tmp_path, "import", export)
    data, _ = run(tmp_path, "sources")
    assert "Entra sign-in log" in data
    assert "signins.csv" in data
    document = json.loads(run(tmp_path, "sources", "--json")[0])
    assert document["sources"][1]["skipped"] == [{"reason": "not-smtp", "count": 1, "line": 3}]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["import"], 2, "name files or folders"),
        (["show"], 1, "nothing was imported yet"),
        (["show", "--fate", "lost"], 2, "breaks, continues, broken, uncertain"),
        (["show", "--finding", "lost"], 2, "old-tls"),
        (["import", "nowhere.csv"], 1, "there is no such file or folder"),
        (["import", "--live", "--config", "nowhere.toml"], 3, "need a configuration"),
    ],
)
def test_what_went_wrong_and_what_to_do(tmp_path: Path, arguments: list[str], code: int, words: str) -> None:
    _, talk = run(tmp_path, *arguments, code=code)
    assert words in " ".join(talk.split())


def test_no_traces_are_asked_of_a_cloud_that_has_none(tmp_path: Path) -> None:
    settings = PlanSettings(domains=("example.com",), cloud="gcc-high")
    config = tmp_path / "gateway.toml"
    config.write_bytes(gateway.render(make((), {}, settings, date(2026, 11, 24))))
    _, talk = run(tmp_path, "import", "--traces", "--config", config, code=2)
    assert "no message trace in the cloud gcc-high" in " ".join(talk.split())


def test_nobody_matches(tmp_path: Path, export: Path) -> None:
    run(tmp_path, "import", export)
    data, talk = run(tmp_path, "show", "--owner", "nobody", code=1)
    assert "No client matches" in talk
    assert data.startswith("1 of 2 clients")


def test_both_languages_say_the_same_things() -> None:
    assert WORDS["en"].keys() == WORDS["ja"].keys()
