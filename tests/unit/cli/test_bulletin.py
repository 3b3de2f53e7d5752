"""`mailferry bulletin`: the notice alone on standard output, what it did with it, and what it could not."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email import message_from_string, policy
from pathlib import Path

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner, Result

from mailferry.bulletin.post import validate
from mailferry.cli.main import app
from mailferry.clock import SystemClock
from mailferry.inventory.records import Authentication, Fate
from mailferry.inventory.store import Inventory
from mailferry.planner.make import make
from mailferry.planner.settings import PlanSettings
from mailferry.planner.store import save
from support.fake_model import FakeModel, model
from support.fake_wordpress import PASSWORD, USER, FakeWordPress, wordpress
from support.plans import PRODUCTS, TODAY

PAGE = """<!DOCTYPE html><html lang="en"><head><title>Updated Timeline</title>
<meta property="og:site_name" content="Microsoft Exchange Team Blog">
<meta property="article:published_time" content="2026-01-27T17:00:00Z"></head><body><main><article>
<h1>Updated Exchange Online SMTP AUTH Basic Authentication Deprecation Timeline</h1>
<p>We are revising the schedule of Basic authentication for SMTP AUTH client submission in Exchange Online.</p>
<ul><li>End of December 2026: SMTP AUTH Basic Authentication will be disabled by default for existing tenants.</li>
<li>Second half of 2027: Microsoft will announce the final removal date for SMTP AUTH Basic Authentication.</li></ul>
<p>Clients then receive the error
<code>550 5.7.30 Basic authentication is not supported for Client Submission.</code></p>
</article></main></body></html>"""
TITLE = "Exchange Online：SMTP AUTHの基本認証は2026年12月末に既定で無効になります"


class Desk:
    """A folder with a page and a configuration, and the command."""

    def __init__(self, folder: Path) -> None:
        self.page = folder / "page.html"
        self.page.write_text(PAGE)
        self.config = folder / "mailferry.toml"
        self.config.write_text("")
        self.folder = folder

    def run(self, *arguments: str, stdin: str = "", **environ: str) -> Result:
        environment = {"COLUMNS": "80", "LANG": "C.UTF-8", "LC_ALL": "", "MAILFERRY_CONFIG": str(self.config)}
        return CliRunner(env=environment | environ).invoke(app, ["bulletin", *arguments], input=stdin)

    def wordpress(self, site: FakeWordPress) -> None:
        password = '{ env = "TEST_WP_PASSWORD" }'
        self.config.write_text(f'[bulletin.wordpress]\nurl = "{site.url}"\nuser = "{USER}"\npassword = {password}\n')

    def publish(self, *arguments: str, password: str = PASSWORD) -> Result:
        return self.run("publish", str(self.page), *arguments, TEST_WP_PASSWORD=password)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@contextmanager
def beside(service: object) -> Iterator[object]:
    """A service in a loop of another thread: the command has a loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        running = asyncio.run_coroutine_threadsafe(service.__aenter__(), loop).result(10)
        yield running
        asyncio.run_coroutine_threadsafe(service.__aexit__(None, None, None), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def site() -> Iterator[object]:
    with beside(wordpress()) as running:
        yield running


@pytest.fixture
def fake_model() -> Iterator[object]:
    with beside(model()) as running:
        yield running


def test_wordpress_is_json_alone(desk: Desk) -> None:
    result = desk.run(str(desk.page), "--lang", "ja", "--format", "wordpress")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    validate(document)
    assert (document["title"], document["status"]) == (TITLE, "draft")
    assert result.stderr == ""


def test_a_page_from_standard_input_and_write_by_its_name(desk: Desk) -> None:
    piped = desk.run("-", "--lang", "ja", stdin=PAGE)
    named = desk.run("write", "--lang", "ja", str(desk.page))
    assert piped.exit_code == named.exit_code == 0
    assert piped.stdout == named.stdout
    assert piped.stdout.startswith(f"{TITLE}\n")


@pytest.mark.parametrize(
    ("form", "start"),
    [("text", "Exchange Online: Basic"), ("markdown", "# Exchange Online"), ("html", "<!DOCTYPE"), ("teams", "{\n")],
)
def test_forms(desk: Desk, form: str, start: str) -> None:
    result = desk.run(str(desk.page), "--lang", "en", "-f", form)
    assert result.exit_code == 0
    assert result.stdout.startswith(start)


def test_a_mail(desk: Desk) -> None:
    refused = desk.run(str(desk.page), "--format", "mail")
    assert refused.exit_code == 3
    assert "set sender" in refused.stderr
    desk.config.write_text('[bulletin.mail]\nsender = "it@example.com"\nrecipients = ["all@example.com"]\n')
    result = desk.run(str(desk.page), "--format", "mail", "--lang", "ja", "--audience", "owners")
    read = message_from_string(result.stdout, policy=policy.default)
    assert read["Subject"] == "メールを送信する機器・システムの確認のお願い（2026年12月末まで）"


def test_a_recipient_that_is_none(desk: Desk) -> None:
    desk.config.write_text('[bulletin.mail]\nsender = "it@example.com"\n')
    result = desk.run("send", str(desk.page), "--to", "a@example.com\nBcc: b@example.com")
    assert result.exit_code == 2
    assert "is no mail address" in result.stderr


def test_owners_read_who_signs_and_the_figures(desk: Desk) -> None:
    desk.config.write_text('[bulletin]\norganisation = "例示株式会社"\ncontact = "内線 1234"\n')
    figures = desk.folder / "figures.json"
    figures.write_text('{"breaking": 4, "mailboxes": 3}')
    result = desk.run(
        str(desk.page), "--lang", "ja", "--audience", "owners", "--figures", str(figures), "--at", "2026-11-24"
    )
    assert "現在4件です。" in result.stdout
    assert "2026年12月末まで、あと37日です。" in result.stdout
    assert "お問い合わせ先：内線 1234\n\n例示株式会社\n" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nothing.html"], 2, "nothing.html cannot be read: No such file"),
        (["-", "--figures", "nothing.json"], 2, "nothing.json cannot be read"),
        (["-", "--config", "nothing.toml"], 3, "there is no nothing.toml"),
        (["publish", "-"], 3, "no WordPress site is configured"),
        (["send", "-"], 3, "no sender is configured"),
        (["http://127.0.0.1:0/"], 4, "127.0.0.1"),
    ],
)
def test_errors_say_what_to_do(desk: Desk, arguments: list[str], code: int, said: str) -> None:
    result = desk.run(*arguments, stdin=PAGE)
    assert result.exit_code == code, result.stderr
    assert said in result.stderr
    assert "hint:" in result.stderr or "--figures" in arguments
    assert result.stdout == ""


