"""Reading somebody else's non-delivery reports."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.mail.ndr import Refusal, read
from mailferry.sandbox.ndr import report
from mailferry.sandbox.texts import Text

ORIGINAL = (
    b"Received: from scanner by gw.example.com with ESMTP id 0A1B2C3D4E5F6; Tue, 24 Nov 2026 10:00:00 +0000\r\n"
    b"From: scan@contoso.example\r\nMessage-ID: <1@scanner>\r\nSubject: scan\r\n\r\nsecret\r\n"
)
UNKNOWN = Text(550, "5.1.10", "RESOLVER.ADR.RecipientNotFound; Recipient not found", False, "V")


def made(raw: bytes = ORIGINAL, *failures: tuple[str, Text]) -> bytes:
    return report(
        now=1.8e9, domain="contoso.example", host="X.prod.outlook.com", queue_id="q1", to="scan@contoso.example",
        failures=failures or (("nobody@contoso.example", UNKNOWN),), raw=raw,
    )  # fmt: skip


def test_the_shape_of_exchange_online() -> None:
    found = read(made())
    assert found is not None
    assert (found.about, found.message_id, found.ids) == ("<1@scanner>", "<q1@X.prod.outlook.com>", ("0A1B2C3D4E5F6",))
    said = "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found"
    assert found.refusals == (Refusal("nobody@contoso.example", "", "5.1.10", said, "X.prod.outlook.com"),)


#: RFC 3464 appendix E.1, shortened: delayed and relayed recipients beside one that failed, and a remote server.
MIXED = b"""From: MAILER-DAEMON@cs.utk.edu\r
Message-ID: <199407072116.RAA14128@CS.UTK.EDU>\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type="delivery-status"; boundary="B"\r
\r
--B\r
\r
text\r
--B\r
content-type: message/delivery-status\r
\r
Reporting-MTA: dns; cs.utk.edu\r
\r
Original-Recipient: rfc822;louisl@larry.slip.umd.edu\r
Final-Recipient: rfc822;louisl@elsewhere.example\r
Action: failed\r
Status: 4.0.0\r
Diagnostic-Code: smtp; 426 connection\r
 timed out\r
Remote-MTA: dns; larry.slip.umd.edu\r
\r
Final-Recipient: rfc822;late@example.net\r
Action: delayed\r
Status: 4.4.1\r
\r
Final-Recipient: rfc822;fine@example.net\r
Action: relayed\r
Status: 2.0.0\r
--B\r
content-type: message/rfc822\r
\r
Message-ID: <o@example.com>\r
\r
body\r
--B--\r
"""


def test_only_failures_count() -> None:
    found = read(MIXED)
    assert found is not None
    assert found.about == "<o@example.com>"
    assert found.refusals == (
        Refusal(
            "louisl@elsewhere.example", "louisl@larry.slip.umd.edu", "4.0.0", "426 connection timed out",
            "larry.slip.umd.edu",
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"multipart/report", b"multipart/mixed"),
        (b'report-type="delivery-status"', b'report-type="disposition-notification"'),
        (b"message/delivery-status", b"text/plain"),
        (b"Action: failed", b"Action: delivered"),
        (b"Status: 4.0.0", b"Status: fine"),
        (b"rfc822;louisl@elsewhere.example", b"rfc822;nobody"),
        (b"Message-ID: <o@example.com>", b"X: y"),
    ],
)
def test_what_is_no_report_of_a_failure_is_none(old: bytes, new: bytes) -> None:
    assert old in MIXED
    assert read(MIXED.replace(old, new)) is None


def test_texts_are_one_printable_line() -> None:
    found = read(MIXED.replace(b"426 connection", b"426 \x1b[31m" + b"x" * 5000))
    assert found is not None
    diagnostic = found.refusals[0].diagnostic
    assert len(diagnostic) <= 500
    assert diagnostic.isprintable()


@given(st.binary(max_size=400), st.integers(0, len(MIXED)), st.integers(0, len(MIXED)))
def test_no_octets_raise(noise: bytes, start: int, end: int) -> None:
    read(noise)
    read(MIXED[:start] + noise + MIXED[end:])
