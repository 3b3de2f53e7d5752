"""Reports to a program: its words go to it as they are, the report stands on its standard input as JSON.

Leaves to others: the JSON (report.plain). Invariants: no shell reads anything; the program sees none of the gateway's
environment, where secrets may lie; one that does not end in time is ended, with all that it started.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence

from mailferry.alarms import report, words
from mailferry.alarms.report import Report
from mailferry.alarms.target import TargetError
from mailferry.obs.redact import clean

_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
#: Octets of its standard error that are looked at.
_SAID = 2000


class Command:
    """Runs `argv` for each report. Exit code 0 means that the report was taken."""

    def __init__(self, argv: Sequence[str], language: str, seconds: float) -> None:
        self._argv = tuple(argv)
        self._language = language
        self._seconds = seconds

    async def send(self, made: Report) -> None:
        """Raises TargetError."""
        text = json.dumps(report.plain(made, self._language, words.summary(made, self._language)), ensure_ascii=False)
        try:
            process = await asyncio.create_subprocess_exec(
                *self._argv, stdin=PIPE, stdout=DEVNULL, stderr=PIPE, env=_ENVIRONMENT, start_new_session=True
            )
        except OSError as error:
            raise TargetError(f"{self._argv[0]} cannot be run: {error.strerror}") from None
        try:
            async with asyncio.timeout(self._seconds):
                said = await _talk(process, text.encode("utf-8", "replace") + b"\n")
                code = await process.wait()
        except TimeoutError:
            raise TargetError(f"{self._argv[0]} did not end within {self._seconds:g} s and was ended") from None
        finally:
            await _end(process)
        if code:
            raise TargetError(f"{self._argv[0]} ended with code {code}" + (f": {said}" if said else ""))


async def _talk(process: Process, text: bytes) -> str:
    """Hand the report over, and read what it says, of which the first line is kept."""
    assert process.stdin is not None  # noqa: S101 - both are pipes
    assert process.stderr is not None  # noqa: S101
    said = asyncio.ensure_future(_listen(process.stderr))
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may have no use for the report
        process.stdin.write(text)
        await process.stdin.drain()
    process.stdin.close()
    return await said


async def _listen(stream: asyncio.StreamReader) -> str:
    kept = b""
    while piece := await stream.read(4096):
        kept += piece[: _SAID - len(kept)]
    first = kept.decode("utf-8", "replace").strip().partition("\n")[0]
    return clean(words.one_line(first))[:200]


async def _end(process: Process) -> None:
    """Nothing of it is left. Its whole group goes, since a script's children outlive the script."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
