"""Every dialogue in this directory, in memory and over a socket."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.transcript import Runner, Transcript, parse

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.smtp"))


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One state directory for all, so that the self-signed certificate is made once."""
    return tmp_path_factory.mktemp("state")


def _transcripts(way: str) -> list[object]:
    found = [parse(path) for path in FILES]
    return [pytest.param(one, id=one.path.stem) for one in found if one.header.get("only", way) == way]


@pytest.mark.parametrize("transcript", _transcripts("memory"))
async def test_in_memory(transcript: Transcript, state: Path) -> None:
    """The session alone answers as written."""
    await Runner(transcript, state, socket=False).run()


@pytest.mark.parametrize("transcript", _transcripts("socket"))
async def test_over_a_socket(transcript: Transcript, state: Path) -> None:
    """The whole listener answers as written."""
    await Runner(transcript, state, socket=True).run()


@pytest.mark.parametrize("transcript", _transcripts("socket"))
def test_over_a_socket_of_uvloop(transcript: Transcript, state: Path) -> None:
    """The loop of production answers alike; its transports and its TLS are others."""
    uvloop = pytest.importorskip("uvloop")
    uvloop.run(Runner(transcript, state, socket=True).run())


def test_there_are_many() -> None:
    """The starter set does not shrink unnoticed."""
    assert len(FILES) >= 60
