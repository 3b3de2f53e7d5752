"""PROXY headers: whole, byte by byte, with a tail, and what is none."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.listener.proxyproto import V2_SIGNATURE, Proxied, ProxyError, parse


def v2(source: str, port: int = 40000, *, command: int = 1, transport: int = 1, tail: bytes = b"") -> bytes:
    packed = ip_address(source).packed
    family = 1 if len(packed) == 4 else 2
    addresses = packed + bytes(len(packed)) + port.to_bytes(2, "big") + (25).to_bytes(2, "big") + tail
    return (
        V2_SIGNATURE + bytes([0x20 | command, family << 4 | transport]) + len(addresses).to_bytes(2, "big") + addresses
    )


GOOD = [
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 25\r\n", "192.0.2.7", 40000),
    (b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 25\r\n", "2001:db8::7", 40000),
    (b"PROXY UNKNOWN\r\n", "", 0),
    (b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", "", 0),
    (v2("192.0.2.7"), "192.0.2.7", 40000),
    (v2("2001:db8::7", 1), "2001:db8::7", 1),
    (v2("192.0.2.7", tail=b"\x04\x00\x01x"), "192.0.2.7", 40000),
    (v2("192.0.2.7", command=0), "", 0),
    (V2_SIGNATURE + b"\x20\x00\x00\x00", "", 0),
]


@pytest.mark.parametrize(("header", "address", "port"), GOOD)
def test_whole_and_with_a_tail(header: bytes, address: str, port: int) -> None:
    """What follows is returned untouched."""
    assert parse(header) == Proxied(address, port, b"")
    assert parse(header + b"EHLO x\r\n") == Proxied(address, port, b"EHLO x\r\n")


@pytest.mark.parametrize(("header", "address", "port"), GOOD)
def test_every_beginning_wants_more(header: bytes, address: str, port: int) -> None:
    for cut in range(len(header)):
        assert parse(header[:cut]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"EHLO x\r\n",
        b"\x16\x03\x01",
        b"PROXX",
        b"PROXY TCP4 192.0.2.7\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 25 extra\r\n",
        b"PROXY  TCP4 192.0.2.7 198.51.100.1 40000 25\r\n",
        b"PROXY TCP4 2001:db8::7 2001:db8::1 40000 25\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 040000 25\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 70000 25\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 -1 25\r\n",
        b"PROXY TCP4 192.0.2.07 198.51.100.1 1 25\r\n",
        b"PROXY TCP5 192.0.2.7 198.51.100.1 1 25\r\n",
        b"PROXY TCP4 192.0.2.\xb2 198.51.100.1 1 25\r\n",
        b"PROXY " + b"x" * 101,
        V2_SIGNATURE[:5] + b"x",
        V2_SIGNATURE + b"\x11\x11\x00\x0c" + bytes(12),
        V2_SIGNATURE + b"\x22\x11\x00\x0c" + bytes(12),
        V2_SIGNATURE + b"\x21\x11\x00\x04" + bytes(4),
        V2_SIGNATURE + b"\x21\x31\x00\xd8" + bytes(216),
        V2_SIGNATURE + b"\x21\x12\x00\x0c" + bytes(12),
        V2_SIGNATURE + b"\x21\x11\xff\xff",
    ],
)
def test_what_is_no_header(data: bytes) -> None:
    """Never guess: refuse."""
    with pytest.raises(ProxyError):
        parse(data)


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    """A header, a wish for more, or a refusal; nothing else, and never without a bound."""
    for prefix in (b"", b"PROXY ", V2_SIGNATURE):
        try:
            found = parse(prefix + data)
        except ProxyError:
            continue
        assert found is None or data.endswith(found.rest)
