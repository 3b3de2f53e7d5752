"""One message over one connection: the envelope in one write, the message, and what became of each recipient.

Leaves to others: connections (pool), parameters (fit), the meaning of replies (classify).
Invariants: every recipient gets exactly one outcome; Delivered only from a 2yz to the whole message; once the last
octet left this process without an answer, Unknown; before that, never.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from mailferry.mail.body import Body, BodyGone
from mailferry.mail.outcome import Outcome
from mailferry.routes import classify
from mailferry.routes.classify import Classifier, Stage
from mailferry.routes.connection import Connection
from mailferry.routes.fit import Fit
from mailferry.routes.settings import TimeoutSettings
from mailferry.smtp.commands import Bdat, Command, Data, Mail, Rset
from mailferry.smtp.dotstuff import DotStuffer
from mailferry.smtp.replies import Reply

_DATA = Data()


class Transaction:
    """`handed_over`: octets of the message were sent. `untouched`: the connection was dead before the upstream took
    notice of this message, so that it may be offered again on another at once."""

    __slots__ = (
        "_accepted",
        "_body",
        "_classifier",
        "_connection",
        "_fit",
        "_outcomes",
        "_timeouts",
        "_whole",
        "handed_over",
        "untouched",
    )

    def __init__(
        self, connection: Connection, fit: Fit, body: Body, classifier: Classifier, timeouts: TimeoutSettings
    ) -> None:
        self._connection = connection
        self._fit = fit
        self._body = body
        self._classifier = classifier
        self._timeouts = timeouts
        self._outcomes: dict[int, Outcome] = {}
        self._accepted: list[int] = []
        self._whole = False
        self.handed_over = False
        self.untouched = False

    async def run(self, mail: Mail) -> dict[int, Outcome]:
        """Outcomes by the recipients' indexes in the Fit. Raises what is a bug, and CancelledError; the connection is
        torn down then, and `settle` says what is known."""
        self._connection.messages += 1
        try:
            if self._connection.offer.pipelining:
                await self._group(mail)
            else:
                await self._one_by_one(mail)
        except BaseException:
            self._connection.fail("given up in the middle of a message")
            raise
        return self._outcomes

    def settle(self, text: str) -> dict[int, Outcome]:
        """After run() was broken off by an error of our own: the best that can be said."""
        rest = classify.unanswered(text) if self._whole else classify.internal(text)
        return {index: self._outcomes.get(index, rest) for index in self._fit.indexes}

    # -- the envelope -----------------------------------------------------------------------------------------------

    async def _group(self, mail: Mail) -> None:
        """MAIL, every RCPT and DATA in one write (RFC 2920); with BDAT the group ends before it, because octets that
        are sent along could no longer be taken back when the connection turns out to be dead."""
        connection, rcpts = self._connection, self._fit.rcpts
        group: tuple[Command, ...] = (mail, *rcpts) if self._fit.bdat else (mail, *rcpts, _DATA)
        connection.send(*group)
        got = await connection.replies(len(group), self._timeouts.command)
        if not self._mail_taken(got[0] if got else None):
            if len(got) == len(group) and not self._fit.bdat:
                if got[-1].code == 354:  # it wants a message of whatever it took for an envelope
                    connection.fail("DATA was accepted although MAIL was not")
                else:
                    await self._after_data(got[-1])
            return
        for index, reply in zip(self._fit.indexes, got[1 : len(rcpts) + 1], strict=False):
            self._rcpt(index, reply)
        if len(got) < len(group):
            self._lost(got[-1])
        elif self._fit.bdat:
            await self._chunked() if self._accepted else await self._reset()
        else:
            await self._after_data(got[-1])

    async def _one_by_one(self, mail: Mail) -> None:
        """For upstreams without PIPELINING."""
        connection, timeout = self._connection, self._timeouts.command
        if not self._mail_taken(await connection.command(mail, timeout)):
            return
        for index, rcpt in zip(self._fit.indexes, self._fit.rcpts, strict=True):
            answer = await connection.command(rcpt, timeout)
            if answer is not None:
                self._rcpt(index, answer)
            if connection.lost is not None:
                self._lost(answer)
                return
        if not self._accepted:
            await self._reset()
        elif self._fit.bdat:
            await self._chunked()
        else:
            answer = await connection.command(_DATA, self._timeouts.data)
            if answer is None:
                self._rest(classify.lost(f"No answer to DATA: {connection.lost}"))
            else:
                await self._after_data(answer)

    def _mail_taken(self, answer: Reply | None) -> bool:
        if answer is not None and answer.code // 100 == 2:
            return True
        self.untouched = answer is None or answer.code == 421
        if answer is None:
            self._rest(classify.lost(f"Connection lost before the message was sent: {self._connection.lost}"))
        else:
            self._rest(self._classifier.outcome(Stage.MAIL, answer))
        return False

    def _lost(self, last: Reply | None) -> None:
        """The connection ended within the envelope, with `last` as the last word. A 421 to a recipient may be about
        that recipient, so that it does not blame the lane."""
        if last is not None and last.code == 421:
            self._rest(self._classifier.outcome(Stage.RCPT, last))
        else:
            self._rest(classify.lost(f"Connection lost before the message was sent: {self._connection.lost}"))

    def _rcpt(self, index: int, reply: Reply) -> None:
        if reply.code // 100 == 2:
            self._accepted.append(index)
        else:
            self._outcomes[index] = self._classifier.outcome(Stage.RCPT, reply)

    async def _after_data(self, answer: Reply) -> None:
        """The answer to DATA is here."""
        if answer.code == 354:
            if self._accepted:
                await self._dotted()
            else:  # RFC 2920 section 3.1: a server may say 354 all the same, and then wants a lone dot
                self._connection.write(b".\r\n")
                await self._connection.replies(1, self._timeouts.end)
            return
        if self._accepted:
            self._rest(self._classifier.outcome(Stage.DATA, answer))
        await self._reset()

    async def _reset(self) -> None:
        """Leave no transaction open behind a refusal, so that the connection can be kept."""
        if self._connection.usable and self._connection.core.in_transaction:
            answer = await self._connection.command(Rset(), self._timeouts.command)
            if answer is not None and answer.code != 250:
                self._connection.quit()

    # -- the message ------------------------------------------------------------------------------------------------

    async def _dotted(self) -> None:
        """After 354: the message with its dots doubled, and the dot that ends it."""
        connection, stuffer, octets = self._connection, DotStuffer(), self._body.inline
        self.handed_over = True
        if octets is not None:
            connection.write_all((stuffer.feed(octets), stuffer.finish()))
        elif await self._stream(stuffer):
            connection.write(stuffer.finish())
        else:
            return
        await self._answer()

    async def _chunked(self) -> None:
        """One BDAT with the whole message: its octets go as they are (RFC 3030)."""
        connection, octets = self._connection, self._body.inline
        self.handed_over = True
        if octets is not None:
            connection.send_with(Bdat(len(octets), last=True), octets)
        else:
            connection.send(Bdat(self._body.size, last=True))
            if not await self._stream(None):
                return
        await self._answer()

    async def _stream(self, stuffer: DotStuffer | None) -> bool:
        """The octets of a large message, no faster than the upstream takes them. False when they did not all go; the
        connection is torn down then, so that the upstream cannot take the part for the whole."""
        connection, block, sent = self._connection, self._timeouts.block, 0
        chunks = self._body.chunks()
        try:
            async for chunk in chunks:
                sent += len(chunk)
                connection.write(stuffer.feed(chunk) if stuffer is not None else chunk)
                if not await connection.drain(block) or connection.spoke:
                    await self._interrupted()
                    return False
        except BodyGone as gone:
            self._rest(classify.bodiless(f"The stored message cannot be read: {gone}"))
        else:
            if sent == self._body.size:
                return True
            self._rest(classify.bodiless(f"The stored message has {sent} octets in place of {self._body.size}"))
        finally:
            if isinstance(chunks, AsyncGenerator):  # a file is open behind it
                await chunks.aclose()
        connection.fail("the message could not be read")
        return False

    async def _interrupted(self) -> None:
        """Within the message the connection broke, or the upstream has already answered."""
        got = await self._connection.replies(1, 0) if self._connection.spoke else []
        if got and got[0].code // 100 in (4, 5):
            self._rest(self._classifier.outcome(Stage.END, got[0]))
        else:
            self._rest(classify.broken_off(f"Connection lost within the message: {self._connection.lost}"))
        self._connection.fail("the message was broken off")

    async def _answer(self) -> None:
        """All is written; wait for the answer to the message."""
        connection = self._connection
        if not await connection.drain(self._timeouts.block):
            await self._interrupted()  # what the socket had not taken is lost with it, the end of the message too
            return
        self._whole = True
        got = await connection.replies(1, self._timeouts.end)
        if got:
            self._rest(self._classifier.outcome(Stage.END, got[0]))
        else:
            self._rest(classify.unanswered(f"The message was sent, but no answer came: {connection.lost}"))

    def _rest(self, outcome: Outcome) -> None:
        """The outcome of all recipients that have none yet."""
        for index in self._fit.indexes:
            self._outcomes.setdefault(index, outcome)
