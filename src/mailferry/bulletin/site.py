"""Posts of a WordPress site by its REST API: find, create, update, put into the trash.

Leaves to others: which post is meant and when to try again (publish). Invariants: the application password goes to the
configured address only, no redirection is followed; an answer that may come right later is Busy, every other refusal
says what is wrong and what to do.

Source: developer.wordpress.org/rest-api/reference/posts and …/using-the-rest-api/authentication (application passwords,
since WordPress 5.6). `?rest_route=` works with and without "pretty permalinks".
"""

from __future__ import annotations

import base64
import json
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import unescape
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from mailferry.bulletin.settings import WordPressSettings
from mailferry.bulletin.unreachable import why
from mailferry.clock import Clock

if TYPE_CHECKING:
    from aiohttp import ClientSession

_POSTS = "/wp/v2/posts"
_FIELDS = "id,slug,status,link,title,content"
_LONGEST_ANSWER = 16 << 20
#: Answers after which the same request may succeed.
_PASSING = {408, 425, 429, 500, 502, 503, 504, 507, 508, 520, 521, 522, 523, 524}
_LOGIN = (
    "user and password of [bulletin.wordpress] must be a login name and an application password of the same user "
    "(WordPress: Users, Profile); if they are, let the web server pass the Authorization header on to PHP"
)
_ROLE = "the user's role must allow writing posts (Author or Editor; a Contributor may not publish them)"


class PublishError(Exception):
    """The site refused, and would again. `hint` says what to do, `code` is what the API calls it."""

    def __init__(self, what: str, hint: str = "", code: str = "") -> None:
        super().__init__(what)
        self.hint = hint
        self.code = code


class Busy(Exception):
    """No answer, or one that may come right. `wait` is what the site asked for, in seconds."""

    def __init__(self, what: str, wait: float | None = None) -> None:
        super().__init__(what)
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Found:
    """A post as it is on the site, title and content as they were written."""

    id: int
    slug: str
    status: str
    link: str
    title: str
    content: str


class Site:
    """One site; `opened` gives it."""

    def __init__(self, settings: WordPressSettings, session: ClientSession, clock: Clock) -> None:
        self._base = settings.url or ""
        self._session = session
        self._clock = clock

    async def posts(self, slug: str) -> list[Found]:
        """The posts, the trash not among them, that have `slug` or name it in their text; oldest first."""
        found: dict[int, Found] = {}
        for key in ("slug", "search"):
            query = {key: slug, "status": "any", "context": "edit", "per_page": "100", "_fields": _FIELDS}
            try:
                entries = await self._ask("GET", _POSTS, query)
            except PublishError as error:
                if error.code != "rest_invalid_param":
                    raise
                # WordPress goes on without a user where the password is wrong, and then knows no "any" but for those
                # who may write; whose fault it is only the next question tells.
                await self._ask("GET", "/wp/v2/users/me", {"_fields": "id"})
                raise PublishError(f"{self._base} does not let this user see drafts", _ROLE) from None
            if not isinstance(entries, list):
                raise _foreign(self._base)
            for post in map(self._post, entries):
                if post.slug == slug or f"<!-- {slug} " in post.content:
                    found[post.id] = post
        return [found[number] for number in sorted(found)]

    async def create(self, document: Mapping[str, str]) -> Found:
        return self._post(await self._ask("POST", _POSTS, {"context": "edit"}, document))

    async def update(self, number: int, document: Mapping[str, str]) -> Found:
        return self._post(await self._ask("POST", f"{_POSTS}/{number}", {"context": "edit"}, document))

    async def trash(self, number: int) -> None:
        """Put it into the trash; it being there or gone already is as good."""
        await self._ask("DELETE", f"{_POSTS}/{number}", {}, gone=True)

    def _post(self, entry: Any) -> Found:
        try:
            return Found(
                int(entry["id"]),
                str(entry["slug"]),
                str(entry["status"]),
                str(entry["link"]),
                str(entry["title"]["raw"]),
                str(entry["content"]["raw"]),
            )
        except (KeyError, TypeError, ValueError):
            raise _foreign(self._base) from None

    async def _ask(
        self, method: str, route: str, query: Mapping[str, str], document: Any = None, *, gone: bool = False
    ) -> Any:
        import aiohttp

        try:
            async with self._session.request(
                method, f"{self._base}/", params={"rest_route": route, **query}, json=document, allow_redirects=False
            ) as answer:
                body = await answer.content.read(_LONGEST_ANSWER)
                status, headers = answer.status, answer.headers
        except aiohttp.ClientConnectorCertificateError as error:
            raise PublishError(*_untrusted(self._base, error.certificate_error)) from None
        except aiohttp.ClientConnectorDNSError:
            raise PublishError(f"there is no host of {self._base}", "look at url in [bulletin.wordpress]") from None
        except aiohttp.ClientSSLError as error:
            raise PublishError(
                f"TLS with {self._base} failed: {error}", "https:// needs a site that speaks TLS on that port"
            ) from None
        except TimeoutError:
            raise Busy(f"{self._base} did not answer in time") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Busy(f"{self._base} cannot be reached: {why(error)}") from None
        if gone and status in (404, 410):
            return None
        return _content(self._base, status, headers, body, self._clock.time())