def test_a_page_about_something_else_makes_no_notice(desk: Desk) -> None:
    result = desk.run("-", stdin="<html><body><p>The canteen is closed.</p></body></html>")
    assert result.exit_code == 1
    assert "nothing about the end of Basic authentication" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_facts_fit_the_terminal(desk: Desk, lang: str) -> None:
    result = desk.run("facts", str(desk.page), "--lang", lang)
    assert result.exit_code == 0
    assert "550 5.7.30" in result.stdout
    assert max(cell_len(line) for line in result.stdout.splitlines()) <= 80


def test_facts_as_json(desk: Desk) -> None:
    document = json.loads(desk.run("facts", str(desk.page), "--json").stdout)
    assert document["published"] == "2026-01-27"
    assert [phase["effect"] for phase in document["phases"]] == ["disabled-by-default", "announcement"]
    assert document["phases"][0]["period"]["last"] == "2026-12-31"


def test_publish_once(desk: Desk, site: FakeWordPress) -> None:
    desk.wordpress(site)
    first = desk.publish("--lang", "ja", "--json")
    assert first.exit_code == 0, first.stderr
    told = json.loads(first.stdout)
    assert (told["did"], told["status"]) == ("created", "draft")
    again = desk.publish("--lang", "ja", "--status", "publish")
    assert again.stdout == f"updated (publish): {told['link']}\n"
    assert len(site.posts) == 1
    assert site.posts[told["id"]]["title"] == TITLE
    named = json.loads(desk.publish("--lang", "ja", "--slug", "basic-auth", "--json").stdout)
    assert site.posts[named["id"]]["slug"] == "basic-auth"


