"""The space gate and the probe of the directory."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from mailferry.clock import ManualClock
from mailferry.spool import space
from mailferry.spool.api import SpoolFailed
from mailferry.spool.space import SpaceGate, probe

MB = 1 << 20


class Disk:
    """A statvfs that says what the test wants, and counts the questions."""

    def __init__(self, free: int, inodes: int = 10_000, files: int = 20_000) -> None:
        self.free, self.inodes, self.files, self.asked = free, inodes, files, 0

    def __call__(self, path: Path) -> os.statvfs_result:
        self.asked += 1
        if self.free < 0:
            raise OSError(errno.EIO, "I/O error")
        blocks = self.free // 4096
        return os.statvfs_result((4096, 4096, 10**6, blocks, blocks, self.files, self.inodes, self.inodes, 0, 255))


def gate(clock: ManualClock, disk: Disk) -> SpaceGate:
    return SpaceGate(Path("/spool"), clock, 100 * MB, 1000, disk)


def test_room_is_room(clock: ManualClock) -> None:
    assert gate(clock, Disk(200 * MB)).reason() == ""


def test_too_little_is_said_with_numbers(clock: ManualClock) -> None:
    assert gate(clock, Disk(50 * MB)).reason() == "only 50 MB are free in the spool, 100 are needed"


def test_too_few_inodes(clock: ManualClock) -> None:
    assert "inodes" in gate(clock, Disk(200 * MB, 10)).reason()
    assert gate(clock, Disk(200 * MB, 0, 0)).reason() == ""  # a file system without a table of inodes


def test_the_announced_size_counts(clock: ManualClock) -> None:
    one = gate(clock, Disk(200 * MB))
    assert one.reason(99 * MB) == ""
    assert "101" not in one.reason()
    assert str(101 * MB) in one.reason(101 * MB)


def test_an_answer_holds_for_a_second(clock: ManualClock) -> None:
    disk = Disk(200 * MB)
    one = gate(clock, disk)
    assert [one.reason() for _ in range(5)] == [""] * 5
    disk.free = 0
    clock.advance(0.9)
    assert one.reason() == ""
    assert disk.asked == 1
    clock.advance(0.2)
    assert one.reason()
    disk.free = 200 * MB
    assert one.reason()
    one.forget()
    assert one.reason() == ""
    clock.advance(-3600)  # a clock that jumps back must not keep an old answer for an hour
    disk.free = 0
    assert one.reason()


def test_pages_that_the_store_can_use_again_are_free(clock: ManualClock) -> None:
    one = gate(clock, Disk(50 * MB))
    one.reusable = 60 * MB
    assert one.reason() == ""


def test_a_disk_that_cannot_be_asked_takes_no_mail(clock: ManualClock) -> None:
    assert "cannot be looked at" in gate(clock, Disk(-1)).reason()


def test_the_probe_leaves_nothing(tmp_path: Path) -> None:
    probe(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_probe_names_the_step_and_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SpoolFailed, match=r"cannot create a file in .*missing"):
        probe(tmp_path / "missing")

    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(space.os, "fsync", fail)
    with pytest.raises(SpoolFailed, match=r"cannot sync a file in .*kernel log"):
        probe(tmp_path)
