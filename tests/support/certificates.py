"""Certificates for application identities, as an administrator makes them: self-signed, RSA, a year."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

START = datetime(2026, 1, 1, tzinfo=UTC)
END = START + timedelta(days=400)


@cache
def rsa_key(number: int = 0) -> rsa.RSAPrivateKey:
    """A key; the same for the same number, because making one takes a tenth of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, end: datetime = END) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mailferry.example")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(START).not_valid_after(end)
    return builder.sign(key, hashes.SHA256())


def key_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, passphrase: str = "") -> bytes:
    encryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def certificate_pem(value: x509.Certificate) -> bytes:
    return value.public_bytes(Encoding.PEM)


def pfx(key: rsa.RSAPrivateKey, value: x509.Certificate, passphrase: str) -> bytes:
    return pkcs12.serialize_key_and_certificates(
        b"gateway", key, value, None, BestAvailableEncryption(passphrase.encode())
    )
