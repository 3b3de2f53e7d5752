"""From what the user named to plain files: folders walked, archives unpacked within limits.

Leaves to others: what the files hold (tables, recognise). Invariant: nothing is read through a symbolic link that was
not named, nothing is written outside the scratch directory, and no archive grows past the limits, whatever its
directory says about itself.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from gzip import BadGzipFile, GzipFile
from pathlib import Path, PurePosixPath
from typing import Protocol

from mailferry.inventory.errors import InventoryError

_PIECE = 1 << 20
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
#: Every document of Office has it (ECMA-376 part 2).
_WORKBOOK = "[Content_Types].xml"
_SAVE_AS = 'in Excel, save it as "CSV UTF-8", or export it again as CSV'
_GZIP = b"\x1f\x8b"
#: Ratios below this size say little: a short header repeats itself.
_RATIO_FROM = 1 << 20


class _Stream(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How far an archive may grow. Exports are text, which packs to a twentieth, seldom to a fiftieth."""

    members: int = 10_000
    total: int = 32 << 30  # octets unpacked from one archive
    ratio: int = 200  # octets out for each octet in


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Found:
    """One file to read. `name` is what messages call it; `modified` (seconds since the epoch) dates an export."""

    name: str
    path: Path
    modified: int
    size: int
    named: bool = True  # by the user; a file of a folder or an archive may be something else


def find(paths: Iterable[Path], scratch: Path, limits: Limits) -> Iterator[Found]:
    """Every file that `paths` name, in a stable order, those of archives unpacked into `scratch`."""
    for path in paths:
        if not path.exists():
            raise InventoryError(str(path), "there is no such file or folder")
        for file in _walk(path):
            yield from _open(file, scratch, limits, named=not path.is_dir())


def _walk(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        if not path.is_file():
            raise InventoryError(str(path), "this is no regular file")
        yield path
        return
    for entry in sorted(path.iterdir()):
        if entry.name.startswith((".", "~$")):
            continue  # what an editor or a desktop keeps beside files
        if entry.is_symlink():
            raise InventoryError(str(entry), "a symbolic link inside a folder is not followed", cure="name its target")
        yield from _walk(entry)


def _open(file: Path, scratch: Path, limits: Limits, *, named: bool) -> Iterator[Found]:
    try:
        with file.open("rb") as stream:
            head = stream.read(4)
        status = file.stat()
    except OSError as error:
        raise InventoryError(str(file), f"it cannot be read: {error.strerror}") from error
    if head in _ZIP:
        yield from _unzip(file, scratch, limits)
    elif head.startswith(_GZIP):
        yield _gunzip(file, scratch, limits, int(status.st_mtime), named=named)
    else:
        yield Found(str(file), file, int(status.st_mtime), status.st_size, named)


def _gunzip(file: Path, scratch: Path, limits: Limits, modified: int, *, named: bool) -> Found:
    target = _fresh(scratch)
    with file.open("rb") as stream, GzipFile(fileobj=stream) as plain:
        _copy(plain, target, str(file), file.stat().st_size, limits.total, limits)
    _no_archive(target, str(file))
    return Found(str(file), target, modified, target.stat().st_size, named)


def _unzip(file: Path, scratch: Path, limits: Limits) -> Iterator[Found]:
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if any(member.filename == _WORKBOOK for member in members):
                raise InventoryError(str(file), "this is an Excel workbook", cure=_SAVE_AS)
            if len(members) > limits.members:
                raise InventoryError(
                    str(file), f"the archive holds {len(members)} files, at most {limits.members} are read"
                )
            left = limits.total
            for member in members:
                name = f"{file}/{member.filename}"
                _check(member, name)
                if member.is_dir() or PurePosixPath(member.filename).name.startswith("."):
                    continue
                target = _fresh(scratch)
                with archive.open(member) as plain:
                    left -= _copy(plain, target, name, max(member.compress_size, 1), left, limits)
                _no_archive(target, name)
                yield Found(name, target, _dated(member), target.stat().st_size, named=False)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, zlib.error, ValueError) as error:
        raise InventoryError(str(file), f"the archive cannot be read: {error}") from error


def _check(member: zipfile.ZipInfo, name: str) -> None:
    parts = PurePosixPath(member.filename.replace("\\", "/")).parts
    if member.filename.startswith(("/", "\\")) or ".." in parts or (parts and ":" in parts[0]) or "\0" in name:
        raise InventoryError(name, "the archive names a path outside itself; nothing of it was read")
    mode = member.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise InventoryError(name, "the archive holds a link or a device; nothing of it was read")
    if member.flag_bits & 0x1:
        raise InventoryError(name, "it is encrypted", cure="unpack it first")


def _copy(plain: _Stream, target: Path, name: str, packed: int, left: int, limits: Limits) -> int:
    """Unpack, counting what really comes: the sizes in the directory are the packer's word only."""
    size = 0
    try:
        with target.open("wb") as out:
            while piece := plain.read(_PIECE):
                size += len(piece)
                if size > left:
                    raise InventoryError(
                        name, f"unpacked it is larger than {limits.total} octets; nothing of it was read"
                    )
                if size > _RATIO_FROM and size > packed * limits.ratio:
                    raise InventoryError(
                        name,
                        f"it unpacks to more than {limits.ratio} times its size, as an archive bomb does; "
                        "nothing of it was read",
                        cure="if it is what you exported, unpack it yourself and name the file",
                    )
                out.write(piece)
    except (BadGzipFile, EOFError, zlib.error) as error:
        raise InventoryError(name, f"the compressed file is damaged: {error}") from error
    return size


def _no_archive(file: Path, name: str) -> None:
    with file.open("rb") as stream:
        head = stream.read(4)
    if head in _ZIP or head.startswith(_GZIP):
        raise InventoryError(name, "an archive inside an archive is not read", cure="unpack the outer one first")


def _fresh(scratch: Path) -> Path:
    return scratch / f"{sum(1 for _ in scratch.iterdir())}.part"


def _dated(member: zipfile.ZipInfo) -> int:
    try:
        return int(datetime(*member.date_time).timestamp())  # noqa: DTZ001  (zip keeps local time, without a zone)
    except (ValueError, OverflowError):
        return 0
