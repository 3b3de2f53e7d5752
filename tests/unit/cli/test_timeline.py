"""`mailferry timeline`: days left, phases, what is not published, both languages, JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from mailferry.bulletin.changes import Changes
from mailferry.cli.timeline import timeline
from support.accepted import accept

app = typer.Typer()
app.command()(timeline)


Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """The command with a state of its own, whatever lies on the machine."""
    config = tmp_path / "mailferry.toml"
    config.write_text(f'[gateway]\nhostname = "gateway.example.com"\nstate = "{tmp_path / "state"}"\n')

    def invoke(*arguments: str, columns: int = 80) -> Result:
        environment = {"COLUMNS": str(columns), "LANG": "C.UTF-8", "LC_ALL": ""}
        return CliRunner(env=environment).invoke(app, ["--config", str(config), *arguments])

    return invoke


@pytest.mark.parametrize(
    ("day", "count"),
    [
        ("2026-11-24", "37 days left  until the end of December 2026"),
        ("2026-12-30", "1 day left  until the end of December 2026"),
        ("2026-12-31", "Today is the day"),
        ("2027-01-10", "10 days ago  the end of December 2026 has passed"),
    ],
)
def test_the_count(run: Run, day: str, count: str) -> None:
    result = run("--at", day)
    assert result.exit_code == 0
    assert count in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("columns", [80, 130])
@pytest.mark.parametrize("lang", ["en", "ja"])
def test_no_line_is_wider_than_the_terminal(run: Run, columns: int, lang: str) -> None:
    from rich.cells import cell_len

    result = run("--at", "2026-11-24", "--lang", lang, columns=columns)
    assert result.exit_code == 0
    assert "…" not in result.stdout, "nothing is cut"
    assert max(cell_len(line) for line in result.stdout.splitlines() if "https://" not in line) <= columns


def test_it_says_what_happens_what_is_missing_and_what_was_said_before(run: Run) -> None:
    text = " ".join(run("--at", "2026-11-24", columns=200).stdout.split())
    assert "disabled by default; an administrator can enable it again" in text
    assert "Not yet published by Microsoft" in text
    assert "name and place of the switch" in text
    assert "First announcement: removal in September 2025" in text
    assert "2028-09" in text


def test_it_speaks_japanese(run: Run) -> None:
    text = run("--at", "2026-11-24", "--lang", "ja", columns=200).stdout
    assert "2026 年 12 月末まで  あと 37 日" in text
    assert "既定で無効" in text
    assert "Microsoft からまだ公表されていない事項" in text


def test_after_december_new_tenants_are_told_apart(run: Run) -> None:
    text = run("--at", "2027-02-01").stdout
    assert "Existing tenants: disabled by default" in text
    assert "Tenants created after December 2026: unavailable" in text


def test_json_is_whole_and_alone(run: Run) -> None:
    document = json.loads(run("--at", "2026-11-24", "--json").stdout)
    assert document["days_left"] == 37
    assert document["existing_tenants"] == "allowed"
    assert document["disabled_from"] == "2026-12-31"
    assert document["current"]["id"] == "2026-01"
    assert document["current"]["phases"][-1]["start"] is None
    assert [revision["id"] for revision in document["earlier"]] == ["2024-04", "2025-06"]
    assert document["unpublished"]


def test_today_is_the_default(run: Run) -> None:
    assert run("--json").exit_code == 0


def test_a_wrong_date_is_a_usage_error(run: Run) -> None:
    assert run("--at", "tomorrow").exit_code == 2


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        (
            "en",
            ("75 days left  until 2027-03-31", "Existing tenants: allowed", "by an accepted announcement", "tanaka"),
        ),
        ("ja", ("2027-03-31 まで  あと 75 日", "既存のテナント: 利用可能", "承認済みの発表", "tanaka")),
    ],
)
def test_it_follows_an_accepted_change(run: Run, tmp_path: Path, lang: str, words: tuple[str, ...]) -> None:
    accept(tmp_path / "state")
    text = run("--at", "2027-01-15", "--lang", lang, columns=200).stdout
    for each in words:
        assert each in text
    present = next(line for line in text.splitlines() if "▶" in line)
    assert {"en": "allowed", "ja": "利用可能"}[lang] in present
    assert "✎ 2027-03-31" in text


def test_json_follows_until_it_is_revoked(run: Run, tmp_path: Path) -> None:
    id = accept(tmp_path / "state")
    document = json.loads(run("--at", "2027-01-15", "--json").stdout)
    assert (document["days_left"], document["disabled_from"]) == (75, "2027-03-31")
    assert (document["disabled_from_precision"], document["existing_tenants"]) == ("day", "allowed")
    moved = document["in_force"]["disabled"]
    assert moved == {"from": "2027-03-31", "change": id, "source": "https://example.com", "by": "tanaka"}
    Changes(tmp_path / "state").revoke(id)
    document = json.loads(run("--at", "2027-01-15", "--json").stdout)
    assert (document["disabled_from"], document["existing_tenants"]) == ("2026-12-31", "disabled-by-default")
    assert document["in_force"]["disabled"] is None
