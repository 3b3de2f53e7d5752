"""One identity and what proves it, read anew whenever it is needed.

Leaves to others: asking for tokens (entra, delegated) and when to (broker), keeping sign-ins (vault).
Invariant: secret material lives only in the values returned by material(), shows in no repr, and is read each time, so
that a secret replaced on disk is used without a restart.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from mailferry.m365.clouds import Cloud, cloud
from mailferry.tokens.api import TokenRefused
from mailferry.tokens.secret import read_file, read_secret, systemd_credential
from mailferry.tokens.settings import CertificateSource, CredentialSettings, Kind, SecretSource

if TYPE_CHECKING:  # cryptography is loaded on first use
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import Certificate

    from mailferry.tokens.vault import Kept, Vault

#: V entra-docs refresh-tokens.md: a refresh token that nobody uses for so many days is no good any more.
_DISUSE = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """A client secret."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate with its private key, as unencrypted PEM that never leaves memory."""

    pem: bytes = field(repr=False)
    thumbprint: str  # SHA-256, hexadecimal, as the Entra admin center shows it
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Assertion:
    """A token of another issuer, which stands for the application."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Machine:
    """A managed identity: `name` is how the token service of this machine is told which, empty for its own."""

    name: tuple[tuple[str, str], ...] = ()


Material = ClientSecret | ClientCertificate | Assertion | Machine


@dataclass(frozen=True, slots=True)
class Expiry:
    """When a secret, a certificate or a sign-in ends. `what` is for people."""

    credential: str
    what: str
    when: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """What lay on disk at one time: `stamp` changes with any file of the proof, `sign_in` with each sign-in."""

    stamp: tuple[object, ...]
    sign_in: str = ""


class Credential:
    """An identity by the name that the configuration gives it. `vault` keeps the sign-in of one that a user signs in
    to."""

    __slots__ = ("_environ", "_vault", "name", "settings")

    def __init__(
        self, name: str, settings: CredentialSettings, environ: Mapping[str, str], vault: Vault | None = None
    ) -> None:
        self.name = name
        self.settings = settings
        self._environ = environ
        self._vault = vault

    def __repr__(self) -> str:
        return (
            f"Credential({self.name!r}, client_id={self.settings.client_id!r}, tenant_id={self.settings.tenant_id!r})"
        )

    @property
    def cloud(self) -> Cloud:
        return cloud(self.settings.cloud)

    @property
    def authority(self) -> str:
        """Where tokens are asked for: the configured address, or the cloud's."""
        return self.settings.authority or self.cloud.authority

    def margin(self, scope: str) -> float:
        """Seconds a token for `scope` has to live at least; High Volume Email refuses tokens close to their end."""
        hve = scope != "" and scope == self.cloud.hve_scope
        return max(self.settings.refresh_margin, self.settings.hve_refresh_margin if hve else 0.0)

    @property
    def kind(self) -> Kind:
        return self.settings.kind

    @property
    def vault(self) -> Vault:
        """Raises TokenRefused where this process keeps none."""
        if self._vault is None:
            raise TokenRefused(f"{self.name}: there is no place where sign-ins are kept")
        return self._vault

    def material(self) -> Material:
        """What proves this identity as it is now; a sign-in is proved by what kept() gives. Blocks on files. Raises
        TokenRefused: somebody must act."""
        settings = self.settings
        if settings.certificate is not None:
            return self._certificate(settings.certificate)
        if settings.managed_identity is not None:
            return Machine(self._machine())
        if settings.federated_token is not None:
            return Assertion(self._text(settings.federated_token, "federated token"))
        assert settings.secret is not None, "a sign-in has no material"  # noqa: S101 - settings hold exactly one
        return ClientSecret(self._text(settings.secret, "client secret"))

    def kept(self) -> Kept:
        """The sign-in that is kept. Blocks on files. Raises TokenRefused: somebody must sign in."""
        kept = self.vault.load(self.name)
        if kept.client_id.lower() != self.settings.client_id.lower():
            raise TokenRefused(
                f"{self.name}: the kept sign-in is of another application; sign in again: mailferry login {self.name}"
            )
        return kept

    def vault_scope(self) -> str:
        """A scope that the kept sign-in covers. Blocks on files. Raises TokenRefused."""
        return self.kept().scopes[0]

    def expiry(self) -> Expiry | None:
        """When what proves this identity ends, where that can be known. Raises TokenRefused."""
        if self.settings.certificate is not None:
            end = self._certificate(self.settings.certificate).not_after
            return Expiry(self.name, f"certificate of {self.name}", end)
        if self.kind is Kind.SIGN_IN:
            renewed = datetime.fromtimestamp(self.kept().renewed, UTC)
            return Expiry(self.name, f"sign-in of {self.name}", renewed + _DISUSE)
        day = self.settings.secret_expires
        if day is None:
            return None
        return Expiry(self.name, f"client secret of {self.name}", datetime(day.year, day.month, day.day, tzinfo=UTC))

    def exposed_files(self) -> list[Path]:
        """Files with secret material that others than their owner and group can read."""
        return [path for path in self.files() if _readable_by_others(path)]

    def seen(self, before: Seen | None = None) -> Seen:
        """What lies on disk now; `before` itself where nothing changed. Blocks on files, and raises nothing."""
        stamp = tuple(map(_mark, self.files()))
        if before is not None and before.stamp == stamp:
            return before
        if self.kind is not Kind.SIGN_IN:
            return Seen(stamp)
        try:
            return Seen(stamp, self.kept().id)
        except TokenRefused:  # it may be in the middle of being replaced
            return Seen(stamp, before.sign_in if before is not None else "")

    def files(self) -> list[Path]:
        """Where the proof lies, as far as it lies in files."""
        settings = self.settings
        texts = (settings.secret, settings.federated_token)
        found = [source.file for source in texts if source is not None]
        if settings.certificate is not None:
            found += [settings.certificate.file, settings.certificate.key_file]
            if settings.certificate.passphrase is not None:
                found.append(settings.certificate.passphrase.file)
        if self.kind is Kind.SIGN_IN and self._vault is not None:
            found += [self._vault.file(self.name), self._vault.keys.file]
        return [path for path in found if path is not None]

    def _machine(self) -> tuple[tuple[str, str], ...]:
        """The query parameter that names the identity (V how-to-use-vm-token.md, overview-managed-identity.md)."""
        wanted = self.settings.managed_identity
        assert wanted is not None  # noqa: S101 - asked for where there is one
        if wanted.client_id is not None:
            return (("client_id", wanted.client_id),)
        if wanted.object_id is not None:
            return (("object_id", wanted.object_id),)
        if wanted.resource_id is not None:
            return (("mi_res_id" if self._environ.get("IDENTITY_ENDPOINT") else "msi_res_id", wanted.resource_id),)
        return ()

    def _text(self, source: SecretSource, what: str) -> str:
        return read_secret(source, self._environ, self.name, what)

    def _certificate(self, source: CertificateSource) -> ClientCertificate:
        from mailferry.tokens import certificate

        data = read_file(self._place(source), self.name, "certificate")
        if source.key_file is not None:
            data += b"\n" + read_file(source.key_file, self.name, "private key")
        passphrase = self._text(source.passphrase, "passphrase") if source.passphrase is not None else None
        try:
            key, chain = certificate.load(data, passphrase)
        except ValueError as error:
            raise TokenRefused(f"{self.name}: {source}: {error}") from None
        return _client_certificate(key, chain)

    def _place(self, source: CertificateSource) -> Path:
        return source.file or systemd_credential(source.credential or "", self._environ, self.name)


def _client_certificate(key: RSAPrivateKey, chain: list[Certificate]) -> ClientCertificate:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem += b"".join(certificate.public_bytes(Encoding.PEM) for certificate in chain)
    leaf = chain[0]
    return ClientCertificate(pem, leaf.fingerprint(hashes.SHA256()).hex().upper(), leaf.not_valid_after_utc)


def _mark(path: Path) -> tuple[int, ...]:
    """Changes when the file is replaced, or given to another user."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size


def _readable_by_others(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH))
    except OSError:
        return False
