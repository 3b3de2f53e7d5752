"""The structure of a message: where parts lie, whatever chunks it came in, and that nothing raises."""

from __future__ import annotations

import base64
import email
import quopri
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.letters import LETTERS, large
from mailferry.mail.body import BytesBody
from mailferry.mail.decoders import Base64, QuotedPrintable, decoder
from mailferry.mail.mime import BROKEN, OPEN, TANGLED, Part, Scanner, content, scan

MESSAGE = (
    b'From: a\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\npreamble\r\n--b\r\n'
    b"Content-Type: text/plain\r\n\r\nhello\r\n--bx is text\r\n--b \t\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\naGVs\r\nbG8=\r\n--b--\r\nepilogue\r\n--b\r\n"
)


def read(data: bytes, size: int = 1 << 20) -> Part:
    scanner = Scanner()
    for start in range(0, len(data), size):
        scanner.feed(data[start : start + size])
    return scanner.finish()


def shape(part: Part) -> object:
    return (part.type, part.start, part.end, part.size, sorted(part.flaws), [shape(child) for child in part.children])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1 << 20])
def test_parts_lie_where_they_lie(size: int) -> None:
    root = read(MESSAGE, size)
    first, second = root.children
    assert MESSAGE[first.start : first.end] == b"hello\r\n--bx is text"
    assert (second.size, second.head, second.flaws) == (5, b"hello", set())
    assert shape(root) == shape(read(MESSAGE))


@pytest.mark.parametrize("letter", LETTERS, ids=lambda letter: letter.name)
def test_the_corpus_reads_as_the_standard_library_reads_it(letter: object) -> None:
    data: bytes = letter.data  # type: ignore[attr-defined]
    ours = [part for part in leaves(read(data)) if not part.type.startswith("message/") and not part.flaws]
    theirs = standard_leaves(email.message_from_bytes(data))
    if letter.name not in ("nested-message", "report", "no-boundary", "broken-header", "unclosed"):  # type: ignore[attr-defined]
        assert [part.type for part in leaves(read(data))] == [part.get_content_type() for part in theirs]
    for part in ours:
        assert 0 <= part.start <= part.end <= len(data)
    for size in (1, 5):
        assert shape(read(data, size)) == shape(read(data))


def leaves(part: Part) -> list[Part]:
    return [leaf for child in part.children for leaf in leaves(child)] if part.children else [part]


def standard_leaves(message: Message) -> list[Message]:
    return [part for part in message.walk() if not part.is_multipart()]


async def test_content_is_what_was_attached() -> None:
    for size in (1000, 3_000_000):
        body = BytesBody(large(size))
        _, file = (await scan(body)).children
        octets = b"".join([piece async for piece in content(body, file)])
        assert len(octets) == file.size
        assert octets == bytes(range(57)) * (file.size // 57)


@given(st.binary(max_size=400), st.integers(1, 50))
def test_nothing_raises(noise: bytes, size: int) -> None:
    for data in (noise, b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + noise + b"\r\n--b--"):
        root = read(data, size)
        assert shape(root) == shape(read(data))
        for part in [root, *leaves(root)]:
            _ = (part.filename, part.charset, part.content_id, part.encoding, part.disposition)


@given(st.binary(max_size=3000), st.integers(1, 100))
def test_base64_is_undone(octets: bytes, size: int) -> None:
    text, undo = base64.encodebytes(octets).replace(b"\n", b"\r\n"), Base64()
    out = b"".join(undo.feed(text[at : at + size]) for at in range(0, len(text), size)) + undo.finish()
    assert (out, undo.broken) == (octets, False)


@given(st.binary(max_size=1000), st.integers(1, 100))
def test_quoted_printable_is_undone(octets: bytes, size: int) -> None:
    text, undo = quopri.encodestring(octets), QuotedPrintable()
    out = b"".join(undo.feed(text[at : at + size]) for at in range(0, len(text), size)) + undo.finish()
    assert (out, undo.broken) == (quopri.decodestring(text), False)


@pytest.mark.parametrize("text", [b"aGVsbG8", b"!!!!", b"aGVs=bG8=", b"aGVsbG8=aGVs", b"a"])
def test_what_is_no_base64_is_noted(text: bytes) -> None:
    undo = Base64()
    undo.feed(text)
    undo.finish()
    assert undo.broken


def test_unknown_encodings_have_no_decoder() -> None:
    assert decoder("x-uuencode") is None
    assert read(b"Content-Transfer-Encoding: x-uuencode\r\n\r\nx").flaws == {BROKEN}


def test_flaws() -> None:
    assert read(b"Content-Type: multipart/mixed\r\n\r\nx").flaws == {TANGLED}
    assert read(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx").flaws == {OPEN}
    encoded = b"Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: base64\r\n\r\n--b--"
    assert read(encoded).flaws == {BROKEN}


def test_depth_and_number_are_bounded() -> None:
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(200))
    assert any(TANGLED in part.flaws for part in leaves(read(deep)))
    wide = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 5000 + b"--b--"
    assert len(read(wide).children) == 5000


def test_names_in_every_spelling() -> None:
    def name(parameter: str) -> str:
        return read(f"Content-Disposition: attachment; {parameter}\r\n\r\n".encode()).filename

    assert name('filename="a b.txt"') == "a b.txt"
    assert name("filename*=utf-8''%E3%81%82.txt") == "あ.txt"
    assert name("filename*0*=utf-8''%E3%81; filename*1*=%82.txt") == "あ.txt"
    assert name('filename="=?UTF-8?B?44GC?=.txt"') == "あ.txt"
    assert name('filename="../../etc/passwd"') == ".._.._etc_passwd"
