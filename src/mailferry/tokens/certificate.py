"""Reads a certificate with its private key from PEM or PKCS #12.

Leaves to others: where the octets come from (credential). Invariant: the first certificate returned belongs to the key;
an error says what is wrong with the file and nothing of what is in it.
"""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12


def load(data: bytes, passphrase: str | None) -> tuple[RSAPrivateKey, list[x509.Certificate]]:
    """The key and its certificates, the key's own first. Raises ValueError with one line for people."""
    password = passphrase.encode() if passphrase is not None else None
    key, certificates = _pem(data, password) if b"-----BEGIN" in data else _pkcs12(data, password)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("the private key is not RSA, and Microsoft Entra takes RSA alone")  # noqa: TRY004 - of a file
    own = [certificate for certificate in certificates if certificate.public_key() == key.public_key()]
    if not own:
        raise ValueError("no certificate in it belongs to the private key")
    return key, own[:1] + [certificate for certificate in certificates if certificate not in own]


def _pem(data: bytes, password: bytes | None) -> tuple[object, list[x509.Certificate]]:
    try:
        certificates = x509.load_pem_x509_certificates(data)
    except ValueError:
        raise ValueError("it holds no certificate") from None
    if b"PRIVATE KEY-----" not in data:
        raise ValueError("it holds no private key; name the file of the key in key_file")
    try:
        return load_pem_private_key(data, password), certificates
    except TypeError:
        if password is None:
            raise ValueError("the private key is encrypted and no passphrase is configured") from None
        return _unencrypted(data), certificates
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("the private key cannot be read; the passphrase may be wrong") from None


def _unencrypted(data: bytes) -> object:
    """The key of a file that needs no passphrase although one is configured."""
    try:
        return load_pem_private_key(data, None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise ValueError("the private key cannot be read") from None


def _pkcs12(data: bytes, password: bytes | None) -> tuple[object, list[x509.Certificate]]:
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(data, password)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("it is neither PEM nor PKCS #12, or the passphrase is wrong") from None
    if key is None:
        raise ValueError("it holds no private key")
    return key, ([certificate] if certificate is not None else []) + others