def test_publish_refused(desk: Desk, site: FakeWordPress) -> None:
    desk.wordpress(site)
    result = desk.publish(password="wrong")
    assert result.exit_code == 4
    assert "401 Unauthorized" in result.stderr
    assert "application password" in result.stderr
    assert site.posts == {}
    missing = desk.publish(password="")
    assert missing.exit_code == 3
    assert "TEST_WP_PASSWORD" in missing.stderr
    assert desk.publish("--slug", "No Name!").exit_code == 2


def test_a_model_that_errs_is_named_and_the_notice_stands(desk: Desk, fake_model: FakeModel) -> None:
    plain = desk.run(str(desk.page), "--lang", "ja").stdout
    desk.config.write_text(f'[bulletin.model]\nurl = "{fake_model.url}"\nmodel = "test"\n')
    fake_model.say = lambda document: "Here you are: " + json.dumps(document)
    result = desk.run(str(desk.page), "--lang", "ja")
    assert result.stdout == plain
    assert "the language model's text is not used: the answer is not one JSON object" in " ".join(result.stderr.split())
    fake_model.say = lambda document: json.dumps({**document, "title": f"{document['title']}（お知らせ）"})
    result = desk.run(str(desk.page), "--lang", "ja")
    assert result.stdout.startswith(f"{TITLE}（お知らせ）\n")
    assert result.stderr == ""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory with the inventory of a small organisation."""
    folder = tmp_path / "state"
    export = tmp_path / "eac.csv"
    export.write_text(
        "Sender address,Authentication protocol,TLS version,Message count\n"
        "scanner@contoso.com,SMTP AUTH Basic,TLS 1.2,120\nerp@contoso.com,SMTP AUTH Basic,TLS 1.2,40\n"
        "crm@contoso.com,SMTP AUTH OAuth,TLS 1.2,7\n"
    )
    with Inventory(folder, SystemClock()) as inventory:
        inventory.import_paths([export])
    return folder


def test_figures_from_the_inventory(desk: Desk, state: Path) -> None:
    result = desk.run(str(desk.page), "--lang", "ja", "--state", str(state), "--at", "2026-11-24")
    assert result.exit_code == 0, result.stderr
    assert "現在2件です。送信に使われているメールボックスは2個です。" in result.stdout
    assert "あと37日です。" in result.stdout
    assert "対応が完了" not in result.stdout, "there is no plan"


def test_progress_from_the_plan(desk: Desk, state: Path) -> None:
    """The plan was made when nobody had changed; the inventory has seen one by OAuth since."""
    with Inventory(state, SystemClock(), read_only=True) as inventory:
        before = [
            replace(one, authentication=Authentication.BASIC, fate=Fate.BREAKS) for one in inventory.clients(None)
        ]
    save(make(before, PRODUCTS, PlanSettings(pilot=0), TODAY), state)
    result = desk.run(str(desk.page), "--lang", "ja", "--state", str(state), "--at", "2026-11-24")
    assert "これまでに3件のうち1件（33％）の対応が完了しています。" in result.stdout, result.stderr


def test_a_state_without_inventory(desk: Desk) -> None:
    result = desk.run(str(desk.page), "--state", str(desk.folder))
    assert result.exit_code == 4
    assert "mailferry inventory import" in result.stderr
