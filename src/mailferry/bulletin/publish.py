"""One post for one announcement: created once, updated after that, whatever failed or ran beside.

Leaves to others: talking to the site (site) and what is published (post). Invariants: nothing is kept here, the site
alone says what is there, so every run resumes where another broke off; of two posts of one notice the older stays;
what a person changed on the site is not overwritten unasked.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from html import unescape
from urllib.parse import urlsplit, urlunsplit

from mailferry.bulletin.facts import Announcement
from mailferry.bulletin.notice import Notice
from mailferry.bulletin.post import Post
from mailferry.bulletin.site import Busy, Found, PublishError, Site
from mailferry.clock import Clock

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0


class Deed(StrEnum):
    """What a run did."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Published:
    """Where the post is now. `withdrawn` counts second copies put into the trash."""

    deed: Deed
    id: int
    status: str
    link: str
    withdrawn: int = 0


class Edited(PublishError):
    """A person changed the post on the site."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be there. `status` None: draft for a new post, and left alone on one that is there."""

    slug: str
    post: Post
    status: str | None = None
    overwrite: bool = False


def slug_of(announcement: Announcement, notice: Notice) -> str:
    """The name of the post: the same for the same announcement, language and readers, and for no other."""
    parts = urlsplit(announcement.address)
    if parts.scheme in ("http", "https"):
        identity = urlunsplit(("", parts.netloc.lower(), parts.path.rstrip("/"), parts.query, ""))
    else:
        identity = " ".join(announcement.title.casefold().split()) or announcement.address
    digest = hashlib.sha256(identity.encode()).hexdigest()[:12]
    return f"mailferry-{digest}-{notice.language}-{notice.reader.value}"


async def publish(site: Site, order: Order, clock: Clock, patience: float, say: Callable[[str], None]) -> Published:
    """See to it that the post is there. Raises PublishError; `say` hears why it takes longer.

    The whole is done again after a failure, from looking for the post on: a create whose answer was lost may have
    succeeded.
    """
    waited, pause = 0.0, _FIRST_PAUSE
    while True:
        try:
            return await _once(site, order)
        except Busy as busy:
            wait = pause if busy.wait is None else max(busy.wait, _FIRST_PAUSE)
            pause = min(2 * pause, _LONGEST_PAUSE)
            if waited + wait > patience:
                raise PublishError(
                    f"{busy}; given up after {waited:.0f} s", "run the command again later: it goes on where it was"
                ) from None
            say(f"{busy}; trying again in {wait:.0f} s")
            await clock.sleep(wait)
            waited += wait


async def _once(site: Site, order: Order) -> Published:
    found = await site.posts(order.slug)
    if found:
        return await _update(site, order, found)
    document = {**_document(order), "slug": order.slug, "status": order.status or "draft"}
    created = await site.create(document)
    # Another run may have looked at the same moment, found nothing either and created one too.
    found = await site.posts(order.slug)
    if all(post.id >= created.id for post in found):
        withdrawn = await _withdraw(site, order, created, found)
        return Published(Deed.CREATED, created.id, created.status, created.link, withdrawn)
    return await _update(site, order, found)


async def _update(site: Site, order: Order, found: list[Found]) -> Published:
    first = found[0]
    withdrawn = await _withdraw(site, order, first, found)
    is_now, written = _digest(first.title, first.content), _written(order.slug, first.content)
    wanted = _digest(order.post.title, order.post.content)
    right = order.status in (None, first.status)
    if is_now == wanted and right:
        return Published(Deed.UNCHANGED, first.id, first.status, first.link, withdrawn)
    if is_now not in (written, wanted) and not order.overwrite:
        raise Edited(
            f"the post {first.link} was changed on the site after Mailferry wrote it",
            "say --overwrite to write over it, or publish under another name with --slug",
        )
    document = _document(order) | ({"status": order.status} if order.status else {})
    updated = await site.update(first.id, document)
    return Published(Deed.UPDATED, updated.id, updated.status, updated.link, withdrawn)


async def _withdraw(site: Site, order: Order, kept: Found, found: list[Found]) -> int:
    """Put further posts of this notice into the trash: those that are named as WordPress names a second one, and that
    nobody has touched. A copy that a person made stays."""
    twins = [
        post
        for post in found
        if post.id != kept.id
        and re.fullmatch(rf"{re.escape(order.slug)}(-\d+)?", post.slug)
        and _digest(post.title, post.content) == _written(order.slug, post.content)
    ]
    for post in twins:
        await site.trash(post.id)
    return len(twins)


def _document(order: Order) -> dict[str, str]:
    """Title and content; the comment at the end names the notice, and what was written, for the next run."""
    mark = f"<!-- {order.slug} {_digest(order.post.title, order.post.content)} -->"
    return {"title": order.post.title, "content": f"{order.post.content.rstrip()}\n{mark}\n"}


def _written(slug: str, content: str) -> str:
    """The digest of what was written last; "" where the mark is gone."""
    found = re.search(rf"<!-- {re.escape(slug)} ([0-9a-f]+) -->", content)
    return found[1] if found else ""


def _digest(title: str, content: str) -> str:
    """Of what readers see: WordPress may spell tags and entities anew."""
    import nh3

    seen = unescape(nh3.clean(content, tags=set(), strip_comments=True))
    text = " ".join(f"{unescape(title)} {seen}".split())
    return hashlib.sha256(text.encode()).hexdigest()[:16]
