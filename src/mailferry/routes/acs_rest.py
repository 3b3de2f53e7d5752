"""The transport over the REST interface of Azure Communication Services: a message is taken apart into JSON where
nothing is lost by it, sent as an operation of an id of our own, and followed to that operation's final state.

Leaves to others: the parts (acs_letter, acs_json), requests (acs_client), answers (acs_errors), ids (acs_operations),
limits (delivery). Invariants: deliver() answers every recipient exactly once, and raises nothing but CancelledError;
nothing is sent while an operation that may have sent it was not looked up; while it waits for the final state a message
holds neither a connection nor its octets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from mailferry.clock import Clock
from mailferry.mail.body import Body, BodyGone
from mailferry.mail.envelope import Recipient
from mailferry.mail.fidelity import assess
from mailferry.mail.headers import Header
from mailferry.mail.message import Message, format_id
from mailferry.mail.mime import scan
from mailferry.mail.outcome import Deferred, Delivered, Outcome, Unknown
from mailferry.obs.maillog import MailLog
from mailferry.routes import classify
from mailferry.routes.acs_client import Client, Lost
from mailferry.routes.acs_errors import Answer, refusal, settled, unreadable_status
from mailferry.routes.acs_find import OperationFinder
from mailferry.routes.acs_json import compose, damaged
from mailferry.routes.acs_letter import FORM, write
from mailferry.routes.acs_operations import PASSED_OVER, Operation, Operations
from mailferry.routes.acs_polls import Polls
from mailferry.routes.acs_settings import MISSING
from mailferry.routes.api import Limits, Result
from mailferry.routes.classify import local
from mailferry.routes.graph_letter import Refused
from mailferry.routes.graph_settings import HeaderOnly
from mailferry.routes.parts import parts
from mailferry.tokens.api import TokenError

#: Requests that are put together and sent at a time: each holds a message of up to 10 MB, twice for a moment.
_COMPOSING = 8
#: Seconds between two looks at an operation where the service does not say; the client's own default is 30.
_FIRST_WAIT, _LONGEST_WAIT = 5.0, 60.0


_ASKED_OUT = "As many states as Azure Communication Services tells in an hour have been asked for"
#: What stands before the service lost sight of the request: whether it was taken, the operation tells.
_NOBODY_KNOWS = frozenset({408, 502, 504})


@dataclass(frozen=True, slots=True)
class Way:
    """`sender` the MailFrom address, "" for each message's own; `patience` in seconds for the final state."""

    name: str
    sender: str
    header_only: HeaderOnly
    patience: float


class _Trial:
    """One delivery: whether anything was handed over, and whether an operation may be under way."""

    __slots__ = ("handed_over", "open")

    def __init__(self) -> None:
        self.handed_over = False
        self.open = ""