def _content(base: str, status: int, headers: Mapping[str, str], body: bytes, now: float) -> Any:
    """The JSON of an answer. Raises Busy and PublishError."""
    try:
        data = json.loads(body)
    except ValueError:
        data = None
    if status in (200, 201) and data is not None:
        return data
    if status in _PASSING:
        raise Busy(f"{base} answered {_named(status)}{_said(data)}", _wait(headers.get("Retry-After", ""), now))
    if 300 <= status < 400:
        target = headers.get("Location", "another address")
        raise PublishError(
            f"{base} points to {target[:200]}", "write the address it points to into url of [bulletin.wordpress]"
        )
    raise _refusal(base, status, data)


def _refusal(base: str, status: int, data: Any) -> PublishError:
    said = f"{base} answered {_named(status)}{_said(data)}"
    code = str(data.get("code", "")) if isinstance(data, dict) else ""
    if status in (200, 201) or (status == 404 and not code) or code == "rest_no_route":
        return _foreign(base, said)
    if status == 401:
        return PublishError(said, _LOGIN, code)
    if status == 403:
        return PublishError(said, _ROLE, code)
    if status == 501:
        return PublishError(said, "the site keeps no trash (EMPTY_TRASH_DAYS is 0): delete the second post by hand")
    return PublishError(said, "see the log of the site", code)


def _foreign(base: str, said: str = "") -> PublishError:
    return PublishError(
        said or f"{base} did not answer as the REST API of WordPress does",
        "url must be the address of the site itself, and no plugin may switch its REST API off",
    )


def _untrusted(base: str, error: Exception) -> tuple[str, str]:
    why = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else str(error)
    return f"the certificate of {base} is not trusted: {why}", "name its authority with ca_file, or renew it"


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _said(data: Any) -> str:
    """What the site itself says, as one short line."""
    if not isinstance(data, dict) or not isinstance(data.get("message"), str):
        return ""
    text = " ".join(unescape(re.sub(r"<[^>]*>", "", data["message"])).split())
    return f": {''.join(char for char in text if char.isprintable())[:200]}"


def _wait(text: str, now: float) -> float | None:
    """Retry-After (RFC 9110 section 10.2.3): seconds or a date."""
    if re.fullmatch(r"\d{1,9}", text.strip()):
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.fromtimestamp(now, UTC)).total_seconds())


@asynccontextmanager
async def opened(settings: WordPressSettings, password: str, clock: Clock) -> AsyncIterator[Site]:
    """The site of `settings`, for as long as it is needed. Raises PublishError."""
    import aiohttp

    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise PublishError(f"{settings.ca_file} cannot be read: {error}", "it must be a PEM file") from None
    login = base64.b64encode(f"{settings.user}:{password}".encode()).decode()
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=settings.timeout),
        headers={"User-Agent": "mailferry", "Accept": "application/json", "Authorization": f"Basic {login}"},
    ) as session:
        yield Site(settings, session, clock)
