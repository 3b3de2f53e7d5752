"""A server that takes every message and throws it away: sink.py PORT DELAY. XCOUNT tells how many it took.

DELAY seconds pass before every answer, so that an upstream at a distance can be had on loopback.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop

_ANSWERS = {
    b"EHLO": b"250-sink.example.com\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}


class Sink(asyncio.Protocol):
    taken = 0
    delay = 0.0

    def __init__(self) -> None:
        self._buffer = b""
        self._body = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(b"220 sink.example.com ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        answers: list[bytes] = []
        while self._step(answers):
            pass
        if not answers:
            return
        if Sink.delay:
            asyncio.get_running_loop().call_later(Sink.delay, self._write, b"".join(answers))
        else:
            self._write(b"".join(answers))

    def _write(self, data: bytes) -> None:
        self._transport.write(data)
        if data.endswith(_ANSWERS[b"QUIT"]):
            self._transport.close()

    def _step(self, answers: list[bytes]) -> bool:
        if self._body:
            end = self._buffer.find(b"\r\n.\r\n")
            if end < 0:
                return False
            self._buffer = self._buffer[end + 5 :]
            self._body = False
            Sink.taken += 1
            answers.append(b"250 2.0.0 taken\r\n")
            return True
        line, found, rest = self._buffer.partition(b"\r\n")
        if not found:
            return False
        self._buffer = rest
        verb = line[:4].upper()
        if line.upper() == b"XCOUNT":
            answers.append(b"250 %d\r\n" % Sink.taken)
        else:
            self._body = verb == b"DATA"
            answers.append(_ANSWERS.get(verb, b"250 2.0.0 ok\r\n"))
        return True


async def main() -> None:
    Sink.delay = float(sys.argv[2])
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", int(sys.argv[1]), backlog=1000)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
