"""TLS contexts, old versions, the self-signed certificate, reload."""

from __future__ import annotations

import ssl
import stat
import warnings
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from mailferry.clock import ManualClock
from mailferry.listener import certificates
from mailferry.listener import tls as module
from mailferry.listener.settings import ListenerSettings, TlsSettings, TlsVersion
from mailferry.listener.tls import CertificateFiles, Contexts, TlsError, make_context, version_works


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    return issue(tmp_path, "gw.example.test")


def issue(directory: Path, name: str) -> CertificateFiles:
    """A certificate of a test CA, chain and key in files of their own."""
    directory.mkdir(exist_ok=True)
    made = trustme.CA().issue_cert(name)
    certificate, key = directory / "chain.pem", directory / "key.pem"
    certificate.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
    key.write_bytes(made.private_key_pem.bytes())
    return CertificateFiles(certificate, key)


def handshake(
    server: ssl.SSLContext, lowest: ssl.TLSVersion, highest: ssl.TLSVersion, ciphers: str = "DEFAULT:@SECLEVEL=0"
) -> tuple[str | None, bytes]:
    """The version agreed on and the certificate shown, in memory. Raises ssl.SSLError."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client.minimum_version, client.maximum_version = lowest, highest
    if lowest < ssl.TLSVersion.TLSv1_2:
        client.set_ciphers(ciphers)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server)
    far = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(6):
        for end in (near, far):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return near.version(), near.getpeercert(binary_form=True) or b""


V = ssl.TLSVersion


def test_the_floor_holds(files: CertificateFiles) -> None:
    """By default nothing below 1.2, whatever the client offers."""
    context = make_context(files, TlsVersion.V1_2)
    assert handshake(context, V.TLSv1_2, V.TLSv1_2)[0] == "TLSv1.2"
    assert handshake(context, V.TLSv1_2, V.TLSv1_3)[0] == "TLSv1.3"
    with pytest.raises(ssl.SSLError):
        handshake(context, V.TLSv1, V.TLSv1_1)
    with pytest.raises(ssl.SSLError):
        handshake(make_context(files, TlsVersion.V1_3), V.TLSv1_2, V.TLSv1_2)


def bare_context(files: CertificateFiles, version: V) -> ssl.SSLContext:
    """A server that speaks `version` alone, made without the code under test."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    context.load_cert_chain(files.certificate, files.key)
    return context


def test_old_versions_are_judged_by_trying(files: CertificateFiles) -> None:
    """The judgement agrees with a context made without the code under test, whatever this machine can do."""
    for minimum, version in ((TlsVersion.V1_0, V.TLSv1), (TlsVersion.V1_1, V.TLSv1_1)):
        try:
            handshake(bare_context(files, version), version, version)
        except (ssl.SSLError, ValueError):
            assert not version_works(minimum, files)
        else:
            assert version_works(minimum, files)


@pytest.mark.parametrize(("minimum", "version"), [(TlsVersion.V1_0, V.TLSv1), (TlsVersion.V1_1, V.TLSv1_1)])
def test_old_versions_by_explicit_choice(files: CertificateFiles, minimum: TlsVersion, version: V) -> None:
    """What version_works promises, a real handshake keeps; modern clients still get the newest."""
    if not version_works(minimum, files):  # then a context that owes us nothing must fail as well
        with pytest.raises((ssl.SSLError, ValueError)):
            handshake(bare_context(files, version), version, version)
        return
    context = make_context(files, minimum)
    assert handshake(context, version, version)[0] == {V.TLSv1: "TLSv1", V.TLSv1_1: "TLSv1.1"}[version]
    assert handshake(context, V.TLSv1_2, V.TLSv1_3)[0] == "TLSv1.3"


