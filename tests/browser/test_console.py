"""The console in a real browser: signing in, both languages, the mark of an announcement, acting on mail; accessible,
quiet, and within its page at every width."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import date
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright
from typer.testing import CliRunner

from mailferry.cli.main import app
from mailferry.console.serve import Console
from mailferry.mail.message import MessageId, format_id
from mailferry.planner import store
from mailferry.planner.make import make
from mailferry.planner.progress import Snapshot, remember
from mailferry.planner.settings import PlanSettings
from mailferry.spool.api import Alarm, State
from support.console import PASSWORD, Place
from support.plans import PRODUCTS, TODAY, client

pytestmark = pytest.mark.timeout(300)

REPLY = "550 5.7.30 Basic authentication is not supported for Client Submission"
PAGES = ("", "timeline", "messages", "messages/{id}", "messages?state=failed")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Everything there is to show: a change that was accepted, a plan and how far it is."""
    made = Place(tmp_path)
    words = ["bulletin", "accept", made.propose(), "--by", "tanaka", "--config", str(made.file)]
    accepted = CliRunner().invoke(app, words)
    assert accepted.exit_code == 0, accepted.output
    clients = [client(f"c{number}", owner="佐藤 花子") for number in range(12)]
    store.save(make(clients, PRODUCTS, PlanSettings(capacity=3), TODAY), made.state)
    remember(Snapshot(date(2026, 11, 24), 12, 5, 4), made.state)
    return made


@pytest.fixture
async def console(place: Place) -> AsyncIterator[Console]:
    async with place.running() as running:
        yield running


@pytest.fixture
async def message(console: Console, place: Place) -> MessageId:
    """A message that waits, from somebody hostile with long names."""
    sender = '"><img src=x onerror=alert(1)>'.replace(" ", "") + "a" * 60 + "@" + "b" * 60 + ".example.com"
    made = await place.put(
        "user@example.org", "c" * 60 + "@example.org", sender=sender, subject="<script>alert(2)</script>"
    )
    await place.answered(made, State.DEFERRED, REPLY)
    await place.gateway.raise_alarm(Alarm("lane:exo/x", place.clock.time(), f"<b>{'x' * 200}", "look at `it`"))
    return made


@pytest.fixture
async def browser(tool: Callable[[str], str]) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=tool("chromium"))
        yield browser
        await browser.close()


@pytest.fixture(params=["en", "ja"])
async def page(request: pytest.FixtureRequest, browser: Browser, console: Console) -> AsyncIterator[Page]:
    """Signed in, by the keyboard alone; whatever the browser complains about or asks of others fails the test."""
    locale = {"en": "en-GB", "ja": "ja-JP"}[request.param]
    context = await browser.new_context(locale=locale, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(120_000)
    page = await context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("request", lambda asked: None if asked.url.startswith(console.address()) else said.append(asked.url))
    await page.goto(console.address())
    assert await page.locator("html").get_attribute("lang") == request.param
    await page.locator("#password:focus").wait_for()
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await page.locator("#count").wait_for()
    yield page
    await context.close()
    assert said == []


async def language(page: Page) -> str:
    return str(await page.locator("html").get_attribute("lang"))


async def test_the_chart_and_the_mark_of_an_accepted_announcement(page: Page, console: Console) -> None:
    chart = page.locator(".chart img")
    await chart.evaluate("one => one.decode()")
    assert await chart.evaluate("one => one.naturalWidth") > 200
    assert "2026-" in str(await chart.get_attribute("alt"))
    title = {"en": "Changed by an accepted announcement", "ja": "承認済みの発表による変更"}[await language(page)]
    for where in ("", "timeline"):
        await page.goto(console.address() + where)
        mark = page.locator(".marks", has_text=title)
        assert await mark.count() == 1
        assert "✎" in await mark.inner_text()
        assert "March 31, 2027" in await mark.inner_text()
        assert await mark.is_visible()


async def test_every_page_is_accessible_and_fits(page: Page, console: Console, message: MessageId) -> None:
    for where in PAGES:
        await page.goto(console.address() + where.format(id=format_id(message)))
        for width in (320, 768, 1280):
            await page.set_viewport_size({"width": width, "height": 800})
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, f"{where} at {width}"
        assert await tables(page) == [], where
        assert await page.locator("h1").count() == 1, where
        unlabelled = "all => all.filter(one => !one.labels.length && !one.ariaLabel).map(one => one.outerHTML)"
        fields = page.locator("input:not([type=hidden]):not([hidden]), select")
        assert await fields.evaluate_all(unlabelled) == [], where
        assert await weak(page) == [], where
        images = page.locator("img")
        assert await images.evaluate_all("all => all.filter(one => !one.alt).length") == 0


async def tables(page: Page) -> list[str]:
    """What is wrong with the tables: no caption, no headers, rows without a name."""
    return list(
        await page.locator("table").evaluate_all("""all => all.filter(table => {
        const heads = [...table.querySelectorAll("thead th")], rows = [...table.querySelectorAll("tbody tr")];
        return !(table.caption && table.caption.textContent.trim())
            || !heads.length || heads.some(one => one.scope !== "col" || !one.textContent.trim())
            || rows.some(row => row.querySelectorAll("th[scope=row]").length !== 1);
    }).map(table => table.outerHTML.slice(0, 200))""")
    )


async def weak(page: Page) -> list[str]:
    """Texts with less contrast than WCAG 2.2 (1.4.3) asks for: 4.5 to 1."""
    return list(
        await page.evaluate("""() => {
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
        for (const one of document.querySelectorAll("body *")) {
            if (![...one.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
            const [a, b] = [light(rgb(getComputedStyle(one).color)), light(ground(one))].sort((x, y) => y - x);
            if ((a + 0.05) / (b + 0.05) < 4.5) weak.push(one.outerHTML.slice(0, 80));
        }
        return weak;
    }""")
    )


async def test_holding_and_dropping_by_the_keyboard(
    page: Page, console: Console, message: MessageId, place: Place
) -> None:
    hold, drop = {"en": ("Hold", "Drop…"), "ja": ("保留", "破棄…")}[await language(page)]
    await page.goto(f"{console.address()}messages")
    assert "<img" in await page.locator("tbody").inner_text()  # as text, and no picture
    await page.locator(f"input[value='{format_id(message)}']").press("Space")
    await page.get_by_role("button", name=hold, exact=True).press("Enter")
    await page.locator(".notice").wait_for()
    assert await place.states(message) == ["held", "held"]
    await page.get_by_role("link", name=format_id(message)).press("Enter")
    await page.locator("article.meaning").wait_for()
    assert "<script>alert(2)</script>" in await page.locator("dl.facts").first.inner_text()
    await page.get_by_role("button", name=drop, exact=True).press("Enter")
    await page.locator(".chosen").wait_for()
    assert await place.states(message) == ["held", "held"]
    await page.locator("main button.danger").press("Enter")
    await page.locator(".notice").wait_for()
    assert await place.states(message) == ["dropped", "dropped"]


async def test_language_skip_link_and_sign_out(page: Page, console: Console) -> None:
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "content"
    other = {"en": "ja", "ja": "en"}[await language(page)]
    await page.locator(f".languages a[lang={other}]").click()
    await page.goto(f"{console.address()}timeline")
    assert await language(page) == other
    await page.locator("form[action='/logout'] button").click()
    await page.locator("#password").wait_for()
    await page.goto(console.address())
    assert await page.locator("#password").count() == 1
