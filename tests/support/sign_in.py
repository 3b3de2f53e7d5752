"""A person at the sandbox's sign-in pages, without a browser: fills in the forms that the pages really show."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Sequence
from html import unescape
from urllib.parse import parse_qs, urlsplit

import aiohttp

from mailferry.sandbox.serve import Sandbox
from mailferry.tokens.credential import Credential
from mailferry.tokens.login import Login

_FORM = re.compile(r'<form method="post" action="([^"]*)">')
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')


class Person:
    """Opens pages and sends forms; `page` is what is on the screen."""

    def __init__(self, box: Sandbox, http: aiohttp.ClientSession) -> None:
        self._box = box
        self._http = http
        self.page = ""
        self.status = 0
        self.headers: dict[str, str] = {}
        self.sent_to = ""

    async def open(self, url: str) -> None:
        async with self._http.get(url, allow_redirects=False) as answer:
            await self._see(answer)

    async def submit(self, **fields: str) -> None:
        """Send the form on the screen, with its hidden fields."""
        action = _FORM.search(self.page)
        assert action is not None, self.page
        url = self._box.entra_url + unescape(action[1])
        async with self._http.post(url, data={**self.hidden, **fields}, allow_redirects=False) as answer:
            await self._see(answer)

    async def post(self, url: str, fields: dict[str, str]) -> int:
        """Send fields anywhere, as a form that sends itself would; the status."""
        async with aiohttp.ClientSession() as plain, plain.post(url, data=fields) as answer:
            return answer.status

    async def _see(self, answer: aiohttp.ClientResponse) -> None:
        self.page, self.status, self.headers = await answer.text(), answer.status, dict(answer.headers)
        self.sent_to = answer.headers.get("Location", "")

    @property
    def brought(self) -> dict[str, str]:
        """What the redirection carries."""
        parts = urlsplit(self.sent_to)
        return {key: values[0] for key, values in parse_qs(parts.query or parts.fragment).items()}

    @property
    def hidden(self) -> dict[str, str]:
        """The hidden fields of the form on the screen."""
        return {unescape(name): unescape(value) for name, value in _HIDDEN.findall(self.page)}

    async def approve_device(self, code: str, user: str, decision: str = "accept") -> None:
        await self.open(f"{self._box.entra_url}/devicelogin")
        await self.submit(otc=code)
        await self.submit(user=user)
        await self.submit(decision=decision)

    async def approve(self, url: str, user: str, decision: str = "accept") -> str:
        """From an address of /authorize to where it leads in the end."""
        await self.open(url)
        await self.submit(user=user)
        if not self.sent_to and "decision" in self.page:
            await self.submit(decision=decision)
        return self.sent_to


def session(box: Sandbox) -> aiohttp.ClientSession:
    context = ssl.create_default_context(cafile=str(box.ca_file))
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))


async def sign_in(box: Sandbox, credential: Credential, scopes: Sequence[tuple[str, ...]], user: str) -> None:
    """What `mailferry login --device-code` does, and the person at another device: `credential` holds the sign-in."""
    flow = Login(credential, scopes)
    await asyncio.to_thread(flow.__enter__)
    try:
        code = await asyncio.to_thread(flow.device)
        async with session(box) as http:
            await Person(box, http).approve_device(code.user_code, user)
        assert (await asyncio.to_thread(flow.poll))[0] is not None
    finally:
        flow.__exit__()
