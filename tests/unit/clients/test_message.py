"""Reading the signs of a message: forms of messages, hostile ones among them."""

from __future__ import annotations

import pytest

from mailferry.clients.message import read, signs_of
from mailferry.clients.signs import Signs

CANON = b"""\
Received: from mx.contoso.example (10.0.0.9) by TYCPR01CA0001.outlook.office365.com with Microsoft SMTP Server
 (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.20; Tue, 24 Nov 2026 05:33:12 +0000
Received: from Canon9A3C10 (unknown [10.20.30.40])
\tby mx.contoso.example (Postfix) with ESMTP id 4XyZ; Tue, 24 Nov 2026 14:33:12 +0900 (JST)
From: scan@contoso.example
To: a@contoso.example
Subject: =?ISO-2022-JP?B?GyRCPXFOYBsoQg==?= Attached Image
Message-ID: <20261124143312.0001.CanonTxNo.0042@Canon9A3C10>
X-Mailer: Canon MFP
MIME-Version: 1.0
Content-Type: multipart/mixed;
 boundary="----_CANON_20261124143312_"

------_CANON_20261124143312_
X-Mailer: not a header
"""


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("before", [b"", b"From scan@contoso.example Tue Nov 24 14:33:12 2026\n", b"\xef\xbb\xbf"])
def test_the_signs_of_a_message(end: bytes, before: bytes) -> None:
    letter = read((before + CANON).replace(b"\n", end))
    signs = letter.signs
    assert (signs.ehlo, signs.tls, letter.address) == ("Canon9A3C10", "none", "10.20.30.40")
    assert signs.x_mailer == "Canon MFP"
    assert signs.subject == "書類 Attached Image"
    assert signs.boundary == "----_CANON_20261124143312_"
    assert signs.message_id == "<20261124143312.0001.CanonTxNo.0042@Canon9A3C10>"
    assert dict(signs.headers).keys() == {"Received", "MIME-Version", "Content-Type"}


def test_addresses_are_no_signs() -> None:
    assert "contoso" not in str([pair for pair in signs_of(CANON).headers if pair[0] != "Received"])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\nbody",
        b"# a readme\n\nText: here",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        b"no colon here",
        " 全角\n".encode(),
    ],
)
def test_what_is_no_message_has_no_fields(data: bytes) -> None:
    assert read(data).fields == 0
    assert not read(data).signs


def test_a_truncated_header_is_read_as_far_as_it_goes() -> None:
    assert signs_of(b"X-Mailer: Canon MFP\nSubject: cut").x_mailer == "Canon MFP"
    assert signs_of(b"X-Mailer: Canon MFP\nSubject: cut").subject == "cut"


def test_a_huge_header_costs_little() -> None:
    data = b"X-Mailer: Canon MFP\n" + b"X-Pad: " + b"a" * 2_000_000 + b"\n" + b"X-More: 1\n" * 200_000
    letter = read(data)
    assert letter.signs.x_mailer == "Canon MFP"
    assert all(len(value) <= 998 for _, value in letter.signs.headers)
    assert len(read(b"X-%d: 1\n" * 9000 % tuple(range(9000))).signs.headers) <= 500


def test_the_first_of_a_repeated_field_counts() -> None:
    assert signs_of(b"X-Mailer: one\nX-Mailer: two\n\n") == Signs(x_mailer="one")
