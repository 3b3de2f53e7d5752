"""Where log lines go: JSON lines or a console form, buffered, redacted, one object per gateway.

Leaves to others: what is worth a line (obs.maillog) and what counts as a secret (obs.redact).
Invariants: nothing leaves unredacted; an info line is written within FLUSH_SECONDS, a warning at once; a log that
cannot be written never stops mail, it is counted.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, MutableMapping
from typing import Any, BinaryIO

import structlog

from mailferry.clock import Clock
from mailferry.obs.redact import clean, clean_fields, suspicious

FLUSH_SECONDS = 0.1
_FLUSH_OCTETS = 64 * 1024
#: sd-daemon(3): a line that begins with <n> has that syslog priority in the journal.
_PRIORITY = {"debug": "<7>", "info": "<6>", "warning": "<4>", "error": "<3>", "critical": "<2>"}

#: Formatting a number costs more than looking it up.
_MILLISECONDS = tuple(f"{number:03d}" for number in range(1000))

_quote = json.encoder.encode_basestring
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


class Writer:
    """Lines to a binary stream, gathered for FLUSH_SECONDS while an event loop runs, else written at once."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lines: list[str] = []
        self._octets = 0
        self._timer: asyncio.TimerHandle | None = None
        self._lock = threading.Lock()
        self.lost = 0

    def write(self, line: str, *, now: bool) -> None:
        with self._lock:
            self._lines.append(line)
            self._octets += len(line)
            if not now and self._octets < _FLUSH_OCTETS and (self._timer is not None or self._arm()):
                return
        self.flush()

    def _arm(self) -> bool:
        try:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        except RuntimeError:  # no loop in this thread
            return False
        return True

    def flush(self) -> None:
        """Write what is gathered. An error of the stream is counted, not raised."""
        with self._lock:
            lines, self._lines, self._octets = self._lines, [], 0
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if not lines:
                return
            try:
                self._stream.write(("\n".join(lines) + "\n").encode("utf-8", "backslashreplace"))
                self._stream.flush()
            except (OSError, ValueError):  # a closed pipe or a closed file
                self.lost += len(lines)


class JsonSink:
    """A Sink of obs.maillog: one JSON object a line."""

    def __init__(self, writer: Writer, clock: Clock, *, journal: bool = False) -> None:
        self._writer = writer
        self._clock = clock
        self._journal = journal
        self._second = -1
        self._stamp = ""

    def __call__(self, level: str, event: str, fields: dict[str, Any]) -> None:
        line = self._line(level, event, fields)
        if suspicious(line):  # keys are part of the line, so this finds secret keys too
            line = self._line(level, clean(event), clean_fields(fields))
        if self._journal:
            line = _PRIORITY.get(level, "<5>") + line
        self._writer.write(line, now=level != "info")

    def _line(self, level: str, event: str, fields: dict[str, Any]) -> str:
        line = f'{{"time":"{self._time()}","level":"{level}","event":{_quote(event)}'
        for key, value in fields.items():  # half the time of one call of the encoder for the whole
            kind = type(value)
            text = _quote(value) if kind is str else str(value) if kind is int else _encode(value)
            line += f",{_quote(key)}:{text}"
        return line + "}"

    def _time(self) -> str:
        now = self._clock.time()
        second = int(now)
        if second != self._second:
            self._second = second
            self._stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._stamp}.{_MILLISECONDS[int((now - second) * 1000)]}Z"


class ConsoleSink:
    """A Sink for people: time, level, event, key=value, in colour on a terminal."""

    def __init__(self, writer: Writer, clock: Clock, *, colours: bool) -> None:
        self._writer = writer
        self._clock = clock
        self._render = structlog.dev.ConsoleRenderer(colors=colours, pad_event_to=18, sort_keys=False)

    def __call__(self, level: str, event: str, fields: dict[str, Any]) -> None:
        stamp = time.strftime("%H:%M:%S", time.localtime(self._clock.time()))
        shown = {"timestamp": stamp, "level": level, "event": _visible(clean(event))}
        shown |= {key: _visible(value) for key, value in clean_fields(fields).items()}
        self._writer.write(self._render(None, level, shown), now=level != "info")


def _visible(value: Any) -> Any:
    """A text whose control characters are written out: what others said must not move a terminal's cursor."""
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in value)


class Log:
    """A gateway's log. `sink` is the fast way for MailLog, `logger` a structlog logger for everything else; both
    end in the same lines."""

    def __init__(
        self, stream: BinaryIO, clock: Clock, *, form: str = "json", colours: bool = False, journal: bool = False
    ) -> None:
        self._writer = Writer(stream)
        self.sink: JsonSink | ConsoleSink = (
            ConsoleSink(self._writer, clock, colours=colours)
            if form == "console"
            else JsonSink(self._writer, clock, journal=journal)
        )
        self.logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
            None,
            processors=[structlog.contextvars.merge_contextvars, structlog.processors.format_exc_info, self._emit],
            wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        )
        self._handler: _Handler | None = None

    def _emit(self, _: Any, method: str, record: MutableMapping[str, Any]) -> str:
        fields = {key: value for key, value in record.items() if key != "event"}
        self.sink("error" if method in ("critical", "exception") else method, str(record.get("event", "")), fields)
        raise structlog.DropEvent

    def capture(self, level: int = logging.WARNING) -> None:
        """Take what libraries (azure-identity, aiohttp, asyncio) log from `level` up."""
        self._handler = _Handler(self.sink, level)
        logging.getLogger().addHandler(self._handler)

    @property
    def lost(self) -> int:
        """Lines that could not be written."""
        return self._writer.lost

    def flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        """Write what is left and let the root logger go."""
        if self._handler is not None:
            logging.getLogger().removeHandler(self._handler)
            self._handler = None
        self._writer.flush()


class _Handler(logging.Handler):
    """Records of `logging` into a sink."""

    def __init__(self, sink: Callable[[str, str, dict[str, Any]], None], level: int) -> None:
        super().__init__(level)
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level = "error" if record.levelno >= logging.ERROR else "warning"
            fields: dict[str, Any] = {"logger": record.name, "text": record.getMessage()}
            if record.exc_info:
                fields["traceback"] = logging.Formatter().formatException(record.exc_info)
            self._sink(level, "library", fields)
        except Exception:  # a record that cannot be rendered must not break the library that logs it
            self.handleError(record)
