"""Golden dialogues: text files that say what a client sends and what the listener must answer.

A file begins with a header block (`key: value`, ended by an empty line), then one step per line:

    C: text            send the text and CRLF
    C! b"..."          send these octets (a Python literal), nothing added
    S: text            the next line of the server is exactly this
    S~ regex           the next line matches from its start
    S… regex           skip lines until one matches
    TLS                make the TLS handshake
    RECONNECT          begin a new connection
    EOF                the client closes its direction
    CLOSED             the server has hung up and sent nothing more
    SPOOL n            so many messages are durable now
    ENVELOPE a b c     of the newest: reverse path, then recipients
    BODY~ regex        something in the newest message's octets matches
    BODY! b"..."       the newest message ends in these octets
    LOG text           an event or a field of the mail log holds the text
    TICK n             the clock moves by so many seconds
    FULL text          the spool is full for this reason (without text: it has room again)
    FAIL               the next commit fails
    DRAIN              the gateway begins to shut down

Header keys: `listener` (one of transcript_profiles), `login` (user:password, logged in before the dialogue), `only`
(memory or socket), `greeting: shown` (the dialogue begins before the greeting and EHLO). Lines that begin with # are
comments. Every wait has a timeout.
"""

from __future__ import annotations

import ast
import asyncio
import base64
import re
from dataclasses import dataclass
from pathlib import Path

from mailferry.listener.settings import GuardSettings
from mailferry.spool.api import SpoolFailed
from support.listening import World
from support.transcript_drivers import TIMEOUT, Driver, MemoryDriver, SocketDriver
from support.transcript_profiles import CLIENTS, profile


@dataclass(frozen=True, slots=True)
class Step:
    number: int
    verb: str
    argument: str


@dataclass(frozen=True, slots=True)
class Transcript:
    path: Path
    header: dict[str, str]
    steps: tuple[Step, ...]


_STEP = re.compile(r"(C:|C!|S:|S~|S…|BODY~|BODY!|[A-Z]+)(?: (.*))?")


def parse(path: Path) -> Transcript:
    header: dict[str, str] = {}
    steps: list[Step] = []
    in_header = True
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line.startswith("#"):
            continue
        if not line:
            in_header = in_header and not header
            continue
        if in_header:
            key, _, value = line.partition(":")
            header[key.strip()] = value.strip()
            continue
        match = _STEP.fullmatch(line)
        if match is None:
            raise ValueError(f"{path.name}:{number}: not a step: {line!r}")
        steps.append(Step(number, match[1], match[2] or ""))
    return Transcript(path, header, tuple(steps))


