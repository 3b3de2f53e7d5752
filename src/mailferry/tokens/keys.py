"""The keys of the vault: the present one, and those from before that still read what they wrote.

Leaves to others: encryption itself (vault). Invariants: a key file is made once, readable by its owner alone, and is
never written over; a key shows in no repr and no error, its id tells nothing of it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mailferry.tokens.api import TokenRefused
from mailferry.tokens.secret import read_file, read_secret
from mailferry.tokens.vault_settings import VaultSettings

_OWNER, _WHAT = "vault", "key"
_LENGTH = 32
KEY_FILE = "key"


@dataclass(frozen=True, slots=True)
class Key:
    """32 octets for AES-256-GCM. `id` tells which one it was."""

    value: bytes = field(repr=False)

    @property
    def id(self) -> str:
        return hashlib.sha256(b"mailferry vault key id\0" + self.value).hexdigest()[:12]


class KeyRing:
    """Reads the keys anew each time, so that one that was replaced is used without a restart."""

    def __init__(self, settings: VaultSettings, directory: Path, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._file = directory / KEY_FILE
        self._environ = environ

    def __repr__(self) -> str:
        return f"KeyRing({self.place})"

    @property
    def file(self) -> Path:
        """Where the present key lies, or would lie, if it lies in a file."""
        return self._settings.key.file or self._file if self._settings.key is not None else self._file

    @property
    def place(self) -> str:
        return str(self._settings.key) if self._settings.key is not None else f"file {self._file}"

    def readable(self) -> tuple[Key, ...]:
        """The present key, where there is one, and the old ones. Raises TokenRefused."""
        present: tuple[Key, ...] = ()
        if self._settings.key is not None:
            present = (_key(read_secret(self._settings.key, self._environ, _OWNER, _WHAT), self.place),)
        elif self._file.exists():
            present = (_key(read_file(self._file, _OWNER, _WHAT).decode("ascii", "replace"), self.place),)
        old = (_key(read_secret(one, self._environ, _OWNER, "old key"), str(one)) for one in self._settings.old_keys)
        return (*present, *old)

    def present(self) -> Key:
        """The key to encrypt with; makes the key file where none is configured. Raises TokenRefused."""
        if self._settings.key is None and not self._file.exists():
            self._make()
        return self.readable()[0]

    def _make(self) -> None:
        """Whole or not at all: a key file cut short by a power cut would be worse than none."""
        text = base64.b64encode(os.urandom(_LENGTH)) + b"\n"
        temporary = self._file.with_name(f".{KEY_FILE}.{os.getpid()}")
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                os.link(temporary, self._file)  # fails where another process was first: then its key is the key
            finally:
                temporary.unlink(missing_ok=True)
        except FileExistsError:
            return
        except OSError as error:
            raise TokenRefused(f"vault: cannot make the key in {self._file}: {error.strerror}") from None


def _key(text: str, place: str) -> Key:
    """Standard or URL-safe base64, as openssl and other tools write it."""
    try:
        value = base64.b64decode(text.strip().replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if len(value) != _LENGTH:
        raise TokenRefused(f"vault: the key in {place} is not 32 octets in base64; make one: openssl rand -base64 32")
    return Key(value)
