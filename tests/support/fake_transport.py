"""A transport that sends nowhere: outcomes as set, latency in the clock's time, everything recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mailferry.clock import Clock
from mailferry.mail.body import Body
from mailferry.mail.envelope import Recipient
from mailferry.mail.message import Message
from mailferry.mail.outcome import Deferred, Delivered, Failed, Outcome, Unknown
from mailferry.routes.api import Limits, Result
from mailferry.smtp.replies import reply

OK = Delivered(reply(250, "2.0.0", "OK"))
GREYLISTED = Deferred(reply(451, "4.7.1", "come back later"))
NO_SUCH_USER = Failed(reply(550, "5.1.1", "no such user"))
LOST = Unknown(reply(451, "4.4.2", "connection lost after the message"))


def fault(kind: str, text: str = "upstream trouble", retry_after: float | None = None, code: int = 451) -> Deferred:
    return Deferred(reply(code, f"{code // 100}.7.0", text), retry_after, kind)


@dataclass(frozen=True)
class Attempt:
    """One call of deliver()."""

    message: Message
    recipients: tuple[str, ...]
    began: float
    ended: float
    outcomes: tuple[Outcome, ...] = ()


@dataclass
class FakeTransport:
    """`outcomes` by address (a list is used up in its order, its last stays), `default` for all others; `answer`
    overrules both. `error` is raised instead. `latency` in seconds, or by call number. `hold` True: nothing ends before
    release()."""

    clock: Clock
    limits: Limits = field(default_factory=Limits)
    default: Outcome = OK
    outcomes: dict[str, Outcome | list[Outcome]] = field(default_factory=dict)
    answer: Callable[[Message, Recipient], Outcome] | None = None
    error: Exception | None = None
    latency: float | Callable[[int], float] = 0.0
    handed_over: bool = True
    dsn: bool = False
    attempts: list[Attempt] = field(default_factory=list)
    running: dict[str, int] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)
    started: list[Message] = field(default_factory=list)
    closed: bool = False

    async def deliver(self, message: Message, body: Body, recipients: Sequence[Recipient]) -> Result:
        began = self.clock.time()
        box = message.mailbox
        self.started.append(message)
        self.running[box] = self.running.get(box, 0) + 1
        self.most[box] = max(self.most.get(box, 0), self.running[box])
        try:
            seconds = self.latency(len(self.started)) if callable(self.latency) else self.latency
            if seconds:
                await self.clock.sleep(seconds)
            if self.error is not None:
                raise self.error
            outcomes = tuple(self._outcome(message, recipient) for recipient in recipients)
        finally:
            self.running[box] -= 1
        addresses = tuple(recipient.address for recipient in recipients)
        self.attempts.append(Attempt(message, addresses, began, self.clock.time(), outcomes))
        return Result(outcomes, self.handed_over, self.dsn)

    def _outcome(self, message: Message, recipient: Recipient) -> Outcome:
        if self.answer is not None:
            return self.answer(message, recipient)
        found = self.outcomes.get(recipient.address, self.default)
        if isinstance(found, list):
            return found.pop(0) if len(found) > 1 else found[0]
        return found

    async def close(self) -> None:
        self.closed = True

    def addresses(self) -> list[str]:
        """Every recipient tried, in order."""
        return [address for attempt in self.attempts for address in attempt.recipients]
