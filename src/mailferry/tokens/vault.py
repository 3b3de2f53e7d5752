"""Sign-ins kept on disk: one encrypted file each, replaced in one step.

Leaves to others: getting and renewing them (login, delegated), the keys (keys).
Invariants: a refresh token is on stable storage, encrypted, before anything is done that depends on it; what belongs to
one tenant and application cannot be read as another's (AES-GCM, the names are authenticated); nothing is ever deleted,
what a new sign-in replaces and no key reads is set aside.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mailferry.clock import Clock
from mailferry.tokens.api import TokenRefused, TokenUnavailable
from mailferry.tokens.keys import KeyRing

_VERSION = 1
_NONCE = 12  # NIST SP 800-38D section 8.2: 96 bits
_MAX = 1 << 18


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a sign-in. Times in seconds since the epoch; `id` tells one sign-in of the same user from the
    next, so that a renewal under way never writes over a newer sign-in."""

    refresh_token: str = field(repr=False)
    user: str
    tenant_id: str
    client_id: str
    scopes: tuple[str, ...]
    signed_in: float
    renewed: float
    id: str


class Vault:
    """Every method blocks on files, and raises TokenRefused (somebody must act) or TokenUnavailable (a full disk)."""

    def __init__(self, directory: Path, keys: KeyRing, clock: Clock) -> None:
        self.directory = directory
        self.keys = keys
        self.clock = clock

    def __repr__(self) -> str:
        return f"Vault({str(self.directory)!r})"

    def file(self, name: str) -> Path:
        return self.directory / f"sign-in-{quote(name, safe='')}.json"

    def load(self, name: str) -> Kept:
        return self._open(name)[0]

    def current(self, name: str) -> bool:
        """Whether it was written with the present key."""
        return self._open(name)[1] == self.keys.present().id

    def save(self, name: str, kept: Kept) -> Path | None:
        """A new sign-in in place of whatever there was. Where that was written with a key that is not here, it is set
        aside; returns its new name."""
        self.keys.readable()  # with keys that cannot be read nothing is unreadable for good
        with self._locked():
            aside = self._set_aside(name)
            try:
                self._write(name, kept)
            except BaseException:
                if aside is not None:
                    aside.rename(self.file(name))
                raise
        return aside

    def replace(self, name: str, used: Kept, new: Kept) -> bool:
        """Keep `new` where `used` is still what is kept; False where somebody has signed in meanwhile."""
        with self._locked():
            held = self.load(name)
            if held.id != used.id:
                return False
            self._write(name, new)
        return True

    def _open(self, name: str) -> tuple[Kept, str]:
        file, again = self.file(name), f"sign in again: mailferry login {name}"
        try:
            with file.open("rb") as stream:
                document = json.loads(stream.read(_MAX))
            key_id, nonce, sealed = _parts(document)
        except FileNotFoundError:
            raise TokenRefused(f"{name}: nobody has signed in yet; run: mailferry login {name}") from None
        except OSError as error:
            raise TokenRefused(f"{name}: cannot read the kept sign-in in {file}: {error.strerror}") from None
        except (ValueError, KeyError, TypeError):
            raise TokenRefused(f"{name}: the kept sign-in in {file} is damaged; {again}") from None
        keys = {key.id: key for key in self.keys.readable()}
        if key_id not in keys:
            raise TokenRefused(
                f"{name}: the kept sign-in was encrypted with another key ({key_id}) than the one in {self.keys.place};"
                f" bring that key back, or {again}"
            )
        return _unseal(keys[key_id].value, name, nonce, sealed, file), key_id

    def _write(self, name: str, kept: Kept) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key, nonce = self.keys.present(), os.urandom(_NONCE)
        sealed = AESGCM(key.value).encrypt(nonce, json.dumps(asdict(kept)).encode(), _bound_to(name))
        document = {"version": _VERSION, "key": key.id, "nonce": _text(nonce), "sealed": _text(sealed)}
        try:
            _replace(self.file(name), json.dumps(document).encode() + b"\n")
        except OSError as error:
            raise TokenUnavailable(f"{name}: cannot keep the sign-in in {self.directory}: {error.strerror}") from None

    def _set_aside(self, name: str) -> Path | None:
        file = self.file(name)
        if not file.exists():
            return None
        try:
            self._open(name)
        except TokenRefused:
            number = 1
            while (aside := file.with_name(f"{file.name}.unreadable-{number}")).exists():
                number += 1
            file.rename(aside)
            return aside
        return None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time, among processes too: `mailferry login` runs beside the gateway."""
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(self.directory / ".lock", flags, 0o600)
        except OSError as error:
            raise TokenUnavailable(f"vault: cannot write in {self.directory}: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _unseal(key: bytes, name: str, nonce: bytes, sealed: bytes, file: Path) -> Kept:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        values = json.loads(AESGCM(key).decrypt(nonce, sealed, _bound_to(name)))
        return Kept(**{**values, "scopes": tuple(values["scopes"])})
    except (InvalidTag, ValueError, KeyError, TypeError):
        raise TokenRefused(
            f"{name}: the kept sign-in in {file} is damaged or another's; sign in again: mailferry login {name}"
        ) from None


def _parts(document: dict[str, Any]) -> tuple[str, bytes, bytes]:
    if document["version"] != _VERSION:
        raise ValueError("version")
    return str(document["key"]), base64.b64decode(document["nonce"]), base64.b64decode(document["sealed"])


def _bound_to(name: str) -> bytes:
    return f"mailferry sign-in {_VERSION}\0{name}".encode()


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _replace(path: Path, data: bytes) -> None:
    """The old content or the new, never a part: a power cut leaves one of the two."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
    owner = path.parent.stat()
    for stale in path.parent.glob(f".{path.name}.*.new"):  # left by a power cut: there is one writer at a time
        stale.unlink(missing_ok=True)
    # A name of its own that is not there yet: root writes here too, in a directory of the service's user.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if os.geteuid() == 0:  # at no time does the running gateway meet a file that it may not read
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