def test_a_version_that_this_openssl_cannot_speak_refuses_to_start(
    files: CertificateFiles, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told at start, not when the printer fails."""
    monkeypatch.setattr(module, "version_works", lambda version, files: False)
    listener = ListenerSettings(
        name="old", address=":25", minimum_tls="1.0", certificate=files.certificate, key=files.key
    )
    contexts = Contexts([listener], TlsSettings(), tmp_path, "gw.example.test", clock)
    with pytest.raises(TlsError, match=r"'old' asks for TLS 1\.0 and OpenSSL"):
        contexts.load()


def test_version_works_blames_the_right_thing(tmp_path: Path) -> None:
    """A broken certificate is not a version that cannot be spoken."""
    files = issue(tmp_path, "a.example")
    assert version_works(TlsVersion.V1_2, files)
    files.certificate.write_text("no certificate")
    with pytest.raises(TlsError, match="cannot be used"):
        version_works(TlsVersion.V1_2, files)


def test_the_self_signed_certificate_serves_old_devices_too(tmp_path: Path, clock: ManualClock) -> None:
    """A device of TLS 1.0 that knows RSA only gets an RSA certificate; the others get P-256."""
    listener = ListenerSettings(name="old", address=":25", minimum_tls="1.0")
    contexts = Contexts([listener], TlsSettings(), tmp_path, "gw.example.test", clock)
    try:
        contexts.load()
    except TlsError:
        pytest.skip(f"{ssl.OPENSSL_VERSION} cannot speak TLS 1.0")
    context = contexts.of("old")
    assert context is not None
    old = x509.load_der_x509_certificate(handshake(context, V.TLSv1, V.TLSv1, "AES128-SHA:@SECLEVEL=0")[1])
    assert isinstance(old.public_key(), rsa.RSAPublicKey)
    new = x509.load_der_x509_certificate(handshake(context, V.TLSv1_2, V.TLSv1_3)[1])
    assert isinstance(new.public_key(), ec.EllipticCurvePublicKey)


def test_errors_are_for_the_administrator(tmp_path: Path, files: CertificateFiles) -> None:
    """The file is named; an encrypted key does not ask a terminal."""
    missing = CertificateFiles(tmp_path / "none.pem", None)
    with pytest.raises(TlsError, match=r"none\.pem does not exist"):
        make_context(missing, TlsVersion.V1_2)
    with pytest.raises(TlsError, match=r"nokey\.pem does not exist"):
        make_context(CertificateFiles(files.certificate, tmp_path / "nokey.pem"), TlsVersion.V1_2)
    other = issue(tmp_path / "other", "b.example")
    with pytest.raises(TlsError, match="cannot be used"):
        make_context(CertificateFiles(files.certificate, other.key), TlsVersion.V1_2)


def test_an_encrypted_key_is_refused(tmp_path: Path) -> None:
    files = issue(tmp_path, "a.example")
    key = ec.generate_private_key(ec.SECP256R1())
    assert files.key is not None
    files.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")))
    with pytest.raises(TlsError, match="without a passphrase"):
        make_context(files, TlsVersion.V1_2)


def test_self_signed_at_first_start(tmp_path: Path, clock: ManualClock) -> None:
    """P-256, our name in it, the key for its owner alone, and the same file at the next start."""
    state = tmp_path / "state"
    path = certificates.ensure(state, "gw.example.test", clock)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["gw.example.test"]
    before = path.read_bytes()
    assert certificates.ensure(state, "gw.example.test", clock).read_bytes() == before
    assert sorted(one.name for one in path.parent.iterdir()) == ["self-signed.pem"]
    handshake(make_context(CertificateFiles(path, None), TlsVersion.V1_2), V.TLSv1_2, V.TLSv1_3)


def test_self_signed_is_renewed(tmp_path: Path, clock: ManualClock) -> None:
    """For another name, near its end, and when the file is no certificate."""
    path = certificates.ensure(tmp_path, "a.example", clock)
    first = path.read_bytes()
    second = certificates.ensure(tmp_path, "192.0.2.1", clock).read_bytes()
    assert second != first
    clock.advance(800 * 86_400)
    third = certificates.ensure(tmp_path, "192.0.2.1", clock).read_bytes()
    assert third != second
    assert certificates.expiry(path) > clock.time() + 800 * 86_400
    path.write_text("broken")
    assert certificates.ensure(tmp_path, "192.0.2.1", clock).read_bytes() != third


def test_contexts_choose_the_certificate(files: CertificateFiles, tmp_path: Path, clock: ManualClock) -> None:
    """The listener's own, else [tls], else the self-signed; none without TLS."""
    own = issue(tmp_path / "own", "own.example.test")
    listeners = [
        ListenerSettings(name="own", address=":1", certificate=own.certificate, key=own.key),
        ListenerSettings(name="shared", address=":2"),
        ListenerSettings(name="clear", address=":3", tls="none", authentication="none"),
    ]
    shared = Contexts(
        listeners, TlsSettings(certificate=files.certificate, key=files.key), tmp_path, "gw.example.test", clock
    )
    shared.load()
    assert shown(shared, "own") == "own.example.test"
    assert shown(shared, "shared") == "gw.example.test"
    assert shared.of("clear") is None
    assert shared.self_signed is None
    assert set(shared.expiries()) == {"own", "shared"}
    alone = Contexts(listeners, TlsSettings(), tmp_path / "state", "self.example.test", clock)
    alone.load()
    assert shown(alone, "shared") == "self.example.test"
    assert alone.self_signed is not None


def shown(contexts: Contexts, listener: str) -> str:
    """The name in the certificate that a client of the listener sees."""
    context = contexts.of(listener)
    assert context is not None
    certificate = x509.load_der_x509_certificate(handshake(context, V.TLSv1_2, V.TLSv1_3)[1])
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return str(names.get_values_for_type(x509.DNSName)[0])


def test_reload(files: CertificateFiles, tmp_path: Path, clock: ManualClock) -> None:
    """The next handshake shows the new certificate; a broken one leaves the old at work."""
    listener = ListenerSettings(name="l", address=":1", certificate=files.certificate, key=files.key)
    contexts = Contexts([listener], TlsSettings(), tmp_path, "gw.example.test", clock)
    contexts.load()
    issue(tmp_path, "new.example.test")
    contexts.load()
    assert shown(contexts, "l") == "new.example.test"
    files.certificate.write_text("half written")
    with pytest.raises(TlsError):
        contexts.load()
    assert shown(contexts, "l") == "new.example.test"