class Runner:
    """Plays one transcript by one driver."""

    def __init__(self, transcript: Transcript, state: Path, socket: bool) -> None:
        self._transcript = transcript
        self._socket = socket
        settings = profile(transcript.header.get("listener", "relay"))
        self.world = World([settings], CLIENTS, state=state, guarding=GuardSettings(delay=0.0, attempts=4))
        self._listener = self.world.server.listeners[0]
        self._driver: Driver = SocketDriver(self._listener) if socket else MemoryDriver(self._listener)
        self._said: list[str] = []
        self._draining: asyncio.Task[None] | None = None

    async def run(self) -> None:
        if self._socket:
            await self.world.server.start()
        try:
            await self._open()
            for step in self._transcript.steps:
                await self._play(step)
        finally:
            await self._driver.leave()
            await (self._draining or self.world.server.drain(1.0))

    async def _play(self, step: Step) -> None:
        try:
            await _VERBS[step.verb](self, step.argument)
        except (AssertionError, ConnectionError, TimeoutError) as error:
            where = f"{self._transcript.path.name}:{step.number}: {step.verb} {step.argument}"
            said = "\n  ".join(self._said[-12:])
            raise AssertionError(f"{where}\n{type(error).__name__}: {error}\nlast said:\n  {said}") from error

    async def _open(self) -> None:
        """Connect; unless the dialogue shows it, take the greeting, say EHLO and log in."""
        header = self._transcript.header
        await self._driver.connect()
        if header.get("greeting") == "shown":
            return
        assert (await self._next()).startswith("220 ")
        await self._hello()
        if "login" in header:
            user, _, password = header["login"].partition(":")
            if self._listener.profile.starttls:
                await self._driver.send(b"STARTTLS\r\n")
                assert (await self._next()).startswith("220 ")
                await self._driver.tls()
                await self._hello()
            word = base64.b64encode(f"\0{user}\0{password}".encode())
            await self._driver.send(b"AUTH PLAIN " + word + b"\r\n")
            assert (await self._next()).startswith("235 ")

    async def _hello(self) -> None:
        await self._driver.send(b"EHLO client.example.test\r\n")
        while (await self._next())[3] == "-":
            pass

    async def _next(self) -> str:
        line = await self._driver.line()
        self._said.append(f"S: {line}")
        return line

    async def _send(self, data: bytes) -> None:
        self._said.append(f"C: {data[:200]!r}")
        await self._driver.send(data)

    async def _line(self, text: str) -> None:
        await self._send(text.encode() + b"\r\n")

    async def _raw(self, text: str) -> None:
        await self._send(_octets(text))

    async def _exact(self, text: str) -> None:
        line = await self._next()
        assert line == text, f"the server said {line!r}"

    async def _like(self, pattern: str) -> None:
        line = await self._next()
        assert re.match(pattern, line), f"the server said {line!r}"

    async def _skip(self, pattern: str) -> None:
        while not re.match(pattern, await self._next()):
            pass

    async def _tls(self, _: str) -> None:
        await self._driver.tls()

    async def _reconnect(self, _: str) -> None:
        await self._driver.connect()

    async def _eof(self, _: str) -> None:
        await self._driver.eof()

    async def _closed(self, _: str) -> None:
        rest = await self._driver.ended()
        assert rest == b"", f"the server still said {rest!r}"

    async def _spool(self, text: str) -> None:
        found = await self.world.messages()
        assert len(found) == int(text), f"{len(found)} messages are in the spool"

    async def _envelope(self, text: str) -> None:
        newest = (await self.world.messages())[-1].message.envelope
        words = text.split()
        got = [newest.reverse_path or "<>", *(one.address for one in newest.recipients)]
        assert got == words, f"the envelope is {got}"

    async def _newest(self) -> bytes:
        return await self.world.octets((await self.world.messages())[-1])

    async def _body_like(self, pattern: str) -> None:
        octets = await self._newest()
        assert re.search(pattern.encode(), octets, re.DOTALL), f"the message is {octets!r}"

    async def _body_ends(self, text: str) -> None:
        octets = await self._newest()
        assert octets.endswith(_octets(text)), f"the message is {octets!r}"

    async def _logged(self, text: str) -> None:
        events = [f"{event} {fields}" for _, event, fields in self.world.recorder.events]
        assert any(text in event for event in events), "\n".join(events)
        assert not any("secret" in event for event in events)

    async def _tick(self, text: str) -> None:
        self.world.clock.advance(float(text))

    async def _full(self, text: str) -> None:
        self.world.spool.refuse = text

    async def _fail(self, _: str) -> None:
        self.world.spool.fail = SpoolFailed("the disk is gone")

    async def _drain(self, _: str) -> None:
        if isinstance(self._driver, MemoryDriver):
            self._driver.drain()
        else:
            self._draining = asyncio.create_task(self.world.server.drain(TIMEOUT))
            await asyncio.sleep(0)


_VERBS = {
    "C:": Runner._line,
    "C!": Runner._raw,
    "S:": Runner._exact,
    "S~": Runner._like,
    "S…": Runner._skip,
    "TLS": Runner._tls,
    "RECONNECT": Runner._reconnect,
    "EOF": Runner._eof,
    "CLOSED": Runner._closed,
    "SPOOL": Runner._spool,
    "ENVELOPE": Runner._envelope,
    "BODY~": Runner._body_like,
    "BODY!": Runner._body_ends,
    "LOG": Runner._logged,
    "TICK": Runner._tick,
    "FULL": Runner._full,
    "FAIL": Runner._fail,
    "DRAIN": Runner._drain,
}


def _octets(text: str) -> bytes:
    value = ast.literal_eval(text)
    assert isinstance(value, bytes)
    return value
