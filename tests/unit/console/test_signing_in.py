"""Who gets in, who does not, and what a sign-in is worth."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import aiohttp
import pytest
import trustme

from mailferry.config.console import ConsoleSettings
from mailferry.console.serve import Console, certificate
from mailferry.console.sessions import LONGEST
from mailferry.listener.settings import TlsSettings
from mailferry.listener.tls import TlsError
from support.console import HASH, PASSWORD, Browser, Place

PAGES = ("/", "/timeline", "/messages", "/messages/0000000000001", "/burndown.svg", "/nothing")


@pytest.mark.parametrize("page", PAGES)
async def test_nobody_sees_a_page_without_signing_in(browser: Browser, page: str) -> None:
    await browser.get(page)
    assert browser.status == 303
    assert browser.place.startswith("/login")


async def test_a_password_lets_in_and_leads_to_the_page_that_was_asked_for(browser: Browser) -> None:
    await browser.get("/messages?state=held")
    await browser.get(browser.place)
    assert browser.status == 200
    await browser.post("/login?next=%2Fmessages%3Fstate%3Dheld", [("password", PASSWORD)])
    assert (browser.status, browser.place) == (303, "/messages?state=held")
    await browser.get("/messages?state=held")
    assert browser.status == 200


async def test_a_wrong_password_does_not(browser: Browser, place: Place) -> None:
    await browser.sign_in("guess")
    assert browser.status == 403
    assert "That did not let you in." in browser.text
    assert "guess" not in browser.text
    await browser.get("/")
    assert browser.status == 303
    assert [event for _, event, _ in place.lines] == ["login failed"]
    assert "guess" not in str(place.lines)


async def test_guessing_locks_even_the_right_password_for_a_while(browser: Browser, place: Place) -> None:
    for _ in range(3):
        await browser.sign_in("guess")
    await browser.sign_in()
    assert browser.status == 429
    assert browser.headers["Retry-After"] == "300"
    assert "Try again in 300 seconds." in browser.text
    place.clock.advance(301)
    await browser.sign_in()
    assert browser.status == 303


async def test_a_burst_gets_no_more_tries_than_one_after_another(console: Console, place: Place) -> None:
    browsers = [Browser(console) for _ in range(10)]
    await asyncio.gather(*(one.sign_in("guess") for one in browsers))
    for one in browsers:
        await one._session.close()
    assert sum("failed" in event for _, event, _ in place.lines) == 3
    assert sorted(one.status for one in browsers) == [403] * 3 + [429] * 7


@pytest.mark.parametrize(
    "next_", ["//evil.example/", "/\\evil.example", "https://evil.example/", "/login", "/a%0d%0ab"]
)
async def test_nobody_is_sent_elsewhere(browser: Browser, next_: str) -> None:
    await browser.get("/login")
    await browser.post(f"/login?next={next_}", [("password", PASSWORD)])
    assert (browser.status, browser.place) == (303, "/")


async def test_the_cookie_is_out_of_reach(admin: Browser, console: Console) -> None:
    async with Browser(console) as other:
        await other.sign_in()
        cookie = next(line for line in other.headers.getall("Set-Cookie") if "console" in line)  # type: ignore[attr-defined]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Secure" not in cookie  # the browser would not send it back over loopback


@pytest.mark.parametrize(("seconds", "status"), [(1799.0, 200), (1801.0, 303)])
async def test_an_idle_session_ends(admin: Browser, place: Place, seconds: float, status: int) -> None:
    place.clock.advance(seconds)
    await admin.get("/")
    assert admin.status == status


async def test_a_busy_session_ends_after_a_working_day(admin: Browser, place: Place) -> None:
    for _ in range(int(LONGEST / 1500)):
        place.clock.advance(1500)
        await admin.get("/timeline")
    assert admin.status == 200
    place.clock.advance(1500)
    await admin.get("/timeline")
    assert admin.status == 303


async def test_signing_out_ends_the_session_itself(admin: Browser, console: Console) -> None:
    kept = admin.cookies
    await admin.get("/")
    await admin.post("/logout", [])
    assert (admin.status, admin.place) == (303, "/login")
    assert all("console" not in name for name in admin.cookies)
    async with Browser(console, {"Cookie": "; ".join(f"{name}={value}" for name, value in kept.items())}) as thief:
        await thief.get("/")
        assert thief.status == 303


async def test_each_sign_in_has_a_session_of_its_own(console: Console) -> None:
    async with Browser(console) as first, Browser(console) as second:
        await first.sign_in()
        await second.sign_in()
        mine = [{name: value for name, value in one.cookies.items() if "console" in name} for one in (first, second)]
        assert mine[0] != mine[1]


async def test_no_password_and_the_link_lets_in_once(tmp_path: Path) -> None:
    place = Place(tmp_path, console="")
    async with place.running() as console, Browser(console) as browser:
        link = console.first_link.removeprefix(browser.base)
        assert link.startswith("/login?token=")
        await browser.get("/login")
        assert "Open the link" in browser.text
        await browser.get(link)
        assert (browser.status, browser.place) == (303, "/")
        await browser.get("/")
        assert browser.status == 200
        assert len(place.links) == 1
        async with Browser(console) as late:
            await late.get(link)
            assert late.status == 403
            await late.get(place.links[0].removeprefix(browser.base))
            assert late.status == 303
        assert link.partition("token=")[2] not in str(place.lines)


async def test_a_preview_does_not_use_the_link_up(tmp_path: Path) -> None:
    place = Place(tmp_path, console="")
    async with place.running() as console, Browser(console) as browser:
        link = console.first_link.removeprefix(browser.base)
        await browser._ask("HEAD", link)
        assert browser.status == 200
        await browser.get(link)
        assert browser.status == 303


@pytest.mark.parametrize("password", ["", "anything", "console"])
async def test_without_a_password_no_password_lets_in(tmp_path: Path, password: str) -> None:
    place = Place(tmp_path, console="")
    async with place.running() as console, Browser(console) as browser:
        await browser.get("/login")
        token = place.console()  # another console's link is none of this one's
        await browser.get(f"/login?token={token.first_link.partition('token=')[2]}")
        assert browser.status == 403
        await browser.post("/login", [("password", password)], csrf="")
        assert browser.status == 403


async def test_with_a_password_no_link_lets_in(browser: Browser, console: Console) -> None:
    assert console.first_link == ""
    await browser.get("/login?token=")
    assert browser.status == 200
    await browser.get("/login?token=guess")
    assert browser.status == 403


def test_the_hash_is_not_shown(tmp_path: Path) -> None:
    console = Place(tmp_path).console()
    assert HASH not in repr(console._settings)


async def test_behind_a_proxy_cookies_are_for_https_and_failures_count_for_the_browser_it_names(tmp_path: Path) -> None:
    place = Place(tmp_path, console=f'password = "{HASH}"\nbehind_proxy = true')
    async with place.running() as console, Browser(console) as browser:
        await browser.get("/login")
        cookie = browser.headers["Set-Cookie"]
        assert cookie.startswith("__Host-")
        assert "; Secure" in cookie
        forwarded = {"Cookie": cookie.partition(";")[0], "X-Forwarded-For": "203.0.113.9, 198.51.100.7"}
        await browser.post("/login", [("password", "guess")], headers=forwarded)
        assert place.lines[-1][1:] == (
            "login failed",
            {
                "listener": "console",
                "address": "198.51.100.7",
                "account": "console",
                "mechanism": "password",
                "reason": "wrong password",
            },
        )


async def test_over_tls_the_cookie_is_for_tls_and_a_renewed_certificate_is_read(tmp_path: Path) -> None:
    file = tmp_path / "console.pem"

    def renew() -> bytes:
        authority = trustme.CA()
        made = authority.issue_cert("127.0.0.1")
        file.write_bytes(made.private_key_and_cert_chain_pem.bytes())
        return ssl.PEM_cert_to_DER_cert(made.cert_chain_pems[0].bytes().decode())

    first = renew()
    place = Place(tmp_path, console=f'password = "{HASH}"\ncertificate = "{file}"')
    async with place.running() as console:
        assert console.address().startswith("https://127.0.0.1:")
        assert await shown(console) == first
        connector = aiohttp.TCPConnector(ssl=False)
        async with aiohttp.ClientSession(connector=connector) as session, session.get(console.address()) as answer:
            cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-")
        assert "; Secure" in cookie
        second = renew()
        console.reload()
        assert await shown(console) == second != first
        file.write_text("nothing")
        with pytest.raises(TlsError):
            console.reload()
        assert await shown(console) == second


async def shown(console: Console) -> bytes:
    """The certificate that a browser is shown."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", console.port, ssl=context)
    found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    await writer.wait_closed()
    assert isinstance(found, bytes)
    return found


@pytest.mark.parametrize(
    ("console", "tls", "served"),
    [
        ({"listen": "127.0.0.1:1"}, None, None),
        ({"listen": "127.0.0.1:1"}, "gateway.pem", None),
        ({"listen": "10.1.2.3:1"}, "gateway.pem", "gateway.pem"),
        ({"listen": "10.1.2.3:1", "behind_proxy": True}, "gateway.pem", None),
        ({"listen": "10.1.2.3:1", "certificate": "own.pem"}, "gateway.pem", "own.pem"),
        ({"listen": "localhost:1", "certificate": "own.pem"}, None, "own.pem"),
    ],
)
def test_which_certificate_it_shows(console: dict[str, object], tls: str | None, served: str | None) -> None:
    settings = TlsSettings(certificate=Path(tls) if tls else None)
    files = certificate(ConsoleSettings.model_validate(console), settings)
    assert (files and str(files.certificate)) == served
