"""One post for one announcement, whatever fails, is lost, or runs beside."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web

from mailferry.bulletin import forms
from mailferry.bulletin.compose import compose
from mailferry.bulletin.notice import Reader
from mailferry.bulletin.publish import Deed, Order, Published, publish, slug_of
from mailferry.bulletin.settings import WordPressSettings
from mailferry.bulletin.site import PublishError, opened
from mailferry.clock import Clock, ManualClock, SystemClock
from support.announcements import FIGURES, announcement
from support.fake_wordpress import PASSWORD, USER, Answer, FakeWordPress, refused, wordpress

NOTICE = compose(announcement(), Reader.ADMINS, "ja")
ORDER = Order(slug_of(announcement(), NOTICE), forms.post(NOTICE))
NEXT = replace(ORDER, post=forms.post(compose(announcement(), Reader.ADMINS, "ja", FIGURES)))


@pytest.fixture
async def site() -> AsyncIterator[FakeWordPress]:
    async with wordpress() as running:
        yield running


class Quick(ManualClock):
    """Time passes when somebody sleeps."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.set(self.time() + seconds)


async def run(
    site: FakeWordPress | str,
    order: Order = ORDER,
    clock: Clock | None = None,
    password: str = PASSWORD,
    patience: float = 300,
    **more: Any,
) -> Published:
    url = site if isinstance(site, str) else site.url
    clock = clock or Quick()
    settings = WordPressSettings.model_validate({"url": url, "user": USER, "password": {"env": "X"}, **more})
    async with opened(settings, password, clock) as there:
        return await publish(there, order, clock, patience, lambda text: None)


def says(status: int, **headers: str) -> Answer:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return answer


