"""The self-signed certificate of a gateway that was given none, so that its first start already speaks TLS.

Leaves to others: loading it (tls) and telling the administrator (server). Old devices do not check certificates; for
the rest it is a start. Invariant: the private key is readable by its owner only, from its first octet on.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mailferry.clock import Clock, utc

_LIFETIME = timedelta(days=825)
_RENEW_BEFORE = timedelta(days=30)
_COMMON_NAME_LIMIT = 64  # RFC 5280 appendix A: ub-common-name


def ensure(state: Path, hostname: str, clock: Clock, *, old: bool = False) -> Path:
    """The file with certificate and key under the state directory, made new when it is missing, made for another host
    name or about to end. `old`: the one with an RSA key, for devices that know no other."""
    path = state / "tls" / ("self-signed-rsa.pem" if old else "self-signed.pem")
    now = utc(clock.time())
    try:
        present = x509.load_pem_x509_certificate(path.read_bytes())
        names = present.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        if present.not_valid_after_utc - now > _RENEW_BEFORE and _name(hostname) in names:
            return path
    except (FileNotFoundError, ValueError, x509.ExtensionNotFound):
        pass
    _write(path, make(hostname, clock, old=old))
    return path


def make(hostname: str, clock: Clock, *, old: bool = False) -> bytes:
    """A certificate for the host name and its key, as PEM. P-256, because its handshake costs a thirtieth of RSA's;
    RSA only for the devices of TLS 1.0, most of which never learnt elliptic curves."""
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    key = rsa.generate_private_key(65537, 2048) if old else ec.generate_private_key(ec.SECP256R1())
    now = utc(clock.time())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname[:_COMMON_NAME_LIMIT])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # devices' clocks are wrong
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName([_name(hostname)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem + certificate.public_bytes(serialization.Encoding.PEM)


def expiry(certificate: Path) -> float:
    """When the first certificate in a PEM file ends, seconds since the epoch."""
    return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc.timestamp()


def _name(hostname: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(hostname))
    except ValueError:
        return x509.DNSName(hostname)


def _write(path: Path, pem: bytes) -> None:
    """Whole or not at all: beside, then renamed over."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
