"""The sandbox's own authority: one CA, one server certificate for loopback names, one for a gateway that an inbound
connector knows, the token signing key, and the key pair of the seeded certificate application.

Leaves to others: TLS contexts (exchange, serve). Invariant: all of it is test material of one sandbox; it is valid from
2020 to 2040 so that the sandbox clock may stand anywhere while clients check it against the machine's clock.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_FROM = datetime(2020, 1, 1, tzinfo=UTC)
_UNTIL = datetime(2040, 1, 1, tzinfo=UTC)
_FILES = {
    "ca.pem": "ca",
    "server.pem": "server",
    "server.key": "server_key",
    "signing.key": "signing_key",
    "application.pem": "application",
    "application.key": "application_key",
    "relay.pem": "relay",
    "relay.key": "relay_key",
}
#: Key and certificate in one file, for who wants both.
_BUNDLES = {
    "application-with-key.pem": ("application_key", "application"),
    "relay-with-key.pem": ("relay_key", "relay"),
}

#: The name in the certificate by which an inbound connector of the seeded tenant knows a gateway.
RELAY_NAME = "relay.contoso.example"

_PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Keys:
    """PEM texts. `application.key` + `application.pem` together are what MSAL and azure-identity want."""

    ca: bytes
    server: bytes
    server_key: bytes = field(repr=False)
    signing_key: bytes = field(repr=False)
    application: bytes
    application_key: bytes = field(repr=False)
    relay: bytes
    relay_key: bytes = field(repr=False)

    def write(self, directory: Path) -> None:
        """Keep them in `directory`; keys are readable by the owner alone."""
        directory.mkdir(parents=True, exist_ok=True)
        for name, attribute in _FILES.items():
            mode = 0o600 if name.endswith(".key") else 0o644
            handle = os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
            with os.fdopen(handle, "wb") as file:
                file.write(getattr(self, attribute))
        for name, parts in _BUNDLES.items():
            handle = os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(b"".join(getattr(self, part) for part in parts))


def load_keys(directory: Path) -> Keys | None:
    """What `write` kept, or None when it is not all there."""
    if not all((directory / name).is_file() for name in _FILES):
        return None
    return Keys(**{attribute: (directory / name).read_bytes() for name, attribute in _FILES.items()})


def make_keys(extra_names: tuple[str, ...] = ()) -> Keys:
    """New material; elliptic curves where a handshake is timed, RSA where the protocol asks for it (RS256)."""
    ca_key = ec.generate_private_key(ec.SECP256R1())
    server_key = ec.generate_private_key(ec.SECP256R1())
    signing_key = rsa.generate_private_key(65537, 2048)
    application_key = rsa.generate_private_key(65537, 2048)
    relay_key = ec.generate_private_key(ec.SECP256R1())
    ca = _authority(ca_key)
    return Keys(
        ca=_pem(ca),
        server=_pem(_server(ca, ca_key, server_key, extra_names)) + _pem(ca),
        server_key=_key_pem(server_key),
        signing_key=_key_pem(signing_key),
        application=_pem(_application(application_key)),
        application_key=_key_pem(application_key),
        relay=_pem(_relay(ca, ca_key, relay_key)) + _pem(ca),
        relay_key=_key_pem(relay_key),
    )


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Mailferry sandbox"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: _PrivateKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name("Mailferry sandbox CA")
    return (
        _builder(name, name, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(ca=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _server(
    ca: x509.Certificate, ca_key: ec.EllipticCurvePrivateKey, key: ec.EllipticCurvePrivateKey, names: tuple[str, ...]
) -> x509.Certificate:
    alternatives = [_alternative(name) for name in dict.fromkeys(("localhost", "127.0.0.1", "::1", *names))]
    return _issued(ca, ca_key, key, "localhost", alternatives)


def _relay(
    ca: x509.Certificate, ca_key: ec.EllipticCurvePrivateKey, key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    return _issued(ca, ca_key, key, RELAY_NAME, [x509.DNSName(RELAY_NAME)])


def _issued(
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePrivateKey,
    name: str,
    alternatives: list[x509.GeneralName],
) -> x509.Certificate:
    """For both ends of TLS: a mail server is client and server."""
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    return (
        _builder(_name(name), ca.subject, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()),
            critical=False,
        )
        .sign(ca_key, hashes.SHA256())
    )


def _application(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = _name("Sandbox application certificate")
    return _builder(name, name, key).sign(key, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: _PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
