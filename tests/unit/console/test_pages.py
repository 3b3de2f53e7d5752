"""What the pages show, in both languages, with everything there and with nothing there."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from mailferry.bulletin.changes import Changes
from mailferry.console.serve import Console, Subject
from mailferry.console.words import _WORDS, EVENTS, STATES, Words
from mailferry.planner import store
from mailferry.planner.make import make
from mailferry.planner.progress import Snapshot, remember
from mailferry.planner.settings import PlanSettings
from mailferry.spool.api import Alarm, State
from support.console import NOW, Browser, Place
from support.plans import PRODUCTS, TODAY, client

COUNTS = {"en": ("37 days left", "until the end of December 2026"), "ja": ("あと 37 日", "2026 年 12 月末まで")}
ACCEPTED = {"en": "Changed by an accepted announcement", "ja": "承認済みの発表による変更"}
PROPOSED = {"en": "Proposed by an announcement, not accepted yet", "ja": "発表による変更の提案（未承認）"}
SENTENCE = "In existing tenants, Basic authentication for SMTP AUTH is disabled by default on March 31, 2027."


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("page", ["/", "/timeline"])
async def test_the_days_that_are_left(admin: Browser, page: str, language: str) -> None:
    text = await admin.get(f"{page}?lang={language}")
    assert f'<html lang="{language}">' in text
    for words in COUNTS[language]:
        assert words in text


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("page", ["/", "/timeline"])
async def test_the_mark_of_an_announcement(admin: Browser, place: Place, page: str, language: str) -> None:
    where = f"{page}?lang={language}"
    assert SENTENCE not in await admin.get(where)
    change = place.propose()
    proposed = await admin.get(where)
    assert PROPOSED[language] in proposed
    assert ACCEPTED[language] not in proposed
    assert f"<code>mailferry bulletin accept {change}</code>" in proposed
    Changes(place.state).accept(change, "tanaka", NOW.date())
    accepted = await admin.get(where)
    assert PROPOSED[language] not in accepted
    assert ACCEPTED[language] in accepted
    assert SENTENCE in accepted
    assert "✎" in accepted
    assert "tanaka" in accepted
    assert 'href="https://news.example.com/smtp"' in accepted


@pytest.mark.parametrize("page", ["/", "/timeline"])
async def test_the_days_follow_an_accepted_change(admin: Browser, place: Place, page: str) -> None:
    change = place.propose()
    assert "37 days left" in await admin.get(page)
    Changes(place.state).accept(change, "tanaka", NOW.date())
    text = await admin.get(page)
    assert "127 days left" in text
    assert "until 2027-03-31" in text
    assert "disabled by default from 2027-03-31, by an accepted announcement" in text
    assert ("✎ 2027-03-31" in text) is (page == "/timeline")
    assert "あと 127 日" in await admin.get(f"{page}?lang=ja")
    Changes(place.state).revoke(change)
    assert "37 days left" in await admin.get(f"{page}?lang=en")


async def test_an_address_that_is_no_link_is_none(admin: Browser, place: Place) -> None:
    place.propose()
    file = place.state / "bulletin" / "proposed.json"
    file.write_text(file.read_text().replace("https://news.example.com/smtp", "javascript:alert(1)"))
    text = await admin.get("/timeline")
    assert SENTENCE in text
    assert "javascript:" not in text


async def test_a_damaged_file_hides_nothing_else(admin: Browser, place: Place) -> None:
    (place.state / "bulletin").mkdir()
    (place.state / "bulletin" / "accepted.json").write_text("{")
    for page in ("/", "/timeline"):
        text = await admin.get(page)
        assert admin.status == 200
        assert "accepted.json is damaged" in text
        assert "37 days left" in text


async def test_every_revision_has_its_source_and_date(admin: Browser) -> None:
    text = await admin.get("/timeline")
    for published in ("2024-04-15", "2025-06-12", "2026-01-27"):
        assert f"Phases announced on {published}" in text
        assert f"Published: {published}" in text
    assert text.count("replaced by a later announcement") == 2
    assert text.count("in force") >= 1
    assert "name and place of the switch" in text


async def test_alarms_stand_with_their_cure_the_worst_first(admin: Browser, place: Place) -> None:
    assert "No alarm is open." in await admin.get("/")
    now = place.clock.time()
    await place.gateway.raise_alarm(Alarm("expiry:contoso", now - 9000, "the secret ends", "make a new one"))
    await place.gateway.raise_alarm(Alarm("lane:exo", now - 60, "535 5.7.139 no", "enable SMTP AUTH"))
    text = await admin.get("/?lang=ja")
    assert text.index("送信が停止しています") < text.index("シークレットまたは証明書の有効期限が近づいています")
    assert "対処方法" in text
    assert '<p lang="en"><bdi>535 5.7.139 no</bdi></p>' in text
    assert "2026-11-24 08:59:00" in text


async def test_the_queue_is_counted(admin: Browser, place: Place) -> None:
    assert "The queue is empty." in await admin.get("/")
    await place.put("a@example.org", "b@example.org")
    text = await admin.get("/")
    assert '<a href="/messages?state=queued">' in text
    assert '<td class="number">2</td>' in text


async def test_a_plan_shows_who_breaks_and_the_burndown(admin: Browser, place: Place) -> None:
    text = await admin.get("/")
    assert "<code>mailferry inventory import</code>" in text
    assert "<code>mailferry plan make</code>" in text
    plan = make([client(f"c{number}") for number in range(12)], PRODUCTS, PlanSettings(capacity=3), TODAY)
    store.save(plan, place.state)
    remember(Snapshot(date(2026, 11, 24), 12, 5, 4), place.state)
    text = await admin.get("/")
    assert "<dt>Break at the cut-off</dt><dd>12</dd>" in text
    assert "<dt>Changed so far</dt><dd>5 / 12</dd>" in text
    assert "<code>mailferry plan make</code>" not in text
    assert '<img src="/burndown.svg?lang=en"' in text
    drawing = await admin.get("/burndown.svg?lang=ja")
    assert drawing.startswith("<svg")
    assert admin.headers["Content-Type"] == "image/svg+xml"
    assert "sandbox" in admin.headers["Content-Security-Policy"]
    (place.state / store.FILE).write_text("{}")
    text = await admin.get("/")
    assert "plan.json holds no plan" in text
    assert "37 days left" in text
    await admin.get("/burndown.svg")
    assert admin.status == 404


async def test_a_newcomer_without_a_gateway_sees_the_schedule(place: Place, tmp_path: Path) -> None:
    settings = place.console()._settings
    console = Console(settings, Subject(tmp_path / "nothing"), place.clock, place.log)
    await console.start()
    try:
        async with Browser(console) as browser:
            await browser.sign_in()
            for page in ("/", "/messages"):
                assert "<code>mailferry init</code>" in await browser.get(page)
            assert "in force" in await browser.get("/timeline")
            await browser.get("/messages/0000000000001")
            assert browser.status == 404
    finally:
        await console.stop()
    assert not (tmp_path / "nothing").exists()


async def test_a_spool_that_is_not_there_yet_is_looked_for_again(tmp_path: Path) -> None:
    place = Place(tmp_path)
    console = place.console()
    await console.start()
    try:
        async with Browser(console) as browser:
            await browser.sign_in()
            assert "the gateway makes it at its first start" in await browser.get("/")
            await place.gateway.open()
            await place.put()
            assert "user@example.org" in await browser.get("/messages")
    finally:
        await console.stop()
        await place.gateway.close()


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("ja", "ja"),
        ("ja-JP,en;q=0.5", "ja"),
        ("en-GB,ja;q=0.9", "en"),
        ("fr,ja;q=0.1", "ja"),
        ("ja;q=0", "en"),
        ("fr", "en"),
        ("", "en"),
        (";;q=,ja;q=x", "en"),
    ],
)
async def test_the_language_of_the_browser(console: Console, accept: str, language: str) -> None:
    async with Browser(console, {"Accept-Language": accept}) as browser:
        assert f'<html lang="{language}">' in await browser.get("/login")


async def test_a_language_that_was_chosen_stays(admin: Browser) -> None:
    await admin.get("/timeline?lang=ja")
    assert '<html lang="ja">' in await admin.get("/messages")
    assert '<html lang="en">' in await admin.get("/messages?lang=en")
    assert '<html lang="en">' in await admin.get("/")


def test_every_word_is_in_both_languages() -> None:
    same = {"name"}
    for key, text in _WORDS.items():
        assert text.en, key
        assert text.ja, key
        assert key in same or text.en != text.ja, key
        assert text.en.count("{}") == text.ja.count("{}"), key
    assert set(STATES) == set(State)
    assert set(STATES) < set(EVENTS)
    with pytest.raises(KeyError):
        Words("en")["nothing"]
