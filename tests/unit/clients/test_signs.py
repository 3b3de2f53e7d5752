"""Signs: cleaned, comparable, from rows of tables."""

from __future__ import annotations

from mailferry.clients.signs import LONGEST, Kind, Signs


def test_a_value_is_one_printable_line_and_not_too_long() -> None:
    signs = Signs(x_mailer="  Evil\r\n\x1b[31mMailer\u202e ", subject="x" * 5000)
    assert signs.x_mailer == "Evil   [31mMailer"
    assert len(signs.subject) == LONGEST


def test_equal_signs_are_one_value_whatever_the_order_of_headers() -> None:
    one = Signs(ehlo="a", headers=(("X-B", "2"), ("X-A", "1")))
    other = Signs(ehlo="a", headers=(("X-A", "1"), ("X-B", "2"), ("X-A", "1")))
    assert one == other
    assert hash(one) == hash(other)


def test_a_row_gives_its_signs_and_keeps_the_rest() -> None:
    row = {"ehlo": "RNP002673A1B2C3", "user_agent": "", "recipient": "a@contoso.example"}
    assert Signs.of(row) == Signs(ehlo="RNP002673A1B2C3")


def test_what_was_seen_is_told_by_kind() -> None:
    signs = Signs(ehlo="a", tls="1.2", headers=(("X-Library", "Indy"),))
    assert list(signs) == [(Kind.EHLO, "", "a"), (Kind.TLS, "", "1.2"), (Kind.HEADER, "X-Library", "Indy")]
    assert signs
    assert not Signs()


def test_every_kind_has_a_name_in_both_languages() -> None:
    assert all(kind.label("en") and kind.label("ja") for kind in Kind)
