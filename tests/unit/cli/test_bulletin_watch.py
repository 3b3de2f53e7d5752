"""`mailferry bulletin compare`, `accept`, `watch`, and the mark in `mailferry timeline`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner, Result

from mailferry.cli.main import app

MOVED = """<html><head><title>SMTP AUTH gets more time | Example News</title></head><body>
<h1>SMTP AUTH gets more time</h1>
<p>Published: November 20, 2026</p>
<p>In existing tenants, Basic authentication for SMTP AUTH is disabled by default on March 31, 2027.</p>
<p>The final removal date will be announced in the second half of 2027.</p></body></html>"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mailferry.toml"
    path.write_text(
        f'[gateway]\nhostname = "gw.example.com"\nstate = "{tmp_path}/state"\n[bulletin]\n', encoding="utf-8"
    )
    (tmp_path / "state").mkdir()
    (tmp_path / "page.html").write_text(MOVED, encoding="utf-8")
    return path


def run(*arguments: str, config: Path, lang: str = "en") -> Result:
    runner = CliRunner(env={"COLUMNS": "80", "LANG": "C.UTF-8", "LC_ALL": ""})
    return runner.invoke(app, [*arguments, "--config", str(config), "--lang", lang])


def propose(config: Path) -> str:
    page = str(config.parent / "page.html")
    result = run("bulletin", "compare", page, "--propose", "--json", config=config)
    assert result.exit_code == 1
    return str(json.loads(result.stdout)["changes"][0]["id"])


@pytest.mark.parametrize(("lang", "words"), [("en", ("contradicts", "agrees")), ("ja", ("不一致", "一致"))])
def test_compare(config: Path, lang: str, words: tuple[str, ...]) -> None:
    result = run("bulletin", "compare", str(config.parent / "page.html"), config=config, lang=lang)
    assert result.exit_code == 1
    for word in words:
        assert word in result.stdout
    assert "mailferry bulletin accept 2027-03-disabled-by-default-" in result.stdout
    assert max(cell_len(line) for line in result.stdout.splitlines()) <= 80


def test_a_change_is_marked_in_the_timeline_after_a_person_accepted_it(config: Path) -> None:
    id = propose(config)
    assert "✎" not in run("timeline", config=config).stdout
    assert id in run("bulletin", "accept", config=config).stdout
    accepted = run("bulletin", "accept", id, "--by", "tanaka", config=config)
    assert accepted.exit_code == 0
    assert "disabled by default from 2027-03-31, by an accepted announcement" in " ".join(accepted.stderr.split())
    shown = run("timeline", config=config)
    assert "✎ Changed by an accepted announcement" in shown.stdout
    assert "Example News, 2026-11-20; accepted by tanaka" in shown.stdout
    japanese = run("timeline", config=config, lang="ja").stdout
    assert "承認済みの発表による変更" in japanese
    document = json.loads(run("timeline", "--json", config=config).stdout)
    assert [(each["id"], each["accepted_by"], each["first"]) for each in document["accepted"]] == [
        (id, "tanaka", "2027-03-31")
    ]


def test_a_proposed_change_is_shown_as_no_more_than_that(config: Path) -> None:
    id = propose(config)
    shown = run("timeline", config=config).stdout
    assert "? Proposed by an announcement, not accepted yet" in shown
    assert "The schedule has: from the end of December 2026" in " ".join(shown.split())
    assert f"mailferry bulletin accept {id}" in " ".join(shown.split())
    assert max(cell_len(line) for line in shown.splitlines() if "https://" not in line) <= 80
    japanese = run("timeline", config=config, lang="ja").stdout
    assert "発表による変更の提案（未承認）" in japanese
    assert "2026 年 12 月末から" in japanese
    document = json.loads(run("timeline", "--json", config=config).stdout)
    assert ([each["id"] for each in document["proposed"]], document["accepted"]) == ([id], [])


def test_dropping_takes_the_mark_away(config: Path) -> None:
    id = propose(config)
    run("bulletin", "accept", id, config=config)
    assert run("bulletin", "accept", id, "--drop", config=config).exit_code == 0
    assert "✎" not in run("timeline", config=config).stdout


def test_an_unknown_change(config: Path) -> None:
    result = run("bulletin", "accept", "2031-01-nothing", config=config)
    assert result.exit_code == 1
    assert "there is no proposed change 2031-01-nothing" in result.stderr


def test_nothing_proposed(config: Path) -> None:
    result = run("bulletin", "accept", config=config)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "No change is proposed or accepted." in result.stderr


def test_watch_without_an_address(config: Path) -> None:
    result = run("bulletin", "watch", "--once", config=config)
    assert result.exit_code == 3
    assert "set addresses under [bulletin]" in result.stderr


def test_watch_says_what_cannot_be_had(config: Path) -> None:
    result = run("bulletin", "watch", "http://127.0.0.1:1/page", "--once", config=config)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "127.0.0.1:1" in result.stderr


def test_a_damaged_file_of_changes(config: Path) -> None:
    path = config.parent / "state" / "bulletin" / "accepted.json"
    path.parent.mkdir()
    path.write_text("{", encoding="utf-8")
    result = run("timeline", config=config)
    assert result.exit_code == 4
    assert "accepted.json is damaged" in result.stderr


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """The page of `config` on a real web server."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path))) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/page.html"
        server.shutdown()
        thread.join()


def test_a_changed_schedule_reaches_the_alarm_targets_once(config: Path, site: str) -> None:
    told = config.parent / "told"
    config.write_text(
        f"""[gateway]
hostname = "gw.example.com"
state = "{config.parent}/state"
[[alarm]]
name = "pager"
type = "command"
command = ["/bin/sh", "-c", "cat >> {told}"]
[bulletin]
addresses = ["{site}"]
""",
        encoding="utf-8",
    )
    first = run("bulletin", "watch", "--once", config=config)
    assert first.exit_code == 1, first.stderr
    assert "alarm: Example News says of the end of Basic authentication" in first.stderr
    assert "March 31, 2027" in told.read_text(encoding="utf-8")
    before = told.read_bytes()
    again = run("bulletin", "watch", "--once", config=config)
    assert (again.exit_code, again.stdout, again.stderr) == (0, "", "")
    assert told.read_bytes() == before


def test_watch_for_programs_is_an_object_a_line(config: Path, site: str) -> None:
    result = run("bulletin", "watch", site, "--once", "--json", config=config)
    (line,) = result.stdout.splitlines()
    told = json.loads(line)
    assert (told["address"], told["outcome"]) == (site, "contradicted")
    assert [point["verdict"] for point in told["points"]] == ["contradicts", "agrees"]
    assert told["changes"][0]["first"] == "2027-03-31"
