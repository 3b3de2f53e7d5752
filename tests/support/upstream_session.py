"""One session of the scripted upstream: what it answers to each command.

The script itself is support.upstream.Upstream; nothing here decides, it only looks there.
"""

from __future__ import annotations

import asyncio
import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.upstream import Upstream

#: As an answer: hang up instead of answering.
DROP = "DROP"
#: As an answer: wait until `release` is set, then answer as usual.
HOLD = "HOLD"
#: As an answer to STARTTLS: say 220, then speak no TLS.
GARBAGE = "GARBAGE"

_DEFAULTS = {
    "GREETING": "220 upstream.example ESMTP ready",
    "HELO": "250 upstream.example",
    "MAIL": "250 2.1.0 Sender OK",
    "RCPT": "250 2.1.5 Recipient OK",
    "DATA": "354 Start mail input; end with <CRLF>.<CRLF>",
    "DOT": "250 2.0.0 OK <id@upstream.example> [Hostname=upstream.example]",
    "BDAT": "250 2.0.0 chunk taken",
    "RSET": "250 2.0.0 Resetting",
    "NOOP": "250 2.0.0 OK",
    "QUIT": "221 2.0.0 Service closing transmission channel",
    "STARTTLS": "220 2.0.0 SMTP server ready",
}
_FAULT = re.compile(r"^(?:(dot|data)-)?([245]\d\d)-")


class Hangup(Exception):
    pass


@dataclass
class Taken:
    """One message as it came in; `mail` and `rcpts` are the arguments as sent, `data` with the dots removed."""

    mail: str
    rcpts: list[str]
    data: bytes
    tls: bool
    login: str | None
    verb: str


