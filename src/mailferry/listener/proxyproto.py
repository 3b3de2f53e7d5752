"""The PROXY protocol, versions 1 and 2: who really connected, told by a load balancer in front of the connection.

Specification: https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt (sections 2.1 and 2.2).
Leaves to others: from whom it is believed (protocol asks settings.proxy_protocol) and for how long to wait (timer).
Invariant: strict, bounded by 107 octets (v1) or 16 + 4,096 (v2); what follows the header is returned untouched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

V2_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_V1_LONGEST = 107  # section 2.1: the longest line with its CRLF
_V2_FIXED = 16
_V2_LONGEST = 4096  # addresses and TLVs; a UNIX pair takes 216, and TLVs are ours to bound
_V2_INET = {1: 4, 2: 16}  # address family -> octets of one address
_PORT = re.compile(r"0|[1-9]\d{0,4}", re.ASCII)


class ProxyError(Exception):
    """What came is no PROXY header: the connection is dropped without a word (section 2: never guess)."""


@dataclass(frozen=True, slots=True)
class Proxied:
    """`address` of the client, "" for the proxy's own connection (LOCAL, UNKNOWN: health checks), and the octets after
    the header."""

    address: str
    port: int
    rest: bytes


def parse(data: bytes) -> Proxied | None:
    """The header at the start of `data`, or None while it is not whole. Raises ProxyError."""
    if data[:1] == b"\r":
        return _parse_v2(data)
    return _parse_v1(data)


def _parse_v1(data: bytes) -> Proxied | None:
    if not data.startswith(b"PROXY "[: len(data)]):
        raise ProxyError("the connection does not begin with a PROXY header")
    end = data.find(b"\r\n", 0, _V1_LONGEST)
    if end < 0:
        if len(data) >= _V1_LONGEST:
            raise ProxyError("the PROXY line is too long")
        return None
    rest = data[end + 2 :]
    try:
        words = data[:end].decode("ascii").split(" ")
    except UnicodeDecodeError:
        raise ProxyError("the PROXY line is not ASCII") from None
    if words[1] == "UNKNOWN":
        return Proxied("", 0, rest)
    if len(words) != 6 or words[1] not in ("TCP4", "TCP6"):
        raise ProxyError("the PROXY line does not have a protocol, two addresses and two ports")
    if not all(_PORT.fullmatch(word) and int(word) <= 65535 for word in words[4:]):
        raise ProxyError("a port in the PROXY line is none")
    try:
        source, _ = (IPv4Address(word) if words[1] == "TCP4" else IPv6Address(word) for word in words[2:4])
    except ValueError:
        raise ProxyError("an address in the PROXY line is none") from None
    return Proxied(str(source), int(words[4]), rest)


def _parse_v2(data: bytes) -> Proxied | None:
    if not data.startswith(V2_SIGNATURE[: len(data)]):
        raise ProxyError("the connection does not begin with a PROXY header")
    if len(data) < _V2_FIXED:
        return None
    version, command = data[12] >> 4, data[12] & 15
    family, transport = data[13] >> 4, data[13] & 15
    length = int.from_bytes(data[14:16], "big")
    if version != 2 or command > 1 or family > 3 or transport > 2:
        raise ProxyError("the PROXY header has an unknown version, command or protocol")
    if length > _V2_LONGEST:
        raise ProxyError("the PROXY header is too long")
    if len(data) < _V2_FIXED + length:
        return None
    rest = data[_V2_FIXED + length :]
    if command == 0:  # LOCAL: the receiver must use the real endpoints
        return Proxied("", 0, rest)
    width = _V2_INET.get(family)
    if width is None or transport != 1:  # UNSPEC, UNIX or datagram: nothing a client could be known by
        raise ProxyError("the PROXY header carries no TCP addresses")
    if length < 2 * width + 4:
        raise ProxyError("the PROXY header is too short for its addresses")
    packed = data[_V2_FIXED : _V2_FIXED + width]
    source = IPv4Address(packed) if family == 1 else IPv6Address(packed)
    port = int.from_bytes(data[_V2_FIXED + 2 * width : _V2_FIXED + 2 * width + 2], "big")
    return Proxied(str(source), port, rest)
