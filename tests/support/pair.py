"""A client core wired to a server core in memory: the two roles checked against each other without a network."""

from __future__ import annotations

from mailferry.smtp.client import ClientConnection, Sent
from mailferry.smtp.commands import Command
from mailferry.smtp.limits import BareNewlines, Extensions, ServerLimits
from mailferry.smtp.replies import Reply
from mailferry.smtp.server import ServerConnection
from support.smtp_drive import EXTENSIONS, GREETING, Answer, Log, kindly, take


class ConnectionPair:
    """Bytes go from one core to the other in pieces of `cut` octets (0: as they come)."""

    def __init__(
        self,
        *,
        limits: ServerLimits | None = None,
        bare: BareNewlines = BareNewlines.REFUSE,
        extensions: Extensions = EXTENSIONS,
        answer: Answer = kindly,
        cut: int = 0,
    ) -> None:
        self.client = ClientConnection()
        self.server = ServerConnection(limits or ServerLimits(), bare, extensions=extensions)
        self.log = Log()
        self._answer = answer
        self._cut = cut
        self._delivered = 0
        self.log.written += self.server.greeting(GREETING)
        self._deliver()

    def write(self, data: bytes) -> list[tuple[Sent, Reply]]:
        """Put octets on the wire as the client, let both sides work, return the replies that came."""
        for piece in self._pieces(data):
            self.server.receive(piece)
            take(self.server, self.log, self._answer)
        return self._deliver()

    def send(self, *commands: Command) -> list[tuple[Sent, Reply]]:
        return self.write(b"".join(self.client.send(command) for command in commands))

    def replies(self) -> list[tuple[Sent, Reply]]:
        out = []
        while (answer := self.client.next_reply()) is not None:
            out.append(answer)
        return out

    def _deliver(self) -> list[tuple[Sent, Reply]]:
        fresh = self.log.written[self._delivered :]
        self._delivered = len(self.log.written)
        for piece in self._pieces(fresh):
            self.client.receive(piece)
        return self.replies()

    def _pieces(self, data: bytes) -> list[bytes]:
        step = self._cut or max(len(data), 1)
        return [data[offset : offset + step] for offset in range(0, len(data), step)]
