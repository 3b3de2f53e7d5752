"""MIME surgery and rendering, without a sandbox."""

from __future__ import annotations

from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.sandbox import graph_mime as mime
from mailferry.sandbox.graph_store import Address, Attachment, Composed

AUTHOR = Address("Scanner", "scanner@contoso.example")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"a\nb\n", b"a\r\nb\r\n"),
        (b"a\rb\r\n", b"a\r\nb\r\n"),
        (b"a\r\nb", b"a\r\nb"),
        (b"\n\r\n\r", b"\r\n\r\n\r\n"),
        (b"", b""),
    ],
)
def test_canonical(raw: bytes, expected: bytes) -> None:
    assert mime.canonical(raw) == expected


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a@b.example", ["a@b.example"]),
        ('"Ben, B." <b@c.example>, =?utf-8?q?d=2C?= <d@e.example>', ["b@c.example", "d@e.example"]),
        ("team: a@b.example, c@d.example;, e@f.example", ["a@b.example", "c@d.example", "e@f.example"]),
        ("undisclosed-recipients:;", []),
        ("nonsense", []),
        ("", []),
        ("<@>, a@b.example", ["a@b.example"]),
    ],
)
def test_addresses(text: str, found: list[str]) -> None:
    assert [one.address for one in mime.parse_addresses(text)] == found


@given(st.text())
def test_any_text_as_addresses(text: str) -> None:
    for one in mime.parse_addresses(text):
        assert "@" in one.address


LINES = st.lists(
    st.sampled_from(
        [b"Bcc: x@y.example", b"BCC : x@y.example", b"To: a@b.example", b"X-Bcc: kept", b"\tfolded", b"no header"]
    ),
    max_size=8,
)


@given(head=LINES, body=st.binary(max_size=60))
def test_only_bcc_goes(head: list[bytes], body: bytes) -> None:
    raw = b"Subject: s\r\n" + b"".join(line + b"\r\n" for line in head) + b"\r\n" + mime.canonical(body)
    left = mime.without_bcc(raw)
    assert left.endswith(b"\r\n" + mime.canonical(body))
    kept = left[: len(left) - len(mime.canonical(body))].split(b"\r\n")
    assert not any(line.lower().startswith((b"bcc:", b"bcc ")) for line in kept)
    assert [line for line in kept if not line.startswith(b"\t")] == [
        line
        for line in (b"Subject: s", *head, b"", b"")
        if not line.lower().startswith((b"bcc:", b"bcc ")) and not line.startswith(b"\t")
    ]


def test_from_replaced() -> None:
    raw = b"From: a@b.example,\r\n c@d.example\r\nSubject: s\r\nfrom: e@f.example\r\n\r\nFrom: body\r\n"
    expected = b"From: Scanner <scanner@contoso.example>\r\nSubject: s\r\n\r\nFrom: body\r\n"
    assert mime.with_from(raw, AUTHOR) == expected
    assert mime.with_from(b"\r\nbody", AUTHOR) == b"From: Scanner <scanner@contoso.example>\r\n\r\nbody"


@pytest.mark.parametrize(
    ("address", "bad"),
    [
        ("a@b.example", False),
        ("a b@c.example", True),
        ("a.@b.example", True),
        ("a", True),
        ("é@b.example", True),
        ("", True),
    ],
)
def test_what_can_not_be_resolved(address: str, bad: bool) -> None:
    assert mime.problem_of(address) is bad


PRINTABLE = st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp")), max_size=300)


@given(subject=PRINTABLE, name=PRINTABLE, content=st.text(st.characters(blacklist_categories=("Cs",)), max_size=2000))
def test_rendering_is_sound(subject: str, name: str, content: str) -> None:
    """What every receiver may rely on (RFC 5322 sections 2.1.1 and 2.3), and nothing gained or lost in the text."""
    composed = Composed(subject=" ".join(subject.split()), body=("text", content), to=(Address(name, "a@b.example"),))
    attachment = Attachment("1", "scan.pdf", "application/pdf", bytes(range(256)), False, "", 0.0)
    raw = mime.render(composed, [attachment], author=AUTHOR, sender=None, now=0.0, message_id="<x@y>")
    assert raw == mime.canonical(raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    parsed = message_from_bytes(raw, policy=policy.default)
    assert [one.addr_spec for one in parsed["To"].addresses] == ["a@b.example"]
    body, attached = parsed.iter_parts()
    assert attached.get_payload(decode=True) == bytes(range(256))
    text = body.get_payload(decode=True).decode()
    assert "".join(text.split()) == "".join(content.split())


@pytest.mark.parametrize(
    "kind", ["", "pdf", "a/b/c", "multipart/mixed", "message/rfc822", "text/plain; charset=x", "a b/c"]
)
def test_content_types(kind: str) -> None:
    attachment = Attachment("1", "x", kind, b"\x00", False, "", 0.0)
    raw = mime.render(Composed(), [attachment], author=AUTHOR, sender=None, now=0.0, message_id="<x@y>")
    part = next(iter(message_from_bytes(raw, policy=policy.default).iter_attachments()))
    assert part.get_content_type() in ("application/octet-stream", "text/plain")
    assert part.get_payload(decode=True) == b"\x00"