class Session:
    def __init__(self, upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.up = upstream
        self.reader = reader
        self.writer = writer
        self.tls = upstream.implicit
        self.login: str | None = None
        self.mail = ""
        self.rcpts: list[str] = []
        self.chunks = b""
        self.abort = False

    async def run(self) -> None:
        await self.say(await self.scripted("GREETING"))
        while True:
            line = await self.line()
            if not line:
                return
            self.up.commands.append(line)
            verb, _, rest = line.partition(" ")
            handler = getattr(self, f"on_{verb.lower()}", None)
            if handler is None:
                await self.say("500 5.5.1 Unrecognized command")
            else:
                await handler(rest)

    async def line(self) -> str:
        raw = await self.reader.readline()
        if raw and not raw.endswith(b"\r\n"):
            raise Hangup
        return raw[:-2].decode()

    async def say(self, text: str) -> None:
        octets = "".join(f"{line}\r\n" for line in text.split("\n")).encode()
        if self.up.drip and self.mail:
            for octet in octets:
                self.writer.write(bytes([octet]))
                await asyncio.sleep(self.up.drip)
        self.writer.write(octets)
        await self.writer.drain()
        if text.startswith("421"):
            raise Hangup

    async def scripted(self, verb: str, default: str = "") -> str:
        queue = self.up.answers[verb]
        text = queue.popleft() if queue else default or _DEFAULTS[verb]
        if text == DROP:
            raise Hangup
        if text == HOLD:
            self.up.held.set()
            await self.up.release.wait()
            return default or _DEFAULTS[verb]
        return text

    # -- commands ---------------------------------------------------------------------------------------------------

    async def on_ehlo(self, rest: str) -> None:
        lines = [f"upstream.example Hello {rest}", *self.up.capabilities]
        if self.up.context is not None and not self.tls:
            lines.append("STARTTLS")
        elif self.up.auth and self.login is None:
            lines.append(f"AUTH {' '.join(self.up.auth)}")
        marks = ["-"] * (len(lines) - 1) + [" "]
        await self.say(
            await self.scripted("EHLO", "\n".join(f"250{m}{line}" for m, line in zip(marks, lines, strict=True)))
        )

    async def on_helo(self, rest: str) -> None:
        await self.say(await self.scripted("HELO"))

    async def on_starttls(self, rest: str) -> None:
        text = await self.scripted("STARTTLS")
        if text == GARBAGE:
            await self.say(_DEFAULTS["STARTTLS"] + "\n220 no TLS is spoken here")
            raise Hangup
        await self.say(text)
        if text.startswith("220"):
            assert self.up.context is not None
            await self.writer.start_tls(self.up.context)
            self.tls = True

    async def on_auth(self, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        scripted = self.up.answers["AUTH"]
        if mechanism == "LOGIN":
            user = initial or await self.ask("VXNlcm5hbWU6")
            await self.settle(_text(user), _text(await self.ask("UGFzc3dvcmQ6")))
            return
        octets = _text(initial or await self.ask(""))
        if scripted:
            await self.refuse(scripted.popleft())
        elif mechanism == "PLAIN":
            _, user, password = octets.split("\0")
            await self.settle(user, password)
        else:
            user, bearer = octets.split("\1")[:2]
            if bearer.removeprefix("auth=Bearer ") in self.up.tokens:
                await self.welcome(user.removeprefix("user="))
            else:
                if self.up.challenge:
                    await self.ask(base64.b64encode(b'{"status":"401"}').decode())
                await self.refuse("535 5.7.3 Authentication unsuccessful [upstream.example]")

    async def ask(self, challenge: str) -> str:
        await self.say(f"334 {challenge}")
        return await self.line()

    async def settle(self, user: str, password: str) -> None:
        if self.up.passwords.get(user) == password:
            await self.welcome(user)
        else:
            await self.refuse("535 5.7.8 Authentication credentials invalid")

    async def welcome(self, user: str) -> None:
        self.login = user
        await self.say("235 2.7.0 Authentication successful")

    async def refuse(self, text: str) -> None:
        await self.say(text)
        if self.up.close_after_535:
            raise Hangup

    async def on_mail(self, rest: str) -> None:
        text = await self.scripted("MAIL", by_address(rest, None) or _DEFAULTS["MAIL"])
        if text.startswith("2"):
            self.mail, self.rcpts, self.chunks = rest, [], b""
        await self.say(text)

    async def on_rcpt(self, rest: str) -> None:
        if not self.mail:
            await self.say("503 5.5.1 MAIL first")
            return
        if "<drop-at-rcpt" in rest:
            raise Hangup
        text = await self.scripted("RCPT", by_address(rest, None) or _DEFAULTS["RCPT"])
        if text.startswith("2"):
            self.rcpts.append(rest)
        await self.say(text)

    async def on_data(self, rest: str) -> None:
        default = self.fault("data") or _DEFAULTS["DATA"]
        if not self.rcpts:
            default = "554 5.5.1 No valid recipients"
        text = await self.scripted("DATA", default)
        await self.say(text)
        if text.startswith("354"):
            await self.end("DATA", await self.dotted())

    async def on_bdat(self, rest: str) -> None:
        size, _, last = rest.partition(" ")
        await self.stalled()
        if self.has("drop-in-data"):
            await self.reader.readexactly(min(int(size) // 2, 100_000))  # far less than the kernel would buffer
            self.abort = True
            raise Hangup
        self.chunks += await self.reader.readexactly(int(size))
        if last != "LAST":
            await self.say(await self.scripted("BDAT"))
        else:
            await self.end("BDAT", self.chunks)

    async def on_rset(self, rest: str) -> None:
        self.mail, self.rcpts = "", []
        await self.say(await self.scripted("RSET"))

    async def on_noop(self, rest: str) -> None:
        await self.say(await self.scripted("NOOP"))

    async def on_quit(self, rest: str) -> None:
        self.up.quitted.set()
        await self.say(await self.scripted("QUIT"))
        raise Hangup

    # -- the message ------------------------------------------------------------------------------------------------

    async def stalled(self) -> None:
        if self.up.stall:
            self.reader._transport.pause_reading()  # type: ignore[attr-defined]
            await self.up.release.wait()
            raise Hangup

    async def dotted(self) -> bytes:
        await self.stalled()
        lines = []
        while (line := await self.reader.readline()) != b".\r\n":
            if not line:
                raise Hangup
            if self.has("drop-in-data"):
                self.abort = True
                raise Hangup
            if self.up.early and not lines:
                await self.say(self.up.early)
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    async def end(self, verb: str, data: bytes) -> None:
        if self.has("drop-after-dot"):
            raise Hangup
        text = await self.scripted("DOT", self.fault("dot") or _DEFAULTS["DOT"])
        if text.startswith("2"):
            self.up.taken.append(Taken(self.mail, self.rcpts, data, self.tls, self.login, verb))
        self.mail, self.rcpts, self.chunks = "", [], b""
        await self.say(text)

    def has(self, word: str) -> bool:
        return any(f"<{word}" in line for line in self.rcpts)

    def fault(self, stage: str) -> str | None:
        return next((text for line in self.rcpts if (text := by_address(line, stage))), None)


def by_address(argument: str, stage: str | None) -> str | None:
    """The answer that an address such as `450-x@`, `dot-554-x@` or `data-451-x@` asks for at this stage."""
    found = _FAULT.match(argument.partition("<")[2])
    if found is None or found[1] != stage:
        return None
    return f"{found[2]} {found[2][0]}.0.0 as the address asks"


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode()
