"""`mailferry login`: a user signs in to a tenant, in the browser or by a code on another device.

Leaves to others: the protocol and what is kept (tokens.login), texts (login_words). Invariant: no token and no code of
a redirection is printed; what is printed on standard output is who signed in.
"""

from __future__ import annotations

import asyncio
import os
import webbrowser
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from mailferry.cli.language import Language, chosen
from mailferry.cli.login_words import WORDS, Words, cured
from mailferry.cli.output import Exit, fail, out, print_json, talk

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from mailferry.config.schema import Config, TenantSettings
    from mailferry.tokens.login import Login, SignedIn

Result = TypeVar("Result")

#: Seconds that a sign-in in the browser may take: Entra's pages give up by themselves after some 15 minutes.
_BROWSER_PATIENCE = 900.0


def login(
    tenant: Annotated[
        str, typer.Argument(help="Name of a tenant whose configuration has sign_in.", show_default=False)
    ],
    config: Annotated[Path, typer.Option("--config", "-c", help="Configuration file.", envvar="MAILFERRY_CONFIG")] = (
        Path("mailferry.toml")
    ),
    device_code: Annotated[
        bool,
        typer.Option("--device-code", help="Show a code to enter on any other device; for a machine without browser."),
    ] = False,
    browser: Annotated[bool, typer.Option("--browser", help="Open this machine's browser too.")] = False,
    lang: Annotated[Language | None, typer.Option("--lang", help="en or ja; default by the environment.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Sign a user in to a tenant, so that its mail can be sent in that user's name.

    Shows an address for a browser on this machine, waits, and keeps the sign-in encrypted.

    --device-code shows a code instead, to be entered on any device.

    A running gateway takes the new sign-in up by itself. Example:

        mailferry login contoso --device-code
    """
    words = WORDS[chosen(lang)]
    settings, whole = _tenant(tenant, config, words)
    signed_in = asyncio.run(_run(settings, whole, words, device_code=device_code, browser=browser))
    _hand_over(whole)
    _tell(tenant, signed_in, words, json=json)


def _tenant(name: str, config: Path, words: Words) -> tuple[TenantSettings, Config]:
    from mailferry.config.load import ConfigurationError, load_config
    from mailferry.tokens.settings import Kind

    try:
        whole = load_config(config)
    except ConfigurationError as error:
        for problem in error.problems:
            talk().print(str(problem), markup=False, soft_wrap=True)
        fail(words.bad_config, f"mailferry check {config}", Exit.CONFIGURATION)
    found = next((one for one in whole.tenants if one.name == name), None)
    if found is None:
        known = ", ".join(one.name for one in whole.tenants) or "-"
        fail(words.no_tenant.format(tenant=name), words.known.format(names=known), Exit.USAGE)
    if found.kind is not Kind.SIGN_IN:
        fail(words.no_sign_in.format(tenant=name, kind=found.kind.value), words.add_sign_in, Exit.USAGE)
    return found, whole


async def _run(tenant: TenantSettings, config: Config, words: Words, *, device_code: bool, browser: bool) -> SignedIn:
    from mailferry.app.build import build_vault
    from mailferry.clock import SystemClock
    from mailferry.config.permissions import delegated_scopes
    from mailferry.tokens.api import TokenError, TokenUnavailable
    from mailferry.tokens.credential import Credential
    from mailferry.tokens.login import Login

    clock = SystemClock()
    credential = Credential(tenant.name, tenant, os.environ, build_vault(config, os.environ, clock))
    try:
        flow = Login(credential, delegated_scopes(tenant, config.routes))
        await asyncio.to_thread(flow.__enter__)
        try:
            if device_code:
                return await _by_device(flow, words)
            return await _by_browser(flow, words, browser=browser)
        finally:
            flow.__exit__()
    except TokenError as error:
        cause, cure = cured(error, words)
        code = Exit.UNAVAILABLE if isinstance(error, TokenUnavailable) else Exit.NO
        fail(words.failed.format(cause=cause), cure, code)


async def _by_device(flow: Login, words: Words) -> SignedIn:
    code = await asyncio.to_thread(flow.device)
    console = talk()
    console.print(words.device.format(address=code.address), markup=False, soft_wrap=True)
    console.print(f"\n    [bold]{code.user_code}[/]\n")

    interval = code.interval

    async def polled() -> SignedIn:
        nonlocal interval
        while True:
            await asyncio.sleep(interval)
            signed_in, slower = await asyncio.to_thread(flow.poll)
            if signed_in is not None:
                return signed_in
            interval += slower

    return await _waiting(polled, code.expires, words)


async def _by_browser(flow: Login, words: Words, *, browser: bool) -> SignedIn:
    from mailferry.tokens.loopback import Loopback

    async with Loopback() as loopback:
        address, state = await asyncio.to_thread(flow.browser, loopback.redirect_uri)
        loopback.expect(state)
        talk().print(words.browser, markup=False, soft_wrap=True)
        talk().print(f"\n{address}\n", markup=False, soft_wrap=True)
        if browser and not await asyncio.to_thread(webbrowser.open, address):
            talk().print(words.no_browser, markup=False, soft_wrap=True)
        brought = await _waiting(loopback.received, _BROWSER_PATIENCE, words)
        return await asyncio.to_thread(flow.redeem, brought)


async def _waiting(act: Callable[[], Awaitable[Result]], seconds: float, words: Words) -> Result:
    """What `act` gives, with the time that is left on the screen meanwhile."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    task = asyncio.ensure_future(act())
    try:
        with _countdown(words) as show:
            while not task.done():
                left = end - loop.time()
                if left <= 0:
                    fail(words.too_late, words.again)
                show(left)
                await asyncio.wait({task}, timeout=min(1.0, left))
        return await task
    finally:
        task.cancel()


@contextmanager
def _countdown(words: Words) -> Iterator[Callable[[float], None]]:
    console = talk()
    if not console.is_terminal:
        console.print(words.waiting_plain, markup=False, soft_wrap=True)
        yield lambda _: None
        return
    with console.status("") as status:
        yield lambda left: status.update(words.waiting.format(left=f"{int(left) // 60}:{int(left) % 60:02d}"))


def _hand_over(config: Config) -> None:
    """When root signs in for the service, the service's user must be able to read what is kept."""
    from mailferry.config.files import give_to_owner_of

    state = config.gateway.state
    for path in (state / "vault", *(state / "vault").iterdir()):
        give_to_owner_of(path, state)


def _tell(tenant: str, signed_in: SignedIn, words: Words, *, json: bool) -> None:
    permissions = [scope.rpartition("/")[2] for scope in signed_in.scopes]
    if signed_in.aside is not None:
        talk().print(words.aside.format(file=signed_in.aside), markup=False, soft_wrap=True)
    if json:
        who = {"tenant": tenant, "user": signed_in.user, "tenant_id": signed_in.tenant_id, "permissions": permissions}
        print_json(who)
        return
    line = words.done.format(user=signed_in.user, tenant=tenant, permissions=", ".join(permissions))
    out().print(line, markup=False, soft_wrap=True)
    talk().print(words.gateway, markup=False, soft_wrap=True)
