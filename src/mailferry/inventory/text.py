"""The letters of a file: which encoding it is in, and a UTF-8 copy with even line ends where it needs one.

Leaves to others: what the text means. Invariant: what comes out is UTF-8 or an InventoryError; a file that
is UTF-8 already is not copied, for it may be large.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mailferry.inventory.errors import InventoryError, NotAnExportError

_PIECE = 1 << 20
_HEAD = 1 << 18
#: A longer line is more than the parser's buffer and would be passed over without a word.
LONGEST = 16 << 20
_PROBE = 1 << 16
_END = re.compile(rb"[\r\n]")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def encoding(file: Path, name: str, *, whole: bool = False) -> tuple[str, int]:
    """The encoding and the length of the mark before the text, judged by the head, or by all of it."""
    with file.open("rb") as stream:
        head = stream.read(_HEAD)
    for mark, codec in _MARKS:
        if head.startswith(mark):
            return codec, len(mark)
    if b"\0" in head:
        guess = _wide(head)
        if guess is None:
            raise NotAnExportError(name, "this is a binary file, no export", cure="export it as CSV or JSON")
        return guess, 0
    for codec in ("utf-8", "cp932"):
        if _decodes(file, codec, whole):
            return codec, 0
    raise NotAnExportError(name, "its letters are neither UTF-8, UTF-16 nor Shift_JIS (CP932)", cure="save it as UTF-8")


def plain(file: Path, name: str, scratch: Path, *, careful: bool = False) -> Path:
    """`file` itself where it is UTF-8, marked or not, else a copy in `scratch`. `careful` looks at every octet and
    evens out line ends too: for a file that could not be read as it seemed at first."""
    codec, mark = encoding(file, name, whole=careful)
    if codec == "utf-8" and not careful:
        return file
    target = scratch / ("even" if careful else "utf8")
    with target.open("w", encoding="utf-8", newline="") as out:
        try:
            for piece in pieces(file, codec, mark):
                out.write(piece.replace("\r\n", "\n").replace("\r", "\n") if careful else piece)
        except UnicodeDecodeError as error:
            raise InventoryError(name, f"its letters are not {codec} throughout: {error.reason}") from error
    return target


def pieces(file: Path, codec: str, mark: int) -> Iterator[str]:
    """The text piece by piece; a carriage return never ends a piece, so that a line end is never cut in two."""
    decoder = codecs.getincrementaldecoder(codec)()
    rest = ""
    with file.open("rb") as stream:
        stream.seek(mark)
        while block := stream.read(_PIECE):
            text = rest + decoder.decode(block)
            cut = len(text) - 1 if text.endswith("\r") else len(text)
            yield text[:cut]
            rest = text[cut:]
    yield rest + decoder.decode(b"", final=True)


def _decodes(file: Path, codec: str, whole: bool) -> bool:
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        with file.open("rb") as stream:
            while block := stream.read(_PIECE if whole else _HEAD):
                if codec != "utf-8" or not block.isascii():
                    decoder.decode(block)
                if not whole:
                    return True
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark: every other octet of ASCII text is zero."""
    even, odd = head[0:4096:2], head[1:4096:2]
    if odd and odd.count(0) > len(odd) * 0.7 and even.count(0) < len(even) * 0.1:
        return "utf-16-le"
    if even and even.count(0) > len(even) * 0.7 and odd.count(0) < len(odd) * 0.1:
        return "utf-16-be"
    return None


def endless(file: Path) -> int | None:
    """Where a line begins that is longer than LONGEST, or None. A line of that length covers one of the places that
    are looked at, so that little of a file is read."""
    with file.open("rb") as stream:
        size = stream.seek(0, 2)
        for place in range(LONGEST // 2, size - _PROBE, LONGEST // 2):
            stream.seek(place)
            if _END.search(stream.read(_PROBE)):
                continue
            start, end = _line_around(stream, place)
            if end - start > LONGEST:
                return start
    return None


def _line_around(stream: BinaryIO, place: int) -> tuple[int, int]:
    start = end = place
    while start > 0:
        step = min(start, _PIECE)
        stream.seek(start - step)
        at = stream.read(step).rfind(b"\n")
        start -= step if at < 0 else step - at - 1
        if at >= 0:
            break
    stream.seek(end)
    while block := stream.read(_PIECE):
        at = block.find(b"\n")
        end += len(block) if at < 0 else at
        if at >= 0:
            break
    return start, end


def unmarked(file: Path, scratch: Path) -> Path:
    """`file` without a byte order mark, which not every parser passes over."""
    with file.open("rb") as stream:
        if stream.read(3) != codecs.BOM_UTF8:
            return file
        target = scratch / "bare"
        with target.open("wb") as out:
            while block := stream.read(_PIECE):
                out.write(block)
    return target
