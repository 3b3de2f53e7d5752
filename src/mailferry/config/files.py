"""Writing configuration files: whole or not at all, and never over what is there unless that was said.

Invariant: a file with a hash or a secret is never readable by others, not even while it is written.
"""

from __future__ import annotations

import os
from pathlib import Path


def write_new(path: Path, text: str, *, mode: int = 0o644, replace: bool = False) -> None:
    """Write `path` in one step and sync it. Raises FileExistsError when it is there and `replace` is False."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.replace(path)
        else:
            os.link(temporary, path)  # unlike rename, fails when the name is taken
    finally:
        temporary.unlink(missing_ok=True)


def give_to_owner_of(path: Path, other: Path) -> None:
    """When root writes beside a file of the service's user, that user must be able to read it."""
    if os.geteuid() == 0 and other.exists():
        owner = other.stat()
        # The user may own the directory, and could put a link in the place of the file: the link alone is given away.
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
