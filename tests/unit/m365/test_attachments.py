"""Attachment types that Azure Communication Services documents."""

from __future__ import annotations

import pytest

from mailferry.m365.attachments import documented_types, type_for


def test_the_page_is_here_whole() -> None:
    """concepts/email/email-attachment-allowed-mime-types.md, 2023-03-31: 59 rows, of which XML has two types."""
    assert len(documented_types()) == 60
    assert documented_types()["image/jpeg"] == (".jpg", ".jpeg")
    assert all(kind == kind.lower() for kind in documented_types())


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("application/octet-stream", "scan.PDF", "application/pdf"),
        ("application/octet-stream", "注文.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("application/octet-stream", "setup.exe", "application/octet-stream"),
        ("application/octet-stream", "pdf", "application/octet-stream"),
        ("image/png", "scan.pdf", "image/png"),
    ],
)
def test_what_is_only_called_octets_is_told_by_its_name(kind: str, name: str, expected: str) -> None:
    assert type_for(kind, name) == expected
