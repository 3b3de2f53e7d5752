"""The papers, opened by what opens them: a spreadsheet, a calendar, a configuration loader, a parser of HTML."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import icalendar
import openpyxl
import pytest

from mailferry.config.load import load_config
from mailferry.inventory.records import Authentication, Client, Fate
from mailferry.planner.make import make
from mailferry.planner.papers import charts, gateway, html, letters, markdown, write
from mailferry.planner.papers.markdown import cell
from mailferry.planner.papers.table import harmless
from mailferry.planner.papers.templating import prose
from mailferry.planner.papers.view import View
from mailferry.planner.progress import Snapshot
from mailferry.planner.settings import PlanSettings
from mailferry.planner.values import Plan, Way
from support.plans import ALL_WAYS, PRODUCTS, TODAY, client, volume

EVIL = '=HYPERLINK("http://evil.example","x")</td><script>alert(1)</script>|`a`\r\n# b'


def plan(*clients: Client, **settings: Any) -> Plan:
    return make(clients, PRODUCTS, PlanSettings(contact="it@example.com", **settings), TODAY)


@pytest.fixture(scope="module")
def some() -> Plan:
    return plan(
        *(client(f"c{number}", volume=volume(peak_minute=number * 10)) for number in range(6)),
        client("able", product="able", confidence=0.9, owner="佐藤 花子", site="大阪"),
        client("old", tls=("1.0",), sender="old@example.com"),
        client("fine", fate=Fate.CONTINUES, authentication=Authentication.OAUTH),
        client("evil", sender=EVIL, owner=EVIL, site=EVIL, addresses=(EVIL,), names=(EVIL,), evidence=(EVIL,)),
        licences=3,
    )


@pytest.fixture(scope="module")
def papers(some: Plan) -> dict[str, bytes]:
    return dict(write(some, history=(Snapshot(TODAY, 9, 0, 0), Snapshot(date(2026, 11, 27), 9, 4, 5))))


def test_what_is_written(papers: dict[str, bytes], some: Plan) -> None:
    forms = {f"{name}.{language}.{end}" for name, end in FORMS for language in ("en", "ja")}
    assert {name for name in papers if "/" not in name} == forms | {"gateway.toml"}
    assert len([name for name in papers if name.startswith("letters/")]) == 2 * 3
    assert dict(write(some, ("ja",))).keys() < papers.keys()


FORMS = (("report", "html"), ("report", "md"), ("plan", "csv"), ("plan", "xlsx"), ("waves", "ics"))


def test_papers_are_functions_of_the_plan(papers: dict[str, bytes], some: Plan) -> None:
    again = dict(write(some, history=(Snapshot(TODAY, 9, 0, 0), Snapshot(date(2026, 11, 27), 9, 4, 5))))
    assert again == papers


class TestSpreadsheet:
    @pytest.mark.parametrize("language", ["en", "ja"])
    def test_opens(self, papers: dict[str, bytes], some: Plan, language: str) -> None:
        book = openpyxl.load_workbook(io.BytesIO(papers[f"plan.{language}.xlsx"]))
        plan_sheet, waves, limits, _ = book.worksheets
        assert plan_sheet.max_row == 1 + len(some.items)
        assert waves.max_row == 1 + len(some.waves)
        assert limits.max_row > 1
        assert plan_sheet.cell(2, 9).value.date() == some.items[0].day

    def test_no_cell_is_a_formula_or_a_link(self, papers: dict[str, bytes]) -> None:
        book = openpyxl.load_workbook(io.BytesIO(papers["plan.en.xlsx"]))
        cells = [one for sheet in book.worksheets for row in sheet.iter_rows() for one in row]
        assert not [one for one in cells if one.data_type == "f" or one.hyperlink]
        assert any(str(one.value).startswith("=HYPERLINK") for one in cells)


class TestCsv:
    def test_reads_back(self, papers: dict[str, bytes], some: Plan) -> None:
        rows = list(csv.reader(io.StringIO(papers["plan.ja.csv"].decode("utf-8-sig"))))
        assert papers["plan.ja.csv"].startswith(b"\xef\xbb\xbf")
        assert len(rows) == 1 + len(some.items)
        assert {len(row) for row in rows} == {len(rows[0])}
        assert rows[0][0] == "クライアント"

    def test_no_cell_is_a_formula(self, papers: dict[str, bytes]) -> None:
        cells = [one for row in csv.reader(io.StringIO(papers["plan.en.csv"].decode("utf-8-sig"))) for one in row]
        assert not [one for one in cells if one.lstrip().startswith(("=", "+", "-", "@"))]
        assert f"'{EVIL}" in cells

    @pytest.mark.parametrize("text", ["=1", "+1", "-1", "@A1", "\t=1", "  =1", "\r=1", "＝1"])
    def test_formulas(self, text: str) -> None:
        assert harmless(text) == f"'{text}"

    @pytest.mark.parametrize("text", ["", "a=1", "user@example.com", "日本"])
    def test_texts(self, text: str) -> None:
        assert harmless(text) == text


class TestCalendar:
    @pytest.mark.parametrize("language", ["en", "ja"])
    def test_one_event_for_each_wave(self, papers: dict[str, bytes], some: Plan, language: str) -> None:
        events = icalendar.Calendar.from_ical(papers[f"waves.{language}.ics"]).walk("VEVENT")
        spans = [(event.decoded("dtstart"), event.decoded("dtend")) for event in events]
        assert spans == [(wave.first, wave.last + timedelta(days=1)) for wave in some.waves]
        assert len({str(event["uid"]) for event in events}) == len(some.waves)

    def test_a_new_plan_moves_the_events(self, papers: dict[str, bytes], some: Plan) -> None:
        uids = [str(e["uid"]) for e in icalendar.Calendar.from_ical(papers["waves.en.ics"]).walk("VEVENT")]
        later = dict(write(replace(some, made=TODAY + timedelta(days=1)), ("ja",)))["waves.ja.ics"]
        assert [str(e["uid"]) for e in icalendar.Calendar.from_ical(later).walk("VEVENT")] == uids

    def test_nothing_breaks_out_of_its_line(self, papers: dict[str, bytes]) -> None:
        lines = papers["waves.en.ics"].decode().split("\r\n")
        assert all(len(line.encode()) <= 75 for line in lines)
        assert not any(line.startswith("# b") for line in lines)


class TestLetters:
    def test_every_client_in_one_letter(self, papers: dict[str, bytes], some: Plan) -> None:
        for language in ("en", "ja"):
            text = "".join(data.decode() for name, data in papers.items() if name.endswith(f".{language}.txt"))
            for item in some.items:
                if item.wave and item.client.id != "evil":
                    assert text.count(f"{item.day}") and text.count(f"{item.client.sender} [") == 1

    def test_names_what_when_and_whom_to_ask(self, papers: dict[str, bytes]) -> None:
        english = papers["letters/kim@example.com.en.txt"].decode()
        assert english.startswith("Subject: ")
        assert "Dear kim@example.com," in english
        assert "From 2026-12-31" in english
        assert "port 587 with STARTTLS" in english
        assert "before that day: it@example.com" in english
        assert "Administrator" not in english

    def test_japanese_is_polite(self, papers: dict[str, bytes]) -> None:
        name = f"letters/{letters.file_name('佐藤 花子')}.ja.txt"
        text = papers[name].decode()
        assert "佐藤 花子 様" in text
        assert "お手数ですが" in text
        assert "管理者:" not in text

    def test_nothing_to_do_for_the_owner(self) -> None:
        one = plan(client(fate=Fate.UNCERTAIN, owner=""))
        text = dict(letters.write(View(one, "en")))["letters/nobody-yet.en.txt"].decode()
        assert "To whom it may concern" in text
        assert "an administrator does it on that day" in text

    @pytest.mark.parametrize("owner", ["../../etc/passwd", "a/b", "", ".", "..", "x" * 300, "CON\x00", "佐藤"])
    def test_file_names_are_harmless(self, owner: str) -> None:
        name = letters.file_name(owner)
        assert Path(name).name == name
        assert name.isascii() and name.strip(".") and len(name) < 100

    def test_no_two_owners_share_a_file(self) -> None:
        assert len({letters.file_name(owner) for owner in ("a b", "a/b", "a-b", "a  b", "A-b")}) == 5


class TestGateway:
    def loaded(self, made: Plan, tmp_path: Path) -> Any:
        file = tmp_path / "gateway.toml"
        file.write_bytes(gateway.render(made))
        return load_config(file, {})

    def test_is_accepted(self, some: Plan, tmp_path: Path) -> None:
        config = self.loaded(some, tmp_path)
        carried = {item.client.sender for item in some.items if item.way.value.startswith("gateway-")}
        assert {one.login for one in config.clients} == carried
        assert [one.name for one in config.listeners] == ["submission", "old-devices"]
        old = next(one for one in config.clients if one.name == "old@example.com")
        assert (old.senders, old.mailbox, old.recipients, old.owner) == (
            ("old@example.com",),
            "old@example.com",
            "internal",
            "kim@example.com",
        )
        assert [str(network) for network in old.login_from] == ["10.1.2.0/24"]

    def test_every_route(self, tmp_path: Path) -> None:
        for way in (way for way in ALL_WAYS if way.value.startswith("gateway-")):
            config = self.loaded(plan(client(), ways=(way,)), tmp_path)
            assert [one.route for one in config.clients] == [route.name for route in config.routes]

    def test_what_does_not_log_in(self, tmp_path: Path) -> None:
        config = self.loaded(plan(client(sender=""), ways=(Way.GATEWAY_ONPREM,)), tmp_path)
        assert [str(network) for network in config.clients[0].networks] == ["10.1.2.3/32"]
        assert config.clients[0].password is None

    def test_two_behind_one_mailbox(self, tmp_path: Path) -> None:
        both = [client(name, sender="a@example.com", addresses=(f"10.{n}.0.1",)) for n, name in enumerate(("c1", "c2"))]
        config = self.loaded(plan(*both), tmp_path)
        assert [str(network) for network in config.clients[0].login_from] == ["10.0.0.0/24", "10.1.0.0/24"]

    def test_a_public_address_locks_nobody_out(self, tmp_path: Path) -> None:
        for public in ("8.8.8.8", "203.0.113.9", "2001:db8::1"):  # those of documentation stand for public ones
            config = self.loaded(plan(client(addresses=("10.1.2.3", public))), tmp_path)
            assert config.clients[0].login_from == ()

    def test_who_may_write_outside(self, tmp_path: Path) -> None:
        reach = {
            outside: self.loaded(plan(client(volume=volume(external_recipients=outside))), tmp_path)
            for outside in (0, 1, None)
        }
        assert [reach[outside].clients[0].recipients for outside in (0, 1, None)] == [
            "internal",
            "anywhere",
            "anywhere",
        ]

    def test_nothing_to_carry(self, tmp_path: Path) -> None:
        assert [one.name for one in self.loaded(plan(), tmp_path).clients] == ["this-machine"]

    def test_logins_are_locked(self) -> None:
        from argon2 import PasswordHasher, extract_parameters
        from argon2.exceptions import VerifyMismatchError

        hasher = PasswordHasher()
        assert extract_parameters(gateway.LOCKED) == extract_parameters(hasher.hash("x"))
        for guess in ("", "mailferry-locked", "password"):
            with pytest.raises(VerifyMismatchError):
                hasher.verify(gateway.LOCKED, guess)


class TestScripts:
    def test_of_the_ways_that_are_taken(self, papers: dict[str, bytes]) -> None:
        names = {name.split("/")[1] for name in papers if name.startswith("scripts/")}
        assert names == {"smtp-rbac.en", "smtp-rbac.ja"}
        every = dict(write(plan(client(), ways=(Way.CONNECTOR,)), ("en",)))
        assert any(name.startswith("scripts/connector.en/") for name in every)

    def test_names_the_mailboxes_of_the_way_and_no_others(self, papers: dict[str, bytes], some: Plan) -> None:
        text = papers["scripts/smtp-rbac.en/2-smtp-rbac.ps1"].decode("utf-8-sig")
        for item in some.items:
            if item.client.id != "evil":
                assert (f"'{item.client.sender}'" in text) is (item.way is Way.GATEWAY_SMTP)
        assert "evil" not in text

    def test_a_connector_trusts_public_addresses(self) -> None:
        one = client(addresses=("10.1.2.3", "8.8.8.8", "2001:4860:4860::8888"))
        every = dict(write(plan(one, ways=(Way.CONNECTOR,)), ("en",)))
        text = every["scripts/connector.en/1-connector.ps1"].decode("utf-8-sig")
        assert "8.8.8.8" in text
        assert "10.1.2.3" not in text


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


class TestHtml:
    def test_stands_for_itself(self, papers: dict[str, bytes]) -> None:
        page = Page(papers["report.en.html"].decode())
        assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "image", "use"}
        addresses = {
            name for _, attributes in page.tags for name in ("src", "href", "xlink:href") if attributes.get(name)
        }
        assert addresses == {"href"}
        assert {attributes["href"] for _, attributes in page.tags if attributes.get("href")} == {"#plan"}

    def test_what_an_export_said_is_text(self, papers: dict[str, bytes]) -> None:
        assert "<script>alert(1)</script>" in Page(papers["report.ja.html"].decode()).text

    def test_two_charts(self, some: Plan) -> None:
        drawn = charts.svg(charts.burndown(View(some, "ja", (Snapshot(TODAY, 9, 1, 1),))))
        assert drawn.startswith("<svg")
        assert "実績" in drawn
        assert "2026-12-31" in drawn

    def test_only_so_many_rows(self, some: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(html, "ROWS", 3)
        text = html.render(View(some, "en")).decode()
        assert f"The first 3 of {len(some.items)}" in text

    def test_nothing_at_all(self) -> None:
        assert "Everything fits" in html.render(View(plan(), "en")).decode()

    def test_code_in_a_text(self) -> None:
        assert prose("set `a<b` now") == "set <code>a&lt;b</code> now"
        assert prose("one ` alone <") == "one ` alone &lt;"


class TestMarkdown:
    def test_tables_keep_their_columns(self, papers: dict[str, bytes]) -> None:
        lines = papers["report.en.md"].decode().splitlines()
        tables = [line for line in lines if line.startswith("|")]
        columns = [line.replace("\\|", "").count("|") for line in tables]
        assert set(columns) <= {3, 6, 7, 10}
        assert not any(line.startswith("# b") for line in lines)

    def test_markup_is_escaped(self) -> None:
        assert cell("a|b <i>\r\n*c*") == r"a\|b \<i\> \*c\*"

    def test_no_limits_no_table(self) -> None:
        assert "Published" not in markdown.render(View(plan(), "en")).decode()


def test_the_burndown_ends_where_the_plan_does(some: Plan) -> None:
    points = View(some, "en").burndown()
    assert points[0] == (TODAY, 9)
    assert points[-1] == (max(item.day for item in some.items if item.day), 0)
    assert [left for _, left in points] == sorted((left for _, left in points), reverse=True)


class TestClouds:
    def test_scripts_and_configuration_are_of_the_tenants_cloud(self, tmp_path: Path) -> None:
        made = plan(client(), cloud="gcc-high")
        found = dict(write(made, ("en",)))
        scripts = [text.decode("utf-8-sig") for name, text in found.items() if name.startswith("scripts/")]
        assert any("Connect-ExchangeOnline -ExchangeEnvironmentName O365USGovGCCHigh " in text for text in scripts)
        assert any("Connect-MgGraph -Environment USGov " in text for text in scripts)
        assert TestGateway().loaded(made, tmp_path).tenants[0].cloud == "gcc-high"

    def test_the_worldwide_cloud_needs_no_word(self) -> None:
        found = dict(write(plan(client()), ("en",)))
        assert not any(b"Environment" in text for name, text in found.items() if name.startswith("scripts/"))
        assert b"cloud" not in found["gateway.toml"]

    @pytest.mark.parametrize("way", [Way.GATEWAY_HVE, Way.GATEWAY_ACS])
    def test_what_a_cloud_does_not_have_is_no_way(self, way: Way) -> None:
        with pytest.raises(ValueError, match=f"the cloud china has nothing for {way.value}"):
            PlanSettings(cloud="china", ways=(Way.GATEWAY_SMTP, way))
