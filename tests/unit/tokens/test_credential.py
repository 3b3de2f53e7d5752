"""Where secrets and certificates come from, and that they show nowhere."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import ValidationError

from mailferry.tokens.api import TokenRefused
from mailferry.tokens.credential import ClientCertificate, ClientSecret, Credential
from mailferry.tokens.settings import CertificateSource, CredentialSettings, SecretSource
from support.certificates import END, certificate, certificate_pem, key_pem, pfx, rsa_key

SECRET = "s3cr3t~value"


def build(environ: dict[str, str] | None = None, **values: object) -> Credential:
    settings = CredentialSettings.model_validate({"client_id": "app", "tenant_id": "contoso.com", **values})
    return Credential("contoso", settings, environ or {})


def refused(credential: Credential) -> str:
    with pytest.raises(TokenRefused) as caught:
        credential.material()
    return caught.value.cause


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text(f"{SECRET}\r\n")
    return tmp_path


def test_a_secret_from_each_place(directory: Path) -> None:
    places = [
        build({"S": f" {SECRET}\n"}, secret={"env": "S"}),
        build(secret={"file": directory / "secret"}),
        build({"CREDENTIALS_DIRECTORY": str(directory)}, secret={"credential": "secret"}),
    ]
    assert [place.material() for place in places] == [ClientSecret(SECRET)] * 3


def test_nothing_shows_the_secret(directory: Path) -> None:
    credential = build({"S": SECRET}, secret={"env": "S"})
    shown = f"{credential!r} {credential!s} {credential.material()!r} {credential.settings!r}"
    assert SECRET not in shown


@pytest.mark.parametrize(
    ("values", "cause"),
    [
        ({"env": "S"}, "there is no client secret in environment variable S"),
        ({"file": "/nowhere/secret"}, "cannot read the client secret in /nowhere/secret: No such file or directory"),
        ({"credential": "app"}, "$CREDENTIALS_DIRECTORY is not set"),
    ],
)
def test_a_secret_that_is_not_there(values: dict[str, str], cause: str) -> None:
    assert cause in refused(build(secret=values))


def test_a_secret_file_that_is_none(directory: Path) -> None:
    (directory / "binary").write_bytes(b"\xff\xfe\x00")
    (directory / "empty").write_text("\n")
    (directory / "huge").write_bytes(b"x" * 2_000_000)
    assert "is no text" in refused(build(secret={"file": directory / "binary"}))
    assert "there is no client secret" in refused(build(secret={"file": directory / "empty"}))
    assert "too large" in refused(build(secret={"file": directory / "huge"}))
    assert "is no file" in refused(build(secret={"file": directory}))


def certificate_of(directory: Path, data: bytes, **values: object) -> Credential:
    (directory / "app.pem").write_bytes(data)
    return build({"P": "open sesame"}, certificate={"file": directory / "app.pem", **values})


def test_a_certificate_in_each_form(directory: Path) -> None:
    key, other = rsa_key(0), rsa_key(1)
    own, foreign = certificate(key), certificate(other)
    (directory / "app.key").write_bytes(key_pem(key, "open sesame"))
    passphrase = {"env": "P"}
    forms = [
        certificate_of(directory, key_pem(key) + certificate_pem(own)).material(),
        certificate_of(directory, certificate_pem(foreign) + certificate_pem(own) + key_pem(key)).material(),
        certificate_of(directory, certificate_pem(own) + key_pem(key, "open sesame"), passphrase=passphrase).material(),
        certificate_of(directory, certificate_pem(own) + key_pem(key), passphrase=passphrase).material(),
        certificate_of(
            directory, certificate_pem(own), key_file=directory / "app.key", passphrase=passphrase
        ).material(),
        certificate_of(directory, pfx(key, own, "open sesame"), passphrase=passphrase).material(),
    ]
    for form in forms:
        assert isinstance(form, ClientCertificate)
        assert form.not_after == END
        assert len(form.thumbprint) == 64
        assert form.pem.startswith(b"-----BEGIN PRIVATE KEY-----")
        assert "PRIVATE" not in repr(form)
    assert len({form.thumbprint for form in forms if isinstance(form, ClientCertificate)}) == 1


def test_a_certificate_that_will_not_do(directory: Path) -> None:
    key = rsa_key(0)
    curve = ec.generate_private_key(ec.SECP256R1())
    encrypted = certificate_pem(certificate(key)) + key_pem(key, "open sesame")
    causes = {
        "it holds no private key": certificate_pem(certificate(key)),
        "it holds no certificate": key_pem(key),
        "no certificate in it belongs to the private key": certificate_pem(certificate(rsa_key(1))) + key_pem(key),
        "is not RSA": certificate_pem(certificate(curve)) + key_pem(curve),
        "encrypted and no passphrase is configured": encrypted,
        "neither PEM nor PKCS #12": b"\x00\x01\x02",
    }
    for cause, data in causes.items():
        assert cause in refused(certificate_of(directory, data))
    wrong = build({"P": "guess"}, certificate={"file": directory / "app.pem", "passphrase": {"env": "P"}})
    (directory / "app.pem").write_bytes(encrypted)
    assert "the passphrase may be wrong" in refused(wrong)


def test_expiry(directory: Path) -> None:
    key = rsa_key(0)
    by_certificate = certificate_of(directory, certificate_pem(certificate(key)) + key_pem(key)).expiry()
    assert by_certificate is not None
    assert by_certificate.when == END
    by_secret = build(secret={"env": "S"}, secret_expires=date(2027, 1, 31)).expiry()
    assert by_secret is not None
    assert by_secret.when == datetime(2027, 1, 31, tzinfo=UTC)
    assert by_secret.what == "client secret of contoso"
    assert build(secret={"env": "S"}).expiry() is None


def test_files_others_can_read_are_named(directory: Path) -> None:
    secret = directory / "secret"
    secret.chmod(0o640)
    assert build(secret={"file": secret}).exposed_files() == []
    secret.chmod(0o644)
    assert build(secret={"file": secret}).exposed_files() == [secret]
    source = {"file": secret, "key_file": directory / "none", "passphrase": {"file": secret}}
    assert build(certificate=source).exposed_files() == [secret, secret]


def test_the_authority_is_the_cloud_s_unless_it_is_configured() -> None:
    assert build(secret={"env": "S"}).authority == "https://login.microsoftonline.com"
    assert build(secret={"env": "S"}, cloud="gcc-high").authority == "https://login.microsoftonline.us"
    assert build(secret={"env": "S"}, authority="https://localhost:8443/").authority == "https://localhost:8443"


def test_the_margin_follows_the_scope() -> None:
    credential = build(secret={"env": "S"})
    assert credential.margin("https://outlook.office365.com/.default") == 300
    assert credential.margin("https://outlook.office.com/.default") == 1200
    assert build(secret={"env": "S"}, cloud="dod").margin("") == 300


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "give exactly one of secret, certificate"),
        ({"secret": {"env": "A"}, "certificate": {"file": "/c"}}, "not secret and certificate"),
        ({"secret": {}}, "give exactly one of env, file, credential"),
        ({"secret": {"env": "A", "file": "/f"}}, "not env and file"),
        ({"secret": {"credential": "../../etc/shadow"}}, "pattern"),
        ({"secret": {"env": "A"}, "authority": "http://localhost"}, "never sent in clear"),
        ({"secret": {"env": "A"}, "authority": "https://login.microsoftonline.com@evil.example"}, "no user"),
        ({"secret": {"env": "A"}, "authority": "https://me:hush@localhost"}, "no user"),
        ({"secret": {"env": "A"}, "authority": "https://evil.example\\@localhost"}, "no user"),
        ({"secret": {"env": "A"}, "authority": "https://localhost?x=1"}, "no user, query"),
        ({"secret": {"env": "A"}, "authority": "https://localhost#x"}, "no user, query"),
        ({"secret": {"env": "A"}, "authority": "https://"}, "is an address"),
        ({"secret": {"env": "A"}, "cloud": "mars"}, "worldwide"),
        ({"secret": "hunter2"}, "valid dictionary"),
        ({"certificate": {}}, "give exactly one of file, credential"),
    ],
)
def test_settings_say_what_is_wrong(values: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        build(**values)


def test_places_are_named_for_people() -> None:
    assert str(SecretSource(env="A")) == "environment variable A"
    assert str(SecretSource(file=Path("/f"))) == "file /f"
    assert str(CertificateSource(credential="app")) == "systemd credential app"
