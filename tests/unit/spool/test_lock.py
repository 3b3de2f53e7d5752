"""One gateway at a time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailferry.spool.api import SpoolBusy
from mailferry.spool.lock import ServeLock


def test_the_second_is_told_who_is_first(tmp_path: Path) -> None:
    first, second = ServeLock(tmp_path), ServeLock(tmp_path)
    first.acquire()
    with pytest.raises(SpoolBusy, match=rf"process {os.getpid()}\)"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()
    second.release()
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600
