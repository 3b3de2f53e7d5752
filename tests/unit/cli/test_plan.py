"""`mailferry plan`: from imported exports to a plan, its papers, and the progress against it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from mailferry.bulletin.changes import Changes
from mailferry.cli.plan import plan
from mailferry.clock import SystemClock
from mailferry.inventory.store import Inventory
from mailferry.planner.store import load
from support.accepted import accept

REPORT = """Sender address,Domain,Authentication Protocol,{tls},Messages sent
scanner@example.com,example.com,{scanner},0.00,0.00,100.00,900
old@example.com,example.com,Basic Authentication,100.00,0.00,0.00,40
erp@example.com,example.com,Modern Authentication,0.00,0.00,100.00,5000
"""
TLS = "TLS 1.0 (percent),TLS 1.1 (percent),TLS 1.2 (percent)"
SIGNINS = """Date (UTC),Request ID,User,Username,IP address,Status,Sign-in error code,Failure reason,Client app
2026-11-20T08:00:00Z,1,Scanner,scanner@example.com,203.0.113.7,Success,None,,Authenticated SMTP
2026-11-20T09:00:00Z,2,Old,old@example.com,203.0.113.8,Success,None,,Authenticated SMTP
"""
OWNERS = "address,owner\nscanner@example.com,kim@example.com\n"

Run = Callable[..., Result]


def exports(folder: Path, scanner: str = "Basic Authentication") -> Path:
    folder.mkdir(parents=True)
    (folder / "report.csv").write_text(REPORT.format(scanner=scanner, tls=TLS), encoding="utf-8")
    (folder / "signins.csv").write_text(SIGNINS, encoding="utf-8")
    (folder / "owners.csv").write_text(OWNERS, encoding="utf-8")
    return folder


def imported(folder: Path, state: Path) -> Path:
    with Inventory(state, SystemClock()) as inventory:
        inventory.import_paths([folder])
    return state


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("plan")
    return imported(exports(base / "exports"), base / "state")


@pytest.fixture
def state(inventory: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(inventory, tmp_path / "state"))


@pytest.fixture
def run(state: Path) -> Run:
    def call(command: str, *arguments: str, columns: int = 80) -> Result:
        runner = CliRunner(env={"COLUMNS": str(columns), "LANG": "C.UTF-8", "LC_ALL": "", "MAILFERRY_CONFIG": ""})
        at = ["--at", "2026-11-24"] if command in ("make", "progress") else []
        return runner.invoke(plan, [command, *arguments, *at, "--state", str(state)])

    return call


def document(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


class TestMake:
    def test_makes_and_shows(self, run: Run, state: Path) -> None:
        result = run("make", "--owner", "it@example.com")
        assert result.exit_code == 0, result.output
        assert "3 clients: 2 to change, 1 need nothing" in result.stdout
        assert "disabled from 2026-12-31: 37 days" in result.stdout
        assert "mailferry plan show" in result.stderr
        assert max(map(len, result.stdout.splitlines())) <= 80
        assert (state / "plan.json").exists()

    def test_follows_an_accepted_change(self, run: Run, state: Path) -> None:
        id = accept(state)
        result = run("make", "--lang", "ja")
        assert "2027-03-31" in result.stdout
        assert "承認済みの発表" in result.stderr
        assert load(state).cutoff == date(2027, 3, 31)
        assert sum(1 for item in load(state).items if item.wave) == 2
        Changes(state).revoke(id)
        assert document(run("make", "--json"))["cutoff"] == "2026-12-31"

    def test_its_own_cutoff_goes_before_an_accepted_one(self, run: Run, state: Path, tmp_path: Path) -> None:
        accept(state)
        result = run("make", "--cutoff", "2026-12-15", "--json")
        assert document(result)["cutoff"] == "2026-12-15"
        assert document(result)["to_change"] == 2, "who breaks is judged by the day of the plan"
        assert "accepted" not in result.stderr
        settings = tmp_path / "plan.toml"
        settings.write_text("[plan]\ncutoff = 2026-12-20\n", encoding="utf-8")
        assert document(run("make", "--config", str(settings), "--json"))["cutoff"] == "2026-12-20"

    def test_a_start_after_the_accepted_day_is_refused(self, run: Run, state: Path) -> None:
        accept(state, date(2026, 12, 1))
        result = run("make", "--start", "2026-12-10")
        assert result.exit_code == 2
        assert "`start` is after `cutoff`" in result.stderr

    def test_in_japanese(self, run: Run) -> None:
        result = run("make", "--lang", "ja")
        assert "クライアント 3 件: 要対応 2 件" in result.stdout
        assert "担当者が未設定" in result.stdout

    def test_for_programs(self, run: Run) -> None:
        made = document(run("make", "--json"))
        assert (made["clients"], made["to_change"], made["cutoff"]) == (3, 2, "2026-12-31")
        assert sum(made["ways"].values()) == 3

    def test_options_are_settings(self, run: Run) -> None:
        made = document(
            run("make", "--json", "--cutoff", "2027-03-01", "--way", "gateway-hve", "--start", "2027-01-04")
        )
        assert made["cutoff"] == "2027-03-01"
        assert made["ways"] == {"ask": 2, "nothing": 1}
        assert made["waves"][0]["first"] == "2027-01-04"

    def test_a_section_of_the_configuration(self, run: Run, tmp_path: Path) -> None:
        file = tmp_path / "plan.toml"
        file.write_text('[plan]\ncutoff = 2027-02-01\nowner = "it@example.com"\n', encoding="utf-8")
        assert document(run("make", "--json", "--config", str(file)))["cutoff"] == "2027-02-01"
        made = document(run("make", "--json", "--config", str(file), "--cutoff", "2027-03-01"))
        assert (made["cutoff"], made["warnings"]) == ("2027-03-01", [])

    def test_the_cloud_is_the_tenants(self, run: Run, state: Path, tmp_path: Path) -> None:
        file = tmp_path / "gateway.toml"
        tenant = (
            '[[tenant]]\nname = "{}"\ntenant_id = "example.com"\nclient_id = "11112222-bbbb-3333-cccc-4444dddd5555"\n'
            'secret = {{ file = "secret.txt" }}\ncloud = "{}"\n'
        )
        file.write_text(tenant.format("one", "gcc-high"), encoding="utf-8")
        document(run("make", "--json", "--config", str(file)))
        assert load(state).cloud == "gcc-high"
        file.write_text(f'{tenant.format("one", "gcc-high")}[plan]\ncloud = "china"\n', encoding="utf-8")
        document(run("make", "--json", "--config", str(file)))
        assert load(state).cloud == "china"
        file.write_text(tenant.format("one", "dod") + tenant.format("two", "worldwide"), encoding="utf-8")
        document(run("make", "--json", "--config", str(file)))
        assert load(state).cloud == "worldwide"

    @pytest.mark.parametrize(
        ("arguments", "complaint"),
        [
            (("--freeze", "soon"), "soon"),
            (("--way", "pigeon"), "ways"),
            (("--country", "QQ"), "public holidays of 'QQ'"),
            (("--prefer", "neither"), "prefer"),
            (("--start", "2027-02-01", "--cutoff", "2027-01-01"), "is after"),
        ],
    )
    def test_what_cannot_be_meant(self, run: Run, arguments: tuple[str, ...], complaint: str) -> None:
        result = run("make", *arguments)
        assert result.exit_code == 2
        assert complaint in result.stderr
        assert "Traceback" not in result.output

    def test_an_error_in_the_configuration(self, run: Run, tmp_path: Path) -> None:
        file = tmp_path / "plan.toml"
        file.write_text("[plan]\ncapacity = 0\n", encoding="utf-8")
        result = run("make", "--config", str(file))
        assert result.exit_code == 3
        assert "plan.toml:2" in result.stderr
        assert run("make", "--config", str(tmp_path / "none.toml")).exit_code == 3

    def test_nothing_was_imported(self, tmp_path: Path) -> None:
        result = CliRunner().invoke(plan, ["make", "--state", str(tmp_path)])
        assert result.exit_code == 4
        assert "mailferry inventory import" in result.stderr


class TestShow:
    def test_client_by_client(self, run: Run) -> None:
        run("make")
        result = run("show")
        assert result.exit_code == 0
        assert {"scanner", "old", "erp"} <= {word.split("@")[0] for word in result.stdout.split()}
        assert max(map(len, result.stdout.splitlines())) <= 80

    def test_one_client(self, run: Run) -> None:
        run("make")
        result = run("show", "OLD@example.com")
        for text in ("TLS 1.0", "What to do", "Evidence", "Ways not taken"):
            assert text in result.stdout
        assert "やること" not in result.stdout
        assert "作業内容" in run("show", "old@example.com", "--lang", "ja").stdout

    def test_a_part_of_it(self, run: Run) -> None:
        run("make")
        every = document(run("show", "--json"))["items"]
        assert len(every) == 3
        mine = document(run("show", "--json", "--owner", "kim@example.com"))["items"]
        assert [item["sender"] for item in mine] == ["scanner@example.com"]
        still = document(run("show", "--json", "--wave", "0"))["items"]
        assert [(item["sender"], item["way"]) for item in still] == [("erp@example.com", "nothing")]
        assert [item["way"] for item in document(run("show", "--json", "--way", "nothing"))["items"]] == ["nothing"]
        assert run("show", "nobody@example.com").exit_code == 1

    def test_no_plan_yet(self, run: Run) -> None:
        result = run("show")
        assert result.exit_code == 4
        assert "mailferry plan make" in result.stderr

    def test_a_damaged_plan(self, run: Run, state: Path) -> None:
        (state / "plan.json").write_text("{}")
        assert "holds no plan" in run("show").stderr


class TestWrite:
    def test_all_papers(self, run: Run, tmp_path: Path) -> None:
        run("make")
        result = run("write", str(tmp_path / "papers"))
        assert result.exit_code == 0, result.output
        names = {
            str(file.relative_to(tmp_path / "papers")) for file in (tmp_path / "papers").rglob("*") if file.is_file()
        }
        assert {"gateway.toml", "report.en.html", "report.ja.html", "plan.en.xlsx", "waves.ja.ics"} <= names
        assert any(name.startswith("letters/kim@example.com") for name in names)
        assert f"{len(names)} files" in result.stderr

    def test_a_client_by_a_part_of_its_name(self, run: Run) -> None:
        run("make")
        whole = run("show", "--json")
        sender = next(item["sender"] for item in json.loads(whole.stdout)["items"] if item["sender"])
        assert sender in run("show", sender[:-4]).stdout
        assert "is called 'nosuch'" in run("show", "nosuch").stderr

    def test_one_language(self, run: Run, tmp_path: Path) -> None:
        run("make")
        assert "開いてください" in run("write", str(tmp_path / "papers"), "--lang", "ja").stderr
        assert not list((tmp_path / "papers").rglob("*.en.*"))
        assert run("write", str(tmp_path / "papers"), "--lang", "de").exit_code == 2

    def test_a_changed_gateway_configuration_is_kept(self, run: Run, tmp_path: Path) -> None:
        run("make")
        run("write", str(tmp_path))
        file = tmp_path / "gateway.toml"
        mine = file.read_text(encoding="utf-8") + "# mine\n"
        file.write_text(mine, encoding="utf-8")
        script = next((tmp_path / "scripts").rglob("*.ps1"))
        script.write_text("mine", encoding="utf-8")
        assert "--replace" in run("write", str(tmp_path)).stderr
        assert script.read_text(encoding="utf-8") == "mine"
        assert file.read_text(encoding="utf-8") == mine
        run("write", str(tmp_path), "--replace")
        assert "# mine" not in file.read_text(encoding="utf-8")

    def test_letters_of_an_earlier_plan_are_told(self, run: Run, tmp_path: Path) -> None:
        run("make")
        assert "earlier plan" not in run("write", str(tmp_path)).stderr
        run("make", "--owner", "it@example.com")
        assert "2 letters" in run("write", str(tmp_path)).stderr

    def test_a_place_that_is_none(self, run: Run, tmp_path: Path) -> None:
        run("make")
        (tmp_path / "file").write_text("")
        result = run("write", str(tmp_path / "file"))
        assert result.exit_code == 4
        assert "cannot be written" in result.stderr


class TestProgress:
    def test_of_one_day_the_last_count_is_kept(self, run: Run, state: Path, tmp_path: Path) -> None:
        run("make")
        before = document(run("progress", "--json"))
        assert (before["planned"], before["moved"]) == (2, 0)
        imported(exports(tmp_path / "later", scanner="Modern Authentication"), state)
        after = document(run("progress", "--json"))
        assert [shot["planned"] for shot in after["history"]] == [2]

    def test_as_a_bar(self, run: Run) -> None:
        run("make")
        result = run("progress")
        assert "0 of 2 clients have moved" in result.stdout
        assert "2 件中 0 件が移行済み" in run("progress", "--lang", "ja").stdout

    def test_no_plan_yet(self, run: Run) -> None:
        assert run("progress").exit_code == 4


def test_where_the_state_is(tmp_path: Path) -> None:
    from mailferry.cli.plan_input import directory

    alone, whole = tmp_path / "plan.toml", tmp_path / "mailferry.toml"
    alone.write_text("[plan]\ncapacity = 3\n", encoding="utf-8")
    whole.write_text(GATEWAY, encoding="utf-8")
    assert directory(tmp_path, alone) == tmp_path
    assert directory(None, alone) == Path("mailferry-state")
    assert directory(None, tmp_path / "none.toml") == Path("mailferry-state")
    assert directory(None, whole) == tmp_path / "here"


GATEWAY = """
[gateway]
hostname = "gw.example.com"
state = "here"

[[listener]]
name = "devices"
address = "127.0.0.1:2525"
tls = "none"
authentication = "none"

[[client]]
name = "scanner"
networks = ["192.0.2.7"]

[[route]]
name = "relay"
type = "smarthost"
host = "relay.example.com"

[routing]
internal_domains = ["example.com"]
"""
