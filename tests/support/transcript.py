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

Header keys: `listener` (a profile of PROFILES), `login` (user:password, logged in before the dialogue), `only` (memory
or socket), `greeting: shown` (the dialogue begins before the greeting and EHLO). Lines that begin with # are comments.
Every wait has a timeout.
"""

from __future__ import annotations

import ast
import asyncio
import base64
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mailferry.listener.server import Listener
from mailferry.listener.session import Session
from mailferry.listener.settings import ClientSettings, GuardSettings, ListenerSettings
from mailferry.spool.api import SpoolFailed
from support.listening import World, hashed

TIMEOUT = 5.0

_PASSWORD = hashed("secret")

PROFILES: dict[str, dict[str, object]] = {
    "submission": {"tls": "starttls"},
    "implicit": {"tls": "implicit"},
    "clear": {"tls": "none", "allow_plaintext_auth": True},
    "relay": {"tls": "none", "authentication": "none"},
    "optional": {"tls": "starttls", "authentication": "optional"},
    "repair": {"tls": "none", "authentication": "none", "bare_newlines": "repair"},
    "small": {"tls": "none", "authentication": "none", "max_size": 2000, "max_recipients": 3},
    "proxy": {"tls": "none", "authentication": "none", "proxy_protocol": ["127.0.0.0/8"]},
    "proxy-tls": {"tls": "implicit", "authentication": "optional", "proxy_protocol": ["127.0.0.0/8"]},
    "closed": {"tls": "none", "authentication": "none", "networks": ["192.0.2.0/24"]},
}

CLIENTS = (
    ClientSettings(name="ann", account="ann@example.test", password=_PASSWORD, recipients="anywhere"),
    ClientSettings(
        name="strict",
        password=_PASSWORD,
        senders=("strict@example.test", "*@scan.example.test"),
        recipients="internal",
        max_size=1500,
        rate="2/minute",
    ),
    ClientSettings(
        name="rewriter",
        password=_PASSWORD,
        mailbox="scan@example.test",
        rewrite_from=True,
        recipients=("*@partner.example", "*@example.test"),
    ),
    ClientSettings(name="elsewhere", password=_PASSWORD, login_from=("192.0.2.0/24",)),
    ClientSettings(name="floor", networks=("127.0.0.0/8",), recipients="anywhere"),
    ClientSettings(name="branch", networks=("192.0.2.0/24", "2001:db8::/32"), recipients="internal"),
    ClientSettings(name="world", networks=("198.18.0.0/15", "203.0.0.0/8"), recipients="anywhere"),
)


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


class Driver(Protocol):
    """One way to a listener."""

    async def connect(self) -> None: ...
    async def send(self, data: bytes) -> None: ...
    async def line(self) -> str: ...
    async def ended(self) -> bytes:
        """What still came before the server hung up."""
        ...

    async def tls(self) -> None: ...
    async def eof(self) -> None: ...
    async def leave(self) -> None: ...


class MemoryDriver:
    """A session without a socket. It is the session's Wire; the handshake is a word."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._implicit = listener.implicit
        self._came = asyncio.Event()
        self._got = b""
        self._closing = False
        self._handshake = False
        self._session: Session | None = None

    async def connect(self) -> None:
        self._got, self._closing, self._handshake = b"", False, False
        self._session = Session(self._listener.profile, self, "127.0.0.1", "TLSv1.3" if self._implicit else None)
        self._session.greet()

    async def send(self, data: bytes) -> None:
        assert self._session is not None
        if not self._closing:
            self._session.receive(data)

    async def line(self) -> str:
        async with asyncio.timeout(TIMEOUT):
            while b"\r\n" not in self._got:
                if self._closing:
                    raise ConnectionError(f"the server hung up; it had sent {self._got!r}")
                self._came.clear()
                await self._came.wait()
        line, _, self._got = self._got.partition(b"\r\n")
        return line.decode()

    async def ended(self) -> bytes:
        async with asyncio.timeout(TIMEOUT):
            while not self._closing:
                self._came.clear()
                await self._came.wait()
        if self._session is not None:
            self._session.connection_lost()
        return self._got

    async def tls(self) -> None:
        assert self._handshake, "the server did not begin a handshake"
        assert self._session is not None
        self._handshake = False
        self._session.tls_started("TLSv1.3")

    async def eof(self) -> None:
        assert self._session is not None
        self._session.receive_eof()

    async def leave(self) -> None:
        if self._session is not None:
            self._session.connection_lost()

    def drain(self) -> None:
        if self._session is not None:
            self._session.drain()

    # Wire

    def write(self, data: bytes) -> None:
        assert not self._closing, f"written after the end: {data!r}"
        self._got += data
        self._came.set()

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def start_tls(self) -> None:
        self._handshake = True

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_soon(call)

    def close(self) -> None:
        self._closing = True
        self._came.set()


class SocketDriver:
    """A client on a real socket."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def connect(self) -> None:
        await self.leave()
        host, port = self._listener.addresses[0]
        context = None
        if self._listener.implicit and not self._listener.settings.proxy_protocol:
            context = _trusting()
        async with asyncio.timeout(TIMEOUT):
            self._reader, self._writer = await asyncio.open_connection(host, port, ssl=context)

    async def send(self, data: bytes) -> None:
        assert self._writer is not None
        self._writer.write(data)

    async def line(self) -> str:
        assert self._reader is not None
        async with asyncio.timeout(TIMEOUT):
            line = await self._reader.readline()
        if not line:
            raise ConnectionError("the server hung up")
        assert line.endswith(b"\r\n"), line
        return line[:-2].decode()

    async def ended(self) -> bytes:
        assert self._reader is not None
        async with asyncio.timeout(TIMEOUT):
            try:
                return await self._reader.read()
            except ConnectionResetError:
                return b""

    async def tls(self) -> None:
        assert self._writer is not None
        async with asyncio.timeout(TIMEOUT):
            await self._writer.start_tls(_trusting(), server_hostname="gw.example.test")

    async def eof(self) -> None:
        assert self._writer is not None
        self._writer.write_eof()

    async def leave(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None


def _trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class Runner:
    """Plays one transcript by one driver."""

    def __init__(self, transcript: Transcript, state: Path, socket: bool) -> None:
        self._transcript = transcript
        self._socket = socket
        name = transcript.header.get("listener", "relay")
        settings = ListenerSettings(name=name, address="127.0.0.1:0", **PROFILES[name])  # type: ignore[arg-type]
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
