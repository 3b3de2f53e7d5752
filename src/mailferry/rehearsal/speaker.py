"""Speaks as one client: the dialogue of SMTP in that client's own habits, or a request to Microsoft Graph.

Leaves to others: habits (voice), messages (letters), which door (casting), what it means (play). Invariants: it gives
up at the first refusal, as devices do; the reply that it reports is word for word what was said.
"""

from __future__ import annotations

import base64
import io
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import aiohttp

from mailferry.rehearsal.dialects import stuffed
from mailferry.rehearsal.letters import Letter
from mailferry.rehearsal.link import Link, context
from mailferry.rehearsal.mails import Mail
from mailferry.rehearsal.values import Stage
from mailferry.rehearsal.voice import Voice


@dataclass(frozen=True, slots=True)
class Target:
    """Where to: `proxied` doors are told the client's address by a PROXY header; `source` is where it comes from."""

    host: str
    port: int
    proxied: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True)
class Login:
    """`token` in place of the password where it signs in by OAuth. Neither: it does not sign in."""

    user: str = ""
    password: str = ""
    token: str = ""

    def __repr__(self) -> str:
        return f"<login {self.user}>"


@dataclass(frozen=True, slots=True)
class Heard:
    """What a client was told last, and the messages that were taken."""

    taken: bool
    stage: Stage
    reply: str
    letters: tuple[Letter, ...] = ()


class _Refused(Exception):
    pass


class Speaker:
    """Plays clients. `contexts` of TLS are made once for each version."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http
        self._contexts: dict[str, ssl.SSLContext] = {}

    async def speak(self, target: Target, voice: Voice, login: Login, letters: Iterable[Letter]) -> Heard:
        """Hand over every message in one session."""
        talk = _Talk(voice, login, self._context)
        try:
            async with await Link.open(target.host, target.port, target.source) as link:
                if target.proxied:
                    link.send(_proxy(voice.address))
                await talk.session(link, letters)
        except _Refused:
            return Heard(False, talk.stage, talk.reply, tuple(talk.taken))
        except (OSError, TimeoutError) as error:
            reason = getattr(error, "reason", None) or str(error) or type(error).__name__
            return Heard(False, talk.stage, str(reason), tuple(talk.taken))
        return Heard(True, talk.stage, talk.reply, tuple(talk.taken))

    async def post(self, graph: str, mailbox: str, token: str, letters: Iterable[Letter]) -> Heard:
        """Send by Microsoft Graph, in its MIME form (Learn, user: sendMail)."""
        taken: list[Letter] = []
        reply = ""
        for letter in letters:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/plain"}
            body = io.BytesIO(base64.b64encode(_addressed(letter)))
            url = f"{graph}/v1.0/users/{mailbox}/sendMail"
            try:
                async with self._http.post(url, data=body, headers=headers) as answer:
                    status, reply = answer.status, f"{answer.status} {answer.reason} {(await answer.text())[:400]}"
            except (aiohttp.ClientError, TimeoutError) as error:
                return Heard(False, Stage.GRAPH, str(error), tuple(taken))
            if status >= 300:
                return Heard(False, Stage.GRAPH, reply, tuple(taken))
            taken.append(letter)
        return Heard(True, Stage.GRAPH, reply.strip(), tuple(taken))

    def _context(self, version: str) -> ssl.SSLContext:
        if version not in self._contexts:
            self._contexts[version] = context(version)
        return self._contexts[version]


class _Talk:
    """One dialogue; `stage` and `reply` are where it stands."""

    def __init__(self, voice: Voice, login: Login, contexts: Callable[[str], ssl.SSLContext]) -> None:
        self._voice = voice
        self._login = login
        self._context = contexts
        self.stage = Stage.CONNECT
        self.reply = ""
        self.taken: list[Letter] = []

    async def session(self, link: Link, letters: Iterable[Letter]) -> None:
        self._judge(await link.reply())
        hello = b"EHLO " + self._voice.hello.encode() + b"\r\n"
        offered = await self._say(link, Stage.EHLO, hello)
        if self._voice.tls != "none" and "STARTTLS" in offered:
            await self._say(link, Stage.STARTTLS, b"STARTTLS\r\n")
            await link.start_tls(self._context(self._voice.tls))
            await self._say(link, Stage.EHLO, hello)
        if self._login.token:
            given = f"user={self._login.user}\x01auth=Bearer {self._login.token}\x01\x01"
            await self._say(link, Stage.AUTH, b"AUTH XOAUTH2 " + base64.b64encode(given.encode()) + b"\r\n")
        elif self._login.user:
            await self._say(link, Stage.AUTH, self._voice.spelling.encode() + b"\r\n")
            await self._say(link, Stage.AUTH, _b64(self._login.user))
            await self._say(link, Stage.AUTH, _b64(self._login.password))
        for letter in letters:
            await self._letter(link, letter)
        link.send(b"QUIT\r\n")

    async def _letter(self, link: Link, letter: Letter) -> None:
        written = letter.written()
        await self._say(link, Stage.MAIL, f"MAIL FROM:<{letter.sender}>\r\n".encode())
        for recipient in letter.recipients:
            await self._say(link, Stage.RCPT, f"RCPT TO:<{recipient}>\r\n".encode())
        await self._say(link, Stage.DATA, b"DATA\r\n")
        await self._say(link, Stage.DATA, stuffed(written.octets))
        self.taken.append(letter)

    async def _say(self, link: Link, stage: Stage, data: bytes) -> str:
        self.stage = stage
        return self._judge(await link.say(data))

    def _judge(self, reply: str) -> str:
        self.reply = reply
        if reply[:1] not in ("2", "3"):
            raise _Refused
        return reply


def _addressed(letter: Letter) -> bytes:
    """Graph has no envelope: every recipient stands in the header."""
    made: Mail = letter.written()
    to = f"To: {letter.recipients[0]}\r\n".encode()
    everyone = "To: " + ",\r\n ".join(letter.recipients) + "\r\n"
    return made.octets.replace(to, everyone.encode(), 1)


def _proxy(address: str) -> bytes:
    """PROXY protocol version 1, by which the gateway learns where the client stands."""
    family, here = ("TCP6", "::1") if ":" in address else ("TCP4", "127.0.0.1")
    return f"PROXY {family} {address} {here} 40000 587\r\n".encode()


def _b64(text: str) -> bytes:
    return base64.b64encode(text.encode()) + b"\r\n"
