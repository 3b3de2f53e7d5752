"""The frame of a dialogue: the wire core's events to handlers, replies back, faults in between, a record of it all.

Leaves to others: what each command is answered with (exchange_session, relay_session), sockets and timers (exchange).
Invariant: one reply per event that needs one; what a fault takes over is not answered by its handler as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, ClassVar

from mailferry.sandbox.faults import Action, Fault, Point
from mailferry.sandbox.recorder import Dialogue
from mailferry.sandbox.world import World
from mailferry.smtp.commands import Auth, UnknownCommand
from mailferry.smtp.encode import encode_command
from mailferry.smtp.events import AuthResponse, BodyChunk, EndOfChunk, EndOfMessage, Refused
from mailferry.smtp.limits import Extensions, ServerLimits
from mailferry.smtp.replies import Reply, ReplyParser
from mailferry.smtp.server import ServerConnection


class Then(Enum):
    """What the driver does after writing."""

    READ = auto()
    STARTTLS = auto()
    PAUSE = auto()  # sleep `pause`, then resume()
    CLOSE = auto()
    ABORT = auto()


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float
    machine: bool  # of the machine's time, else of the sandbox clock


#: Where a fault can strike (None: nowhere, or later) and who answers.
Handler = tuple[Point | None, Callable[[Any, Any], Reply | None]]


class Talk:
    """One connection, without what it is about."""

    handlers: ClassVar[Mapping[type[Any], Handler]] = {}

    def __init__(
        self, world: World, surface: str, remote: str, mechanisms: tuple[str, ...], size: int | None = None
    ) -> None:
        self._world = world
        self._surface = surface
        self._remote = remote
        now = world.clock.time()
        self._front = world.hosts.front_end(now)
        self._core = ServerConnection(
            ServerLimits(message_size=world.behaviour.size if size is None else size),
            extensions=Extensions(binarymime=True, starttls=True, auth=mechanisms),
        )
        self._dialogue = Dialogue(surface, self._front.session, remote, now)
        self._recording = world.behaviour.record
        if self._recording:
            world.recorder.dialogues.append(self._dialogue)
        self._body: list[bytes] = []
        self._continue: Callable[[], Reply | None] | None = None
        self.then = Then.READ
        self.pause = Pause(0, machine=True)
        self.peer_names: frozenset[str] = frozenset()  # of the certificate that the peer showed, in lower case

    # For the driver

    def open(self) -> bytes:
        """The greeting, or what a fault puts in its place."""
        return self._answer(self._faulty(Point.CONNECT, self._greet))

    def receive(self, data: bytes) -> bytes:
        """What is to be written in answer; `then` says what is done after that."""
        self._core.receive(data)
        return self._pump([])

    def resume(self) -> bytes:
        """After a pause."""
        self.then = Then.READ
        go_on, self._continue = self._continue, None
        return self._pump([self._answer(go_on())]) if go_on else b""

    def tls_started(self, version: str) -> None:
        """The handshake is done: everything said before is forgotten (RFC 3207 section 4.2)."""
        self.then = Then.READ
        self._core.tls_started()
        self._dialogue.tls = version
        self._note(f"*: {version}")

    def closed(self) -> None:
        """The connection is gone."""
        self._dialogue.ended = self._world.clock.time()

    # The loop

    def _pump(self, out: list[bytes]) -> bytes:
        core = self._core
        while self.then is Then.READ and (event := core.next_event()) is not None:
            if type(event) is BodyChunk:
                self._body.append(event.data)
                continue
            self._note_event(event)
            point, respond = self.handlers[type(event)]
            if point is not None and self._world.faults:
                reply = self._faulty(point, lambda e=event, r=respond: r(self, e), event)  # type: ignore[misc]
            else:
                reply = respond(self, event)
            out.append(self._answer(reply))
        return b"".join(out)

    def _answer(self, reply: Reply | None) -> bytes:
        if reply is None:
            return b""
        if reply.code == 421:
            self.then = Then.CLOSE
        if self._recording:
            self._dialogue.say(f"S: {str(reply)[:400]}")
        return self._core.send(reply)

    def _greet(self) -> Reply:
        raise NotImplementedError

    # Faults

    def _faulty(self, point: Point, respond: Callable[[], Reply | None], event: Any = None) -> Reply | None:
        """Let an armed fault take over, else respond."""
        fault = self._world.faults.strike(self._surface, point, self._facts(event)) if self._world.faults else None
        if fault is None:
            return respond()
        self._note(f"*: fault {fault.action} at {fault.at}")
        return self._obey(fault, respond)

    def _obey(self, fault: Fault, respond: Callable[[], Reply | None]) -> Reply | None:
        match fault.action:
            case Action.DELAY:
                self._wait(Pause(fault.delay, machine=True), respond)
                return None
            case Action.REPLY:
                self._body.clear()
                return ReplyParser().line(fault.reply.encode())
            case Action.TAKE_AND_DROP:
                respond()
        self.then = Then.ABORT
        return None

    def _facts(self, event: Any) -> dict[str, str]:
        """What a fault's matcher can look at."""
        return {"remote": self._remote}

    def _wait(self, pause: Pause, go_on: Callable[[], Reply | None]) -> None:
        self.then, self.pause, self._continue = Then.PAUSE, pause, go_on

    # The record

    def _note(self, line: str) -> None:
        if self._recording:
            self._dialogue.say(line)

    def _note_event(self, event: Any) -> None:
        """Record a command without its secrets."""
        if not self._recording or isinstance(event, Refused):
            return
        match event:
            case Auth():
                line = f"AUTH {event.mechanism}" + (" ***" if event.initial is not None else "")
            case AuthResponse():
                line = "*" if event.data is None else "***"
            case EndOfMessage() | EndOfChunk():
                line = f"({sum(map(len, self._body))} octets)"
            case UnknownCommand():
                line = event.verb
            case _:
                line = encode_command(event).decode("utf-8", "replace").rstrip()
        self._dialogue.say(f"C: {line}")
