"""Signing in as people do it: the sandbox's pages in a real browser, the gateway's login at the other end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

from mailferry.sandbox.certificates import Keys, make_keys
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.settings import SandboxSettings
from mailferry.tokens.api import TokenRefused
from mailferry.tokens.credential import Credential
from mailferry.tokens.login import Login
from mailferry.tokens.loopback import Loopback
from support.identities import ERP, MAIL_SEND, SMTP_SEND, identity, vault_in

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def keys() -> Keys:
    return make_keys()


@pytest.fixture
async def box(keys: Keys) -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxSettings(), keys=keys) as running:
        yield running


@pytest.fixture
async def browser(tool: Callable[[str], str]) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=tool("chromium"))
        yield browser
        await browser.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """What a page may not do fails its test: errors, and words on the console about what its policy forbids."""
    context = await browser.new_context(ignore_https_errors=True, viewport={"width": 360, "height": 640})
    page = await context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    await context.close()
    assert [text for text in said if "favicon" not in text and "400" not in text] == []


@pytest.fixture
async def flow(box: Sandbox, tmp_path: Path) -> AsyncIterator[Login]:
    login = Login(credential(box, tmp_path), ((SMTP_SEND,), (MAIL_SEND,)))
    await asyncio.to_thread(login.__enter__)
    yield login
    login.__exit__()


def credential(box: Sandbox, directory: Path) -> Credential:
    return identity(box, vault=vault_in(directory / "vault", box.clock))


async def fits(page: Page) -> bool:
    return bool(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


async def test_a_code_with_the_keyboard_alone(box: Sandbox, page: Page, tmp_path: Path) -> None:
    login = Login(credential(box, tmp_path), ((SMTP_SEND,),))
    await asyncio.to_thread(login.__enter__)
    code = await asyncio.to_thread(login.device)
    await page.goto(code.address)
    assert await fits(page)
    await page.locator("#otc:focus").wait_for()
    await page.keyboard.type("WRONG")
    await page.keyboard.press("Enter")
    assert "didn't work" in await page.get_by_role("alert").inner_text()
    await page.locator("#otc:focus").wait_for()
    await page.keyboard.type(code.user_code.lower())
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="Pick an account").wait_for()
    assert await fits(page)
    await page.get_by_role("button", name=ERP).press("Enter")
    await page.get_by_role("heading", name="Permissions requested").wait_for()
    assert await fits(page)
    assert "Send mail as you by SMTP" in await page.inner_text("main")
    await page.get_by_role("button", name="Accept").press("Enter")
    await page.get_by_role("heading", name="Signed in").wait_for()
    signed_in, _ = await asyncio.to_thread(login.poll)
    login.__exit__()
    assert signed_in is not None
    assert signed_in.user == ERP


async def test_the_code_comes_back_to_this_machine(page: Page, flow: Login) -> None:
    """The form that sends itself crosses from https to http on loopback, which browsers allow."""
    async with Loopback() as loopback:
        address, state = await asyncio.to_thread(flow.browser, loopback.redirect_uri)
        loopback.expect(state)
        await page.goto(address)
        await page.get_by_role("button", name=ERP).click()
        await page.get_by_role("button", name="Accept").click()
        await page.get_by_role("heading", name="Received").wait_for()
        assert "code=" not in page.url
        signed_in = await asyncio.to_thread(flow.redeem, await loopback.received())
    assert signed_in.scopes == (SMTP_SEND, MAIL_SEND)


async def test_cancel(page: Page, flow: Login) -> None:
    async with Loopback() as loopback:
        address, state = await asyncio.to_thread(flow.browser, loopback.redirect_uri)
        loopback.expect(state)
        await page.goto(address)
        await page.get_by_role("button", name=ERP).click()
        await page.get_by_role("button", name="Cancel").click()
        await page.get_by_role("heading", name="Not signed in").wait_for()
        with pytest.raises(TokenRefused, match="declined"):
            await asyncio.to_thread(flow.redeem, await loopback.received())
