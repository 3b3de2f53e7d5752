"""TLS of listeners: contexts, what this OpenSSL can really do, and reload of certificates.

Leaves to others: the handshake on a connection (protocol), when to reload (app), making a certificate (certificates).
Invariants: no version below 1.2 unless a listener says so, and then its context alone is weakened; a reload that fails
leaves the old certificate at work.
"""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mailferry.clock import Clock
from mailferry.listener import certificates
from mailferry.listener.settings import ListenerSettings, TlsMode, TlsSettings, TlsVersion

_VERSIONS = {
    TlsVersion.V1_0: ssl.TLSVersion.TLSv1,
    TlsVersion.V1_1: ssl.TLSVersion.TLSv1_1,
    TlsVersion.V1_2: ssl.TLSVersion.TLSv1_2,
    TlsVersion.V1_3: ssl.TLSVersion.TLSv1_3,
}
#: Old versions sign with MD5 and SHA-1, which OpenSSL 3 forbids above security level 0 (SSL_CTX_set_security_level(3)).
_OLD_CIPHERS = "DEFAULT:@SECLEVEL=0"
_OLD = frozenset({TlsVersion.V1_0, TlsVersion.V1_1})


class TlsError(Exception):
    """A certificate, key or version that cannot be used; the text is for the administrator."""


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    certificate: Path
    key: Path | None


def make_context(files: CertificateFiles, minimum: TlsVersion) -> ssl.SSLContext:
    """A server context. Raises TlsError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.num_tickets = 1  # a client that comes back needs one; OpenSSL's two are a tenth of the handshake's work
    set_minimum(context, minimum)
    load_certificate(context, files)
    return context


def set_minimum(context: ssl.SSLContext, minimum: TlsVersion) -> None:
    """Lower or raise a context's floor; below 1.2 with the ciphers and signatures that such peers need."""
    with warnings.catch_warnings():  # Python warns of the old versions; they are the administrator's explicit choice
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = _VERSIONS[minimum]
    if minimum in _OLD:
        context.set_ciphers(_OLD_CIPHERS)


def load_certificate(context: ssl.SSLContext, files: CertificateFiles) -> None:
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
    except FileNotFoundError as error:
        missing = files.certificate if not files.certificate.exists() else files.key
        raise TlsError(f"the certificate or key file {missing} does not exist") from error
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise TlsError(f"the certificate {files.certificate} cannot be used: {error}") from error


def _no_password() -> str:
    """Instead of OpenSSL's question on the terminal of a daemon."""
    raise ValueError("the private key is encrypted; store it without a passphrase, readable by the gateway alone")


def version_works(version: TlsVersion, files: CertificateFiles) -> bool:
    """Whether this OpenSSL completes a handshake of exactly this version with this certificate: distributions build
    old versions out or forbid them by policy, and only trying tells. Raises TlsError for a certificate that is none."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    try:
        for context in (server, client):
            set_minimum(context, version)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.maximum_version = _VERSIONS[version]
        load_certificate(server, files)
        return _handshake(server, client)
    except (ssl.SSLError, ValueError):
        return False


def _handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> bool:
    """Whether two contexts agree, in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_side=False),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(10):
        waiting = False
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                waiting = True
        if not waiting:
            return True
    return False


class Contexts:
    """The context of each listener with TLS, by its name. `reload` reads all certificates again."""

    def __init__(
        self, listeners: Iterable[ListenerSettings], tls: TlsSettings, state: Path, hostname: str, clock: Clock
    ) -> None:
        self._listeners = [one for one in listeners if one.tls is not TlsMode.NONE]
        self._tls = tls
        self._state = state
        self._hostname = hostname
        self._clock = clock
        self._contexts: dict[str, ssl.SSLContext] = {}
        self.self_signed: Path | None = None  # the certificate we made ourselves, for the note at start

    def load(self) -> None:
        """Build every context, trying the old versions that are asked for. Raises TlsError; then nothing changed."""
        made: dict[str, ssl.SSLContext] = {}
        for listener in self._listeners:
            files = self._files(listener)
            if listener.minimum_tls in _OLD and not version_works(listener.minimum_tls, files):
                raise TlsError(
                    f"listener {listener.name!r} asks for TLS {listener.minimum_tls} and {ssl.OPENSSL_VERSION} on this "
                    'machine cannot speak it; choose a higher minimum_tls, or tls = "none" in a trusted network'
                )
            context = made[listener.name] = make_context(files, listener.minimum_tls)
            if listener.minimum_tls in _OLD and files.certificate == self.self_signed:
                rsa = certificates.ensure(self._state, self._hostname, self._clock, old=True)
                load_certificate(
                    context, CertificateFiles(rsa, None)
                )  # beside the other: OpenSSL shows the fitting one
        self._contexts = made

    def of(self, listener: str) -> ssl.SSLContext | None:
        """The context for the next handshake of a listener, None where it has no TLS."""
        return self._contexts.get(listener)

    def expiries(self) -> dict[str, float]:
        """When each listener's certificate ends (epoch seconds), for warnings in time."""
        return {one.name: certificates.expiry(self._files(one).certificate) for one in self._listeners}

    def _files(self, listener: ListenerSettings) -> CertificateFiles:
        if listener.certificate is not None:
            return CertificateFiles(listener.certificate, listener.key)
        if self._tls.certificate is not None:
            return CertificateFiles(self._tls.certificate, self._tls.key)
        self.self_signed = certificates.ensure(self._state, self._hostname, self._clock)
        return CertificateFiles(self.self_signed, None)
