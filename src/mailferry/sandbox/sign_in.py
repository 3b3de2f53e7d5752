"""The way of a person through the pages of sign-in: from a device's code or an application's address to a decision.

Leaves to others: HTML (sign_in_pages), what is decided about (device, authorize), consent. Invariant: a decision is
taken once, by who picked an account on the same way; a device's code that has expired or was used is told so.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from urllib.parse import urlencode

from aiohttp import web

from mailferry.sandbox import aadsts_sign_in as errors
from mailferry.sandbox import consent
from mailferry.sandbox import sign_in_pages as pages
from mailferry.sandbox.aadsts import GrantRefused
from mailferry.sandbox.authorize import CodeGrant
from mailferry.sandbox.flows import CodeRequest, Decision, Pending
from mailferry.sandbox.scopes import parse
from mailferry.sandbox.tenant import Application, Mailbox, Tenant
from mailferry.sandbox.world import World

_SEPARATORS = {"query": "?", "fragment": "#"}


class SignInPages:
    """`tenant` finds a tenant by name, and raises GrantRefused."""

    def __init__(self, world: World, codes: CodeGrant, tenant: Callable[[str], Tenant]) -> None:
        self._world = world
        self._codes = codes
        self._tenant = tenant
        self._css = resources.files(__package__).joinpath("static", "sign_in.css").read_text(encoding="utf-8")

    def add_to(self, app: web.Application) -> None:
        app.router.add_get(pages.STYLE, self._style)
        app.router.add_get(pages.DEVICE, self._device)
        app.router.add_post(pages.DEVICE, self._entered)
        app.router.add_get("/{tenant}/oauth2/v2.0/authorize", self._authorize)
        app.router.add_post(pages.ACCOUNT, self._picked)
        app.router.add_post(pages.CONSENT, self._decided)

    async def _style(self, _: web.Request) -> web.Response:
        return web.Response(text=self._css, content_type="text/css", headers=pages.HEADERS)

    async def _device(self, _: web.Request) -> web.Response:
        return pages.ask_code()

    async def _entered(self, request: web.Request) -> web.Response:
        """The code that a device shows."""
        code = self._world.flows.by_user_code(await _field(request, "otc"))
        if code is None or code.redeemed or code.decision is not Decision.PENDING:
            return pages.ask_code("That code didn't work. Check the code and try again.")
        if self._world.clock.time() >= code.expires:
            return pages.ask_code("That code has expired. Start again on your device for a new one.")
        return self._start(Pending(code.client_id, code.scope, device=code))

    async def _authorize(self, request: web.Request) -> web.Response:
        query = request.query
        try:
            tenant = self._tenant(request.match_info["tenant"])
            asked = self._codes.request(query, tenant)
        except GrantRefused as error:
            return pages.refused(error)
        try:
            self._codes.check(query, asked, tenant)
            if query.get("prompt") == "none":  # nobody is signed in: the sandbox keeps no session of a browser
                return _go(asked, {"error": "login_required", "error_description": "AADSTS50058: Nobody is signed in."})
        except GrantRefused as error:
            return _go(asked, _told(error))
        return self._start(Pending(asked.client_id, asked.scope, request=asked, hint=query.get("login_hint", "")))

    def _start(self, pending: Pending) -> web.Response:
        tenant = self._world.tenant
        try:
            application = consent.application(tenant, pending.client_id)
        except GrantRefused as error:
            return pages.refused(error)
        return pages.ask_account(tenant, application, self._world.flows.open(pending), pending.hint)

    async def _picked(self, request: web.Request) -> web.Response:
        """An account; then the question that is left."""
        flow = await _field(request, "flow")
        pending = self._world.flows.pending.get(flow)
        if pending is None:
            return pages.refused(GrantRefused(errors.CODE_INVALID))
        try:
            application, user = self._who(pending, await _field(request, "user"))
            wanted = parse(pending.scope, application, self._world.tenant)
            missing = consent.missing(self._world.flows, application, user, wanted)
            if missing and not consent.may_consent(application):
                names = " ".join(one.name for one in missing)
                raise GrantRefused(errors.ADMIN_CONSENT_NEEDED, name=application.name, scope=names)
        except GrantRefused as error:
            return pages.refused(error)
        if not missing and pending.request is not None:
            return self._end(flow, pending, application, user)
        return pages.ask_consent(application, user, flow, missing, device=pending.device is not None)

    async def _decided(self, request: web.Request) -> web.Response:
        flow = await _field(request, "flow")
        pending = self._world.flows.pending.get(flow)
        if pending is None:
            return pages.refused(GrantRefused(errors.CODE_INVALID))
        try:
            application, user = self._who(pending, await _field(request, "user"))
        except GrantRefused as error:
            return pages.refused(error)
        if await _field(request, "decision") != "accept":
            return self._cancel(flow, pending, application)
        wanted = parse(pending.scope, application, self._world.tenant)
        missing = consent.missing(self._world.flows, application, user, wanted)
        if missing and not consent.may_consent(application):
            names = " ".join(one.name for one in missing)
            return pages.refused(GrantRefused(errors.ADMIN_CONSENT_NEEDED, name=application.name, scope=names))
        consent.give(self._world.flows, application, user, missing)
        return self._end(flow, pending, application, user)

    def _who(self, pending: Pending, address: str) -> tuple[Application, Mailbox]:
        tenant = self._world.tenant
        return consent.application(tenant, pending.client_id), consent.user(tenant, address)

    def _cancel(self, flow: str, pending: Pending, application: Application) -> web.Response:
        del self._world.flows.pending[flow]
        if pending.device is not None:
            pending.device.decision = Decision.DECLINED
        if pending.request is not None:
            return _go(pending.request, _told(GrantRefused(errors.ACCESS_DENIED)))
        return pages.done(application, approved=False)

    def _end(self, flow: str, pending: Pending, application: Application, user: Mailbox) -> web.Response:
        """The user agrees: the device may go on, or the browser goes back to the application."""
        now = self._world.clock.time()
        del self._world.flows.pending[flow]
        if pending.request is not None:
            return _go(pending.request, {"code": self._codes.code(pending.request, user.address)})
        assert pending.device is not None  # noqa: S101 - a way begins with one of the two
        if now >= pending.device.expires:
            return pages.refused(GrantRefused(errors.DEVICE_CODE_EXPIRED))
        pending.device.user, pending.device.signed_in = user.address, now
        pending.device.decision = Decision.APPROVED
        return pages.done(application, approved=True)


async def _field(request: web.Request, name: str) -> str:
    value = (await request.post()).get(name, "")
    return value if isinstance(value, str) else ""


def _told(error: GrantRefused) -> dict[str, str]:
    return {"error": error.kind.error, "error_description": f"AADSTS{error.kind.number}: {error.sentence}"}


def _go(asked: CodeRequest, fields: dict[str, str]) -> web.Response:
    """Back to the application."""
    if asked.state:
        fields = {**fields, "state": asked.state}
    if asked.response_mode == "form_post":
        return pages.post_on(asked.redirect_uri, fields)
    separator = _SEPARATORS[asked.response_mode]
    if separator == "?" and "?" in asked.redirect_uri:
        separator = "&"
    where = f"{asked.redirect_uri}{separator}{urlencode(fields)}"
    return web.Response(status=302, headers={**pages.HEADERS, "Location": where})
