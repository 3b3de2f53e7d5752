"""The report in a real browser: quiet, self-contained, accessible, and within its page at every width."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from mailferry.inventory.records import Client, Fate
from mailferry.planner.make import make
from mailferry.planner.papers import html
from mailferry.planner.papers.view import View
from mailferry.planner.progress import Snapshot
from mailferry.planner.settings import PlanSettings
from support.plans import PRODUCTS, TODAY, client, volume

pytestmark = pytest.mark.timeout(120)

LANGUAGES = ("en", "ja")
HISTORY = (Snapshot(TODAY, 40, 0, 0), Snapshot(date(2026, 12, 1), 40, 9, 12))


def clients() -> Iterator[Client]:
    """What makes a page wide or ugly: long names, long words, much and little."""
    for number in range(30):
        yield client(f"c{number:02}", volume=volume(peak_minute=number * 4), site=("大阪", "Berlin", "")[number % 3])
    yield client("able", product="able", confidence=0.9, owner="佐藤 花子")
    yield client("graphic", product="graphic", confidence=0.9)
    yield client("long", sender="a" * 60 + "@" + "b" * 60 + ".example.com", owner="o" * 90 + "@example.com")
    yield client("evil", sender='"><img src=x onerror=alert(1)>', owner="<script>alert(2)</script>")
    yield client("unsure", fate=Fate.UNCERTAIN)
    yield client("fine", fate=Fate.CONTINUES)
    for number in range(4):
        yield client(f"v{number}", sender="big@example.com", volume=volume(peak_recipients_day=9000))


@pytest.fixture(scope="module")
def browser(tool: Callable[[str], str]) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=tool("chromium"))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    settings = PlanSettings(country="JP", capacity=2, licences=3, freeze=("2026-12-07/2026-12-18",))
    plan = make(clients(), PRODUCTS, settings, TODAY)
    files = {language: folder / f"report.{language}.html" for language in LANGUAGES}
    for language, file in files.items():
        file.write_bytes(html.render(View(plan, language, HISTORY)))
    return files


@pytest.fixture(params=LANGUAGES)
def page(request: pytest.FixtureRequest, browser: Browser, reports: dict[str, Path]) -> Iterator[Page]:
    """The report, opened; whatever the browser complains about or asks for fails the test."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    complaints: list[str] = []
    address = reports[request.param].as_uri()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda asked: complaints.append(asked.url) if asked.url != address else None)
    page.goto(address)
    yield page
    page.close()
    assert complaints == []


def test_tables_have_names_and_headers(page: Page) -> None:
    tables = page.locator("table")
    assert tables.count() == 3
    for index in range(tables.count()):
        caption = tables.nth(index).locator("caption").inner_text()
        assert page.get_by_role("table", name=caption, exact=True).count() == 1
        scopes = tables.nth(index).locator("th").evaluate_all("cells => cells.map(cell => cell.scope)")
        assert set(scopes) == {"col", "row"}
        rows = tables.nth(index).locator("tbody tr")
        assert rows.locator("th[scope=row]").count() == rows.count()


def test_headings_lead_through_the_page(page: Page) -> None:
    levels = page.locator("h1, h2, h3").evaluate_all("all => all.map(one => one.tagName)")
    assert levels[0] == "H1"
    assert levels.count("H1") == 1
    assert page.locator("html").get_attribute("lang") in LANGUAGES
    unnamed = page.locator("section").evaluate_all(
        "all => all.filter(one => !document.getElementById(one.getAttribute('aria-labelledby'))).length"
    )
    assert unnamed == 0


def test_charts_are_told_in_words(page: Page) -> None:
    charts = page.get_by_role("img")
    assert charts.count() == 2
    for index in range(2):
        told = charts.nth(index).get_attribute("aria-label") or ""
        assert any(char.isdigit() for char in told)
        box = charts.nth(index).locator("svg").bounding_box()
        assert box is not None
        assert box["width"] > 200
        assert box["height"] > 100
    assert "2026-12-" in (charts.nth(1).get_attribute("aria-label") or "")


def test_japanese_has_glyphs(page: Page) -> None:
    """Two letters that a browser without Japanese fonts draws as the same box."""
    same = page.evaluate("""() => {
        const draw = letter => {
            const canvas = document.createElement("canvas");
            canvas.width = canvas.height = 40;
            const pen = canvas.getContext("2d");
            pen.font = "32px " + getComputedStyle(document.body).fontFamily;
            pen.fillText(letter, 2, 34);
            return canvas.toDataURL();
        };
        return draw("計") === draw("画");
    }""")
    assert not same
    assert page.get_by_text("佐藤 花子").first.is_visible()


def test_everything_is_reached_by_keyboard(page: Page) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0  # type: ignore[index]
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.getAttribute('aria-labelledby') || document.activeElement.tagName")
        )
        if reached[-1] == "BODY":
            break
    assert {"waves-caption", "plan-caption", "limits-caption"} <= set(reached)
    assert reached.count("SUMMARY") == page.locator("summary").count()
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("details").first.get_attribute("open") is not None


def test_the_skip_link_leads_to_the_plan(page: Page) -> None:
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "plan"


def test_no_width_overflows(page: Page) -> None:
    page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
    for width in (320, 768, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_prints_whole(page: Page) -> None:
    page.set_viewport_size({"width": 1032, "height": 720})  # A4 landscape within its margins, at 96 dpi
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1032
    cut = page.locator("table").evaluate_all(
        "all => all.filter(one => one.scrollWidth > one.parentElement.clientWidth).length"
    )
    assert cut == 0
    assert page.locator("details dl").first.bounding_box()["height"] > 20  # type: ignore[index] # closed, yet printed
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_text_stands_out(page: Page) -> None:
    """Every text has the contrast that WCAG 2.2 (1.4.3) asks for: 4.5 to 1."""
    weak = page.evaluate("""() => {
        const rgb = text => text.match(/[\\d.]+/g).map(Number);
        const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
            .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
            .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
        const ground = one => {
            for (; one; one = one.parentElement) {
                const colour = rgb(getComputedStyle(one).backgroundColor);
                if (colour.length < 4 || colour[3] > 0) return colour;
            }
            return [255, 255, 255];
        };
        const weak = [];
        for (const one of document.querySelectorAll("main *:not(svg *)")) {
            if (![...one.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
            const [a, b] = [light(rgb(getComputedStyle(one).color)), light(ground(one))].sort((x, y) => y - x);
            if ((a + 0.05) / (b + 0.05) < 4.5) weak.push(one.outerHTML.slice(0, 80));
        }
        return weak;
    }""")
    assert weak == []