async def lost(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def test_a_new_post_is_a_draft_under_its_own_name(site: FakeWordPress) -> None:
    done = await run(site)
    (number,) = site.posts
    assert done == Published(Deed.CREATED, number, "draft", f"{site.url}/?p={number}")
    post = site.posts[number]
    assert (post["slug"], post["status"], post["title"]) == (ORDER.slug, "draft", NOTICE.title)
    assert post["content"].startswith(ORDER.post.content.rstrip())


async def test_the_same_again_changes_nothing(site: FakeWordPress) -> None:
    await run(site)
    site.requests.clear()
    assert (await run(site)).deed is Deed.UNCHANGED
    assert {method for method, _ in site.requests} == {"GET"}


async def test_a_changed_notice_updates_the_post_and_leaves_its_status(site: FakeWordPress) -> None:
    first = await run(site)
    site.posts[first.id]["status"] = "publish"  # by a person, in WordPress
    done = await run(site, NEXT)
    assert done == Published(Deed.UPDATED, first.id, "publish", first.link)
    assert "あと37日です" in site.posts[first.id]["content"]


async def test_a_status_that_was_asked_for_is_set(site: FakeWordPress) -> None:
    await run(site)
    assert (await run(site, replace(ORDER, status="publish"))).status == "publish"
    assert (await run(site, replace(ORDER, status="publish"))).deed is Deed.UNCHANGED


async def test_a_post_that_was_renamed_is_found_by_its_mark(site: FakeWordPress) -> None:
    first = await run(site)
    site.posts[first.id]["slug"] = "end-of-basic-authentication"
    assert (await run(site, NEXT)).id == first.id
    assert len(site.posts) == 1


async def test_what_a_person_wrote_is_not_overwritten_unasked(site: FakeWordPress) -> None:
    first = await run(site)
    post = site.posts[first.id]
    post["content"] = post["content"].replace("<h2>", "<p>By hand.</p><h2>", 1)
    with pytest.raises(PublishError, match="was changed on the site") as error:
        await run(site, NEXT)
    assert "--overwrite" in error.value.hint
    assert "By hand." in post["content"]
    assert (await run(site, replace(NEXT, overwrite=True))).deed is Deed.UPDATED
    assert "By hand." not in post["content"]


async def test_a_post_of_somebody_else_with_that_name_is_left_alone(site: FakeWordPress) -> None:
    site.posts[7] = {"title": "Mine", "content": "<p>Mine</p>", "status": "publish", "slug": ORDER.slug}
    with pytest.raises(PublishError, match="was changed on the site"):
        await run(site)
    assert site.posts[7]["content"] == "<p>Mine</p>"


async def test_another_spelling_of_the_same_is_no_change(site: FakeWordPress) -> None:
    """WordPress filters what a user without unfiltered_html writes: entities, attributes."""
    first = await run(site)
    post = site.posts[first.id]
    post["content"] = post["content"].replace('<blockquote lang="en">', "<blockquote>").replace("'", "&#039;")
    assert (await run(site)).deed is Deed.UNCHANGED


async def test_a_lost_answer_leaves_one_post(site: FakeWordPress) -> None:
    site.lose_create = 1
    done = await run(site)
    assert done.deed is Deed.UNCHANGED, "it is found to be there"
    assert len(site.posts) == 1


async def test_runs_at_the_same_moment_leave_one_post(site: FakeWordPress) -> None:
    site.together = asyncio.Barrier(4)
    done = await asyncio.gather(*(run(site) for _ in range(4)))
    assert len({one.id for one in done}) == 1
    assert list(site.live()) == [4], "the oldest stays"
    assert len(site.posts) == 4, "the others are in the trash, where a person can look at them"


async def test_a_second_copy_from_an_earlier_failure_is_withdrawn(site: FakeWordPress) -> None:
    first = await run(site)
    site.posts[9] = {**site.posts[first.id], "slug": f"{ORDER.slug}-2"}
    site.posts[10] = {**site.posts[first.id], "slug": "a-copy-a-person-made"}
    assert (await run(site, NEXT)).withdrawn == 1
    assert sorted(site.live()) == [first.id, 10]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_busy_site_is_asked_again(site: FakeWordPress, status: int) -> None:
    clock = Quick()
    site.script = [says(status), says(status), None, None, says(status)]
    assert (await run(site, clock=clock)).id == 4
    assert clock.slept == [1, 2, 4]
    assert len(site.posts) == 1


async def test_it_waits_as_long_as_the_site_says(site: FakeWordPress) -> None:
    clock = Quick()
    site.script = [says(429, Retry_After="17"), says(503, Retry_After="Fri, 15 Jan 2027 08:01:17 GMT")]
    clock.set(1_800_000_000.0)  # Fri, 15 Jan 2027 08:00:00 GMT
    await run(site, clock=clock)
    assert clock.slept == [17, 60]


async def test_patience_ends(site: FakeWordPress) -> None:
    site.script = [says(503)] * 20
    with pytest.raises(PublishError, match=r"503 Service Unavailable; given up after 7 s") as error:
        await run(site, patience=10)
    assert "goes on where it was" in error.value.hint


async def test_a_broken_run_is_resumed_by_the_next(site: FakeWordPress) -> None:
    """The update was lost in the middle: the next run makes it."""
    first = await run(site)
    site.script = [None, None, lost, *[says(503)] * 10]
    with pytest.raises(PublishError, match="given up"):
        await run(site, NEXT, patience=10)
    site.script.clear()
    done = await run(site, NEXT)
    assert (done.deed, done.id) == (Deed.UPDATED, first.id)


@pytest.mark.parametrize("password", ["wrong", ""])
async def test_a_wrong_password(site: FakeWordPress, password: str) -> None:
    with pytest.raises(PublishError, match="401 Unauthorized: You are not currently logged in") as error:
        await run(site, password=password)
    assert "application password" in error.value.hint
    assert "Authorization header" in error.value.hint


async def test_a_role_that_may_not(site: FakeWordPress) -> None:
    site.role = "subscriber"
    with pytest.raises(PublishError, match="does not let this user see drafts") as error:
        await run(site)
    assert "Author" in error.value.hint
    site.role = "contributor"
    with pytest.raises(PublishError, match="403 Forbidden: Sorry, you are not allowed to publish posts"):
        await run(site, replace(ORDER, status="publish"))


async def test_a_site_without_rest(site: FakeWordPress) -> None:
    async def no_route(request: web.Request) -> web.Response:
        return refused(404, "rest_no_route", "No route was found.")

    async def page(request: web.Request) -> web.Response:
        return web.Response(text="<html>Welcome</html>", content_type="text/html")

    for answer in (says(404), no_route, page):
        site.script = [answer]
        with pytest.raises(PublishError) as error:
            await run(site)
        assert "no plugin may switch its REST API off" in error.value.hint


async def test_a_redirection_is_named_and_not_followed(site: FakeWordPress) -> None:
    site.script = [says(301, Location="https://www.example.com/?rest_route=/wp/v2/posts")]
    with pytest.raises(PublishError, match=r"points to https://www\.example\.com/"):
        await run(site)
    assert len(site.requests) == 1


async def test_a_site_that_is_not_there() -> None:
    with socket.socket() as silent:  # bound, and nobody listens
        silent.bind(("127.0.0.1", 0))
        with pytest.raises(PublishError, match=r"cannot be reached.*given up after 3 s"):
            await run(f"http://127.0.0.1:{silent.getsockname()[1]}", patience=3)


async def test_a_certificate_that_is_not_trusted_and_one_that_is(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    fake = FakeWordPress()
    application = web.Application()
    application.router.add_route("*", "/", fake.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        fake.url = f"https://localhost:{runner.addresses[0][1]}"
        with pytest.raises(PublishError, match=r"the certificate of https://localhost:.* is not trusted"):
            await run(fake)
        assert fake.requests == []
        assert (await run(fake, ca_file=str(tmp_path / "ca.pem"))).deed is Deed.CREATED
    finally:
        await runner.cleanup()


async def test_the_password_is_in_no_error(site: FakeWordPress) -> None:
    site.script = [says(418)]
    with pytest.raises(PublishError) as error:
        await run(site, clock=SystemClock())
    assert PASSWORD not in f"{error.value} {error.value.hint} {error.value!r}"


def test_the_name_of_a_post() -> None:
    slug = ORDER.slug
    assert slug.startswith("mailferry-")
    assert slug.endswith("-ja-admins")
    same = announcement(title="Title as revised", address=announcement().address + "/#comments")
    assert slug_of(same, NOTICE) == slug
    assert slug_of(announcement(address="https://techcommunity.example/other"), NOTICE) != slug
    assert slug_of(announcement(), compose(announcement(), Reader.OWNERS, "ja")) != slug
    assert slug_of(announcement(), compose(announcement(), Reader.ADMINS, "en")) != slug
    saved, again = announcement(address="page.html"), announcement(address="copy.html")
    assert slug_of(saved, NOTICE) == slug_of(again, NOTICE), "a saved page goes by its title"
