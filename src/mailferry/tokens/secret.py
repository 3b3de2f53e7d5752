"""Reading secret material from where the configuration says it lies: environment, file, systemd credential.

Leaves to others: what the material is (credential, certificate) and who may configure it (settings).
Invariant: an error names the place, never what lies there.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from mailferry.tokens.api import TokenRefused
from mailferry.tokens.settings import SecretSource

#: A secret is some 40 octets, a PKCS #12 file some thousand; more is the wrong file.
_MAX_FILE = 1 << 20


def read_secret(source: SecretSource, environ: Mapping[str, str], owner: str, what: str) -> str:
    """The text at `source`, without blanks around it. `owner` and `what` say in an error whose and which secret.
    Raises TokenRefused."""
    if source.env is not None:
        value = environ.get(source.env, "").strip()
    else:
        path = source.file or systemd_credential(source.credential or "", environ, owner)
        try:
            value = read_file(path, owner, what).decode("utf-8").strip()
        except UnicodeDecodeError:
            raise TokenRefused(f"{owner}: the {what} in {source} is no text") from None
    if not value:
        raise TokenRefused(f"{owner}: there is no {what} in {source}")
    return value


def systemd_credential(name: str, environ: Mapping[str, str], owner: str) -> Path:
    """The file of a systemd credential (systemd.exec(5), "Credentials"). Raises TokenRefused."""
    directory = environ.get("CREDENTIALS_DIRECTORY", "")
    if not directory:
        raise TokenRefused(f"{owner}: there is no systemd credential {name}: $CREDENTIALS_DIRECTORY is not set")
    return Path(directory) / name


def read_file(path: Path, owner: str, what: str) -> bytes:
    """The octets of a file that is small, as secrets are. Raises TokenRefused."""
    try:
        # A pipe that nobody writes to would hold the gateway's token for good.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise TokenRefused(f"{owner}: {path} is no file, and cannot be a {what}")
            with open(descriptor, "rb", closefd=False) as file:
                data = file.read(_MAX_FILE + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise TokenRefused(f"{owner}: cannot read the {what} in {path}: {error.strerror}") from None
    if len(data) > _MAX_FILE:
        raise TokenRefused(f"{owner}: {path} is too large to be a {what}")
    return data
