"""What the JSON form would lose: the corpus tells the whole (tests/contract/test_graph_corpus.py), here its edges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.letters import HTML, PLAIN, PNG, attached, crlf, fields, multipart, part
from mailferry.mail.fidelity import GRAPH, Report, Severity, assess
from mailferry.mail.mime import Scanner


def weigh(data: bytes) -> Report:
    scanner = Scanner()
    scanner.feed(data)
    return assess(scanner.finish())


def test_the_worst_finding_is_the_severity() -> None:
    assert weigh(crlf(fields(), "x")).severity is Severity.LOSSLESS
    assert weigh(crlf(fields("Date: x", "List-Id: x"), "x")).severity is Severity.DAMAGE


def test_html_is_chosen_with_its_images() -> None:
    image = part("image/png", PNG, head=("Content-ID: <logo>", "Content-Transfer-Encoding: base64"))
    related = ['Content-Type: multipart/related; boundary="r"', "", "--r", *HTML, "--r", *image, "--r--"]
    report = weigh(multipart("alternative", PLAIN, related))
    assert report.text is not None
    assert report.text.type == "text/html"
    assert [(one.part.type, one.inline) for one in report.attachments] == [("image/png", True)]
    assert report.severity is Severity.COSMETIC


def test_the_start_of_related_is_obeyed() -> None:
    image = part("image/png", PNG, head=("Content-ID: <logo>", "Content-Transfer-Encoding: base64"))
    shown = part("text/html", "x", head=("Content-ID: <root>",))
    report = weigh(multipart("related", image, shown, extra='; start="<root>"'))
    assert report.text is not None
    assert not report.damage


@pytest.mark.parametrize(
    ("kind", "harmless"), [("text/enriched", True), ("text/x-amp-html", True), ("application/x-thing", False)]
)
def test_other_alternatives(kind: str, harmless: bool) -> None:
    report = weigh(multipart("alternative", PLAIN, part(kind, "x"), HTML))
    assert (not report.damage) is harmless


def test_no_known_alternative() -> None:
    assert weigh(multipart("alternative", part("application/x-a", "x"))).damage[0].kind == "alternative"


def test_the_first_own_fields_are_carried() -> None:
    report = weigh(crlf(fields(*(f"X-Field-{number}: {number}" for number in range(7)), "X-Mailer: y"), "x"))
    assert [name for name, _ in report.own_fields] == [f"X-Field-{number}" for number in range(GRAPH.own_fields)]
    assert {finding.where for finding in report.damage} == {"X-Field-5", "X-Field-6"}


def test_a_name_that_cannot_be_read() -> None:
    data = multipart("mixed", PLAIN, attached("HERE")).replace(b"HERE", "見積".encode("shift_jis"))
    assert [finding.kind for finding in weigh(data).damage] == ["name-charset"]


def test_broken_parts_inside_related() -> None:
    image = part("image/png", "!!!", head=("Content-ID: <logo>", "Content-Transfer-Encoding: base64"))
    assert weigh(multipart("related", HTML, image)).damage[0].kind == "encoding"


@given(st.binary(max_size=300))
def test_nothing_raises(noise: bytes) -> None:
    weigh(noise)
    weigh(b"Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\n" + noise + b"\r\n--b\r\n\r\nx\r\n--b--")