class AcsRestTransport:
    """One route by REST."""

    __slots__ = ("_client", "_clock", "_composing", "_limits", "_log", "_operations", "_polls", "_way")

    def __init__(
        self, way: Way, limits: Limits, client: Client, operations: Operations, polls: Polls, clock: Clock, log: MailLog
    ) -> None:
        self._way = way
        self._limits = limits
        self._client = client
        self._operations = operations
        self._polls = polls
        self._clock = clock
        self._log = log
        self._composing = asyncio.Semaphore(_COMPOSING)

    @property
    def limits(self) -> Limits:
        return self._limits

    async def deliver(self, message: Message, body: Body, recipients: Sequence[Recipient]) -> Result:
        outcomes: list[Outcome] = []
        handed_over, fault = False, None
        for part in parts(range(len(recipients)), self._limits.recipients_per_message):
            if fault is not None:  # of the lane or the sender: the others would hear the same
                outcomes += [fault] * len(part)
                continue
            trial = _Trial()
            outcome = await self._part(trial, message, body, [recipients[index] for index in part])
            outcomes += [outcome] * len(part)
            handed_over = handed_over or trial.handed_over
            fault = outcome if isinstance(outcome, Deferred) and outcome.lane_fault else None
        return Result(tuple(outcomes), handed_over)

    def finder(self) -> OperationFinder:
        """What looks for the messages of this route; it needs no permission beside that of sending."""
        most = self._limits.recipients_per_message
        return OperationFinder(self._client, self._operations.anew(), self._polls, most, self._clock)

    async def close(self) -> None:
        await self._client.close()

    async def _part(self, trial: _Trial, message: Message, body: Body, recipients: Sequence[Recipient]) -> Outcome:
        """One operation, whatever becomes of it."""
        try:
            return await self._operate(trial, message, body, recipients)
        except Refused as refused:
            return refused.outcome
        except BodyGone as gone:
            return classify.bodiless(f"The stored message cannot be read: {gone}")
        except TokenError as error:
            return classify.no_token(f"No access for route {self._way.name}: {error.cause}", error.retry_after)
        except ImportError:
            return classify.misconfigured(f"Route {self._way.name}: {': '.join(MISSING)}")
        except Exception as error:  # a bug must not lose mail: it is told, and the message waits
            self._log.trouble("delivery failed unexpectedly", message=format_id(message.id), error=repr(error))
            text = f"Internal error of this gateway: {type(error).__name__}"
            return _unknown(text, trial.open) if trial.open else classify.internal(text)

    async def _operate(self, trial: _Trial, message: Message, body: Body, recipients: Sequence[Recipient]) -> Outcome:
        operation = self._operations.of(message, recipients)
        if self._operations.may_exist(operation, message):
            operation, outcome = await self._earlier(trial, operation)
            if outcome is not None:
                return outcome
        answer = await self._send(trial, operation, message, body, recipients)
        if isinstance(answer, Lost):
            return await self._follow(trial, operation, 0.0, lost=answer)
        # 409: it exists already (what is documented for a request that is repeated while the first is in progress).
        if answer.good or answer.status == 409:
            return await self._follow(trial, operation, answer.retry_after, lost=None)
        trial.open = ""
        if answer.status < 500:
            self._operations.done(operation)
        return refusal(answer)

    # -- what an earlier attempt may have done ------------------------------------------------------------------------

    async def _earlier(self, trial: _Trial, operation: Operation) -> tuple[Operation, Outcome | None]:
        """The operation to begin, or the outcome of the one that was begun before."""
        for _ in range(PASSED_OVER):
            answer = await self._look(operation, self._clock.time() + self._way.patience)
            if answer is None:
                return operation, classify.throttled(_ASKED_OUT, _LONGEST_WAIT)
            if isinstance(answer, Lost):
                return operation, _unreached(answer)
            if answer.status == 404:
                return operation, None
            if not answer.good:
                return operation, unreadable_status(answer)
            outcome = settled(answer, operation.id)
            if outcome is None:
                return operation, await self._follow(trial, operation, answer.retry_after, lost=None)
            if isinstance(outcome, Delivered):
                self._operations.done(operation)
                return operation, outcome
            operation = operation.next()  # it sent nothing, and somebody wants it tried again
        return operation, None

    # -- this one -----------------------------------------------------------------------------------------------------

    async def _send(
        self, trial: _Trial, operation: Operation, message: Message, body: Body, recipients: Sequence[Recipient]
    ) -> Answer | Lost:
        async with self._composing:
            root = await scan(body)
            report = assess(root, FORM)
            if report.damage:
                raise damaged([finding.text for finding in report.damage])
            letter = write(
                Header(root.header),
                message,
                recipients,
                report.own_fields,
                sender=self._way.sender,
                header_only=self._way.header_only,
            )
            request = await compose(body, report, letter, self._limits.message_size)
            self._operations.asked(operation)
            trial.open = operation.id
            try:
                answer = await self._client.send(request, operation.id)
            except Lost as lost:
                trial.handed_over = lost.sent
                if lost.sent:
                    return lost
                trial.open = ""
                raise Refused(_unreached(lost)) from lost
            except TokenError:
                trial.open = ""
                raise
        trial.handed_over = True
        if answer.status in _NOBODY_KNOWS:
            return Lost(answer.words(), sent=True)
        return answer

    async def _follow(self, trial: _Trial, operation: Operation, wait: float | None, lost: Lost | None) -> Outcome:
        """The final state of an operation, or Unknown when it does not come in time."""
        trial.open = operation.id
        last = lost.text if lost is not None else "Azure Communication Services accepted the message"
        deadline = self._clock.time() + self._way.patience
        pause = _FIRST_WAIT if wait is None else wait
        while (left := deadline - self._clock.time()) > 0:
            await self._clock.sleep(min(pause, left))
            answer = await self._look(operation, deadline)
            if answer is None:
                last = _ASKED_OUT
                break
            if isinstance(answer, Lost) and lost is not None:
                break
            if isinstance(answer, Lost):
                last, pause = answer.text, min(_LONGEST_WAIT, max(_FIRST_WAIT, pause * 2))
                continue
            outcome = settled(answer, operation.id) if answer.good else None
            if outcome is not None:
                return self._ended(operation, outcome)
            if lost is not None and answer.status == 404:
                return _unknown(lost.text, operation.id)  # it may come yet; whoever tries again looks first
            last = last if answer.good else answer.words()
            pause = max(1.0, answer.retry_after if answer.retry_after is not None else min(_LONGEST_WAIT, pause * 2))
        return _unknown(lost.text if lost else f"{last}, and its final state did not come in time", operation.id)

    async def _look(self, operation: Operation, until: float) -> Answer | Lost | None:
        """The state of the operation; None when its turn to be asked for does not come before `until`."""
        try:
            async with self._polls.turn(until) as granted:
                return await self._client.status(operation.id) if granted else None
        except Lost as lost:
            return lost
        except TokenError as error:
            return Lost(f"No access for route {self._way.name}: {error.cause}", sent=False)

    def _ended(self, operation: Operation, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Delivered):
            self._operations.done(operation)
        else:
            self._operations.asked(operation.next())
        return outcome


def _unreached(lost: Lost) -> Deferred:
    return classify.no_tls(lost.text) if lost.tls else classify.unreachable(lost.text)


def _unknown(text: str, operation: str) -> Unknown:
    return Unknown(local(451, "4.4.2", f"{text} [operation {operation}]"))
