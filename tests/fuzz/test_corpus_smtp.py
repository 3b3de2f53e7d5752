"""Replays the corpus of the SMTP fuzzers: every case that was ever of interest stays a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.smtp_fuzz import client_case, server_case

CORPUS = Path(__file__).resolve().parent / "corpus"


def _cases(name: str) -> list[Path]:
    return sorted((CORPUS / name).iterdir())


@pytest.mark.parametrize("path", _cases("smtp_server"), ids=lambda path: path.name)
def test_server(path: Path) -> None:
    server_case(path.read_bytes())


@pytest.mark.parametrize("path", _cases("smtp_client"), ids=lambda path: path.name)
def test_client(path: Path) -> None:
    client_case(path.read_bytes())
