"""A durable server around the aiosmtpd library: one append and one fdatasync per message, in an executor."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import uvloop
from aiosmtpd.smtp import SMTP


class Handler:
    def __init__(self, directory: Path) -> None:
        self._fd = os.open(directory / "messages", os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def _store(self, content: bytes) -> None:
        os.write(self._fd, content)
        os.fdatasync(self._fd)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        await asyncio.get_running_loop().run_in_executor(None, self._store, envelope.original_content)
        return "250 2.0.0 queued"


async def main() -> None:
    handler = Handler(Path(sys.argv[2]))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="bench.example.com", data_size_limit=104857600), "127.0.0.1", int(sys.argv[1])
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
