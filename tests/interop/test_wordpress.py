"""Publishing to the WordPress that Debian packages: what the fake one of the unit tests claims, on the real one."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mailferry.bulletin import forms
from mailferry.bulletin.compose import Signature, compose
from mailferry.bulletin.notice import Reader
from mailferry.bulletin.publish import Deed, Order, Published, publish, slug_of
from mailferry.bulletin.settings import WordPressSettings
from mailferry.bulletin.site import PublishError, opened
from mailferry.clock import SystemClock
from support.announcements import FIGURES, announcement
from support.real_wordpress import RealWordPress

pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.timeout(180)]

NOTICE = compose(announcement(), Reader.ADMINS, "ja", signature=Signature("例示 & Co", "it@example.com"))
POST = forms.post(NOTICE)


@pytest.fixture(scope="module")
def site(tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealWordPress]:
    wordpress = RealWordPress(tmp_path_factory.mktemp("wordpress"), tool)
    try:
        wordpress.start()
        yield wordpress
    finally:
        wordpress.stop()


async def run(site: RealWordPress, order: Order, role: str = "author", password: str = "") -> Published:
    settings = WordPressSettings.model_validate({"url": site.url, "user": role, "password": {"env": "X"}})
    clock = SystemClock()
    async with opened(settings, password or site.passwords[role], clock) as there:
        return await publish(there, order, clock, 30, lambda text: None)


def stored(site: RealWordPress, number: int) -> tuple[str, str, str, str]:
    statement = "SELECT post_name, post_status, post_title, post_content FROM wordpress.wp_posts WHERE ID = ?"
    ((name, status, title, content),) = site.rows(statement, number)
    return name, status, title, content


async def test_an_author_creates_publishes_and_updates_one_post(site: RealWordPress) -> None:
    slug = slug_of(announcement(), NOTICE)
    first = await run(site, Order(slug, POST))
    assert (first.deed, first.status) == (Deed.CREATED, "draft")
    name, status, title, content = stored(site, first.id)
    assert (name, status, title) == (slug, "draft", NOTICE.title)
    assert content.startswith(POST.content.rstrip()), "WordPress keeps every octet of what an author may write"
    assert (await run(site, Order(slug, POST))).deed is Deed.UNCHANGED
    assert (await run(site, Order(slug, POST, "publish"))).status == "publish"
    changed = forms.post(compose(announcement(), Reader.ADMINS, "ja", FIGURES))
    assert await run(site, Order(slug, changed)) == Published(Deed.UPDATED, first.id, "publish", first.link)
    assert "あと37日です" in stored(site, first.id)[3]


async def test_runs_at_the_same_moment_leave_one_post(site: RealWordPress) -> None:
    done = await asyncio.gather(*(run(site, Order("race", POST), "editor") for _ in range(4)))
    assert len({one.id for one in done}) == 1
    live = site.rows(
        "SELECT ID FROM wordpress.wp_posts WHERE post_type = 'post' AND post_status <> 'trash' AND post_name LIKE ?",
        "race%",
    )
    assert [int(row[0]) for row in live] == [done[0].id]


async def test_what_a_person_changed_is_kept(site: RealWordPress) -> None:
    order = Order("by-hand", POST)
    first = await run(site, order)
    statement = "UPDATE wordpress.wp_posts SET post_content = CONCAT('<p>Mine</p>', post_content) WHERE ID = ?"
    site.rows(statement, first.id)
    with pytest.raises(PublishError, match="was changed on the site"):
        await run(site, replace(order, post=forms.post(compose(announcement(), Reader.OWNERS, "ja"))))
    assert stored(site, first.id)[3].startswith("<p>Mine</p>")


@pytest.mark.parametrize(
    ("role", "password", "status", "said"),
    [
        ("author", "wrong", None, "401 Unauthorized: You are not currently logged in"),
        ("nobody", "wrong", None, "401 Unauthorized: You are not currently logged in"),
        ("subscriber", "", None, "does not let this user see drafts"),
        ("contributor", "", "publish", "403 Forbidden: Sorry, you are not allowed to publish posts"),
    ],
)
async def test_refusals(site: RealWordPress, role: str, password: str, status: str | None, said: str) -> None:
    with pytest.raises(PublishError, match=said):
        await run(site, Order(f"refused-{role}", POST, status), role, password)
    assert site.rows("SELECT ID FROM wordpress.wp_posts WHERE post_name LIKE ?", f"refused-{role}%") == []


def test_the_command_publishes_a_page(site: RealWordPress, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        "<html><head><title>Basic authentication for SMTP AUTH</title></head><body><article>"
        "<p>Basic authentication for SMTP AUTH in Exchange Online will be disabled by default for existing tenants at "
        "the end of December 2026.</p></article></body></html>"
    )
    config = tmp_path / "mailferry.toml"
    config.write_text(
        f'[bulletin.wordpress]\nurl = "{site.url}"\nuser = "editor"\npassword = {{ env = "WP_PASSWORD" }}\n'
    )
    mailferry = Path(sys.executable).with_name("mailferry")
    command = [mailferry, "bulletin", "publish", page, "--lang", "ja", "--json", "--config", config]
    environment = {**os.environ, "WP_PASSWORD": site.passwords["editor"]}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["did"] == "created"
    assert stored(site, told["id"])[2] == "Exchange Online：SMTP AUTHの基本認証は2026年12月末に既定で無効になります"
