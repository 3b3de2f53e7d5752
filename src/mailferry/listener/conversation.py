"""The flow of one conversation: octets to the core, events to a decision, replies to the wire; in callbacks.

Leaves to others: the socket (protocol, behind Wire), grammar and order (smtp core) and what is answered (session).
Invariants: all replies to one read go out in one write; no task per command; an event that takes time stops the flow
until its answer comes, and reading too when more is sent than a client needs to send ahead.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from asyncio import Future
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from mailferry.listener.profile import Profile
from mailferry.listener.transaction import Transaction
from mailferry.smtp.replies import Reply, reply
from mailferry.smtp.server import ServerConnection

SHUTTING_DOWN = reply(421, "4.3.2", "The gateway is shutting down, try again later")
TIMED_OUT = reply(421, "4.4.2", "Nothing was received for too long")
INTERNAL_ERROR = reply(451, "4.3.0", "Internal error, try again later")

#: Octets in the core above which reading stops while a reply is being worked out.
_BUFFERED = 64 * 1024


class Wire(Protocol):
    """What a conversation asks of its connection."""

    def write(self, data: bytes) -> None: ...

    def pause(self) -> None:
        """Stop reading until resume()."""
        ...

    def resume(self) -> None: ...

    def close(self, *, reading: bool = False) -> None:
        """Close after what was written has gone out. `reading`: the client may still be sending; what comes is thrown
        away for a while, because a reset would take the last reply from it."""
        ...

    def start_tls(self) -> None:
        """Begin the handshake; ends in tls_started() or in the end of the connection."""
        ...

    def later(self, seconds: float, call: Callable[[], None]) -> None: ...


#: By class of event: who decides. None as an answer: the event needs no reply, or wait() was called and answer()
#: will come.
Handlers = Mapping[type, Callable[[Any, Any], Reply | None]]


class Conversation(ABC):
    """What every session does whatever is said in it."""

    __slots__ = (
        "_cut_off",
        "_ending",
        "_eof",
        "_paused",
        "_tls_next",
        "_turning",
        "_tx",
        "_waiting",
        "_wire",
        "accepted",
        "address",
        "closed",
        "core",
        "draining",
        "handlers",
        "profile",
        "progress",
        "tls",
    )

    def __init__(self, profile: Profile, wire: Wire, address: str, tls: str | None, handlers: Handlers) -> None:
        self.handlers = handlers
        self.profile = profile
        self.address = address
        self.tls = tls
        self.core = ServerConnection(
            profile.limits, profile.settings.bare_newlines, extensions=profile.extensions, tls=tls is not None
        )
        self.closed = False
        self.draining = False
        self.accepted = 0  # messages, so that the timer sees who brings none
        self.progress = 0  # rises with every event, so that the timer sees who gets nowhere
        self._wire = wire
        self._tx: Transaction | None = None
        self._waiting = False  # a reply is being worked out
        self._paused = False
        self._turning = False  # one of: ending, draining, end of input, TLS next
        self._ending = False
        self._cut_off = False
        self._tls_next = False
        self._eof = False

    # From the wire

    def greet(self) -> None:
        self._wire.write(self.core.greeting(self.profile.greeting))

    def turn_away(self, answer: Reply) -> None:
        """End the connection with a reply (421), now."""
        if not self.closed and not self._ending:
            self._ending = True
            self._drop()
            self._wire.write(self.core.send(answer))
            self._wire.close()

    def receive(self, data: bytes) -> None:
        if self._ending:
            return
        self.core.receive(data)
        if not self._waiting:
            self._pump()
        elif not self._paused and self.core.buffered > _BUFFERED:
            self._paused = True
            self._wire.pause()

    def receive_eof(self) -> bool:
        """The client sends no more. True when it is still owed an answer, and the connection must stay for it."""
        self._eof = self._turning = True
        self.core.receive_eof()
        if not self._waiting:
            self._drop()
        return self._waiting and not self._ending

    def connection_lost(self) -> None:
        self.closed = True
        self._drop()

    @property
    def arrived(self) -> int:
        """Octets of the message that is on its way."""
        return self._tx.arrived if self._tx is not None else 0

    @property
    def ended(self) -> bool:
        """The last reply was given."""
        return self._ending

    @property
    def busy(self) -> bool:
        """The gateway owes an answer, so the silence is not the client's."""
        return self._waiting

    def drain(self) -> None:
        """The gateway goes down: end now when idle, else after the message that is on its way."""
        self.draining = self._turning = True
        if self._tx is None and not self._waiting:
            self.turn_away(SHUTTING_DOWN)

    # For whoever decides

    def answer(self, answer: Reply) -> None:
        """The reply that took time is there: send it and go on with what came meanwhile."""
        if self.closed or self._ending:
            return
        self._waiting = False
        self._pump(answer)
        if self._paused and not self._waiting:
            self._resume()

    def wait(self) -> None:
        """The reply takes time; answer() will come."""
        self._waiting = True

    def end(self, *, cut_off: bool = False) -> None:
        """Close the connection after the reply that is being given. `cut_off`: in the midst of what the client says."""
        self._ending = self._turning = True
        self._cut_off = cut_off

    def turn_to_tls(self) -> None:
        """Begin the handshake after the reply that is being given."""
        self._tls_next = self._turning = True

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self._wire.later(seconds, call)

    def refuse(self, stage: str, answer: Reply, reason: str = "") -> Reply:
        """Put a refusal into the log and hand it back."""
        profile = self.profile
        profile.site.log.rejected(
            profile.name, self.address, self._client_name(), stage, str(answer), reason or answer.text
        )
        return answer

    @abstractmethod
    def _client_name(self) -> str:
        """For the log; "" while it is not known."""

    # The flow

    def _pump(self, answer: Reply | None = None) -> None:
        """Answer events until one needs time or more octets; then write all replies at once."""
        core, handlers = self.core, self.handlers
        out: list[bytes] = [] if answer is None else [core.send(answer)]
        while not self._ending:
            event = core.next_event()
            if event is None:
                break
            self.progress += 1
            try:
                answer = handlers[type(event)](self, event)
            except Exception as error:
                answer = self._broken(error)
            if answer is None:
                if self._waiting:
                    break
                continue
            out.append(core.send(answer))
            if self._tx is not None and not core.in_transaction:
                self._drop()
            if self._tls_next or not core.buffered:
                break
        if self._turning:
            self._turn(out)
        elif out:
            self._wire.write(out[0] if len(out) == 1 else b"".join(out))

    def _turn(self, out: list[bytes]) -> None:
        """Write, then do what changes the course of the conversation: its end, or TLS."""
        wire = self._wire
        if self.draining and not self._ending and self._tx is None and not self._waiting:
            self._ending = True
            out.append(self.core.send(SHUTTING_DOWN))
        if out:
            wire.write(b"".join(out))
        if self._ending or (self._eof and not self._waiting):
            self._ending = True
            self._drop()
            wire.close(reading=self._cut_off)
        elif self._tls_next:
            self._turning = self.draining
            self._tls_next = False
            self._waiting = True
            wire.start_tls()

    def _hold(self, until: Future[None]) -> None:
        """Read no more until the store has caught up."""
        if not self._paused:
            self._paused = True
            self._wire.pause()
            until.add_done_callback(self._caught_up)

    def _caught_up(self, _: Future[None]) -> None:
        if self._paused and not self.closed:
            self._resume()

    def _resume(self) -> None:
        self._paused = False
        self._wire.resume()

    def _broken(self, error: Exception) -> Reply | None:
        """A bug or a fault of ours: the client may try again and is told nothing of it; the log is."""
        profile = self.profile
        cause = f"{type(error).__name__}: {error}"
        profile.site.log.trouble("session failed", listener=profile.name, address=self.address, error=cause)
        self._waiting = False
        if self.core.awaiting:
            self._drop()
            return INTERNAL_ERROR
        if self._tx is not None:
            self._tx.refuse(INTERNAL_ERROR)
        return None

    def _drop(self) -> None:
        tx, self._tx = self._tx, None
        if tx is not None:
            tx.abort()
