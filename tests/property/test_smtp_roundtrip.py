"""Property 2: what a client sends is what a server receives, by DATA and by BDAT."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailferry.smtp.dotstuff import DotStuffer, clean, repair
from support.smtp_properties import chunks_arrive_as_sent, data_arrives_as_sent

lines = st.lists(st.sampled_from([b"", b".", b"..", b".a", b"a.", b"text", b"\x00\xff", b"." * 5])).map(b"\r\n".join)
steps = st.integers(1, 9)
cuts = st.integers(0, 7)
anything = st.one_of(st.binary(), st.text("\r\n.a").map(str.encode))


@given(lines, steps, cuts)
def test_data_arrives_as_sent(body: bytes, chunk: int, cut: int) -> None:
    data_arrives_as_sent(body, chunk, cut)


@given(anything, steps, cuts)
def test_any_body_arrives_repaired(body: bytes, chunk: int, cut: int) -> None:
    text = repair(body)
    data_arrives_as_sent(text, chunk, cut)


@given(lines, steps, cuts)
def test_chunks_arrive_as_sent(body: bytes, chunk: int, cut: int) -> None:
    chunks_arrive_as_sent(body, chunk, cut, binary=False)


@given(anything, steps, cuts)
def test_binary_chunks_arrive_as_sent(body: bytes, chunk: int, cut: int) -> None:
    chunks_arrive_as_sent(body, chunk, cut, binary=True)


@given(anything, steps)
def test_stuffer_never_writes_a_bare_line_end_or_an_early_end(body: bytes, chunk: int) -> None:
    stuffer = DotStuffer()
    wire = b"".join(stuffer.feed(body[offset : offset + chunk]) for offset in range(0, len(body), chunk))
    wire += stuffer.finish()
    assert clean(wire)
    assert (b"\r\n" + wire).find(b"\r\n.\r\n") == len(wire) - 3


@given(anything)
def test_clean_and_repair(body: bytes) -> None:
    assert clean(body) is (body.replace(b"\r\n", b"").translate(None, b"\r\n") == body.replace(b"\r\n", b""))
    assert clean(repair(body))
    assert not clean(body) or repair(body) == body
