"""Every directory here holds a configuration that is wrong, and `expected-error`: exactly what `check` must say.

Each line of expected-error is a regular expression for one whole line of a problem, in the order in which they are
shown. A file `environment` holds variables, one NAME=value a line. Certificates and secrets that the configurations
name are made by `material`, so that no key lies in the repository and dates stand still.
"""

from __future__ import annotations

import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mailferry.clock import ManualClock, utc
from mailferry.config.load import Report, examine

HERE = Path(__file__).parent
NOW = 1_800_000_000.0  # 2027-01-15
HOST = "gateway.example.test"
CASES = sorted(path.parent for path in HERE.glob("c-*/mailferry.toml"))


def make_key() -> tuple[ec.EllipticCurvePrivateKey, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key, pem


def make_certificate(key: ec.EllipticCurvePrivateKey, host: str, days: int) -> bytes:
    """A certificate that ends `days` from NOW."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(utc(NOW) - timedelta(days=400))
    builder = builder.not_valid_after(utc(NOW) + timedelta(days=days))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the configurations name: certificates with their keys, and secrets."""
    folder = tmp_path_factory.mktemp("material")
    key, pem = make_key()
    for name, host, days in (
        ("good.pem", HOST, 300),
        ("expired.pem", HOST, -1),
        ("soon.pem", HOST, 10),
        ("other-host.pem", "*.fabrikam.example", 300),
    ):
        (folder / name).write_bytes(make_certificate(key, host, days) + pem)
    (folder / "certificate-only.pem").write_bytes(make_certificate(key, HOST, 300))
    (folder / "other-key.pem").write_bytes(make_key()[1])
    (folder / "secret.txt").write_text("a secret\n")
    (folder / "exposed.txt").write_text("a secret\n")
    for file in folder.iterdir():
        file.chmod(0o644 if file.name == "exposed.txt" else 0o600)
    return folder


def run(case: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    """Check a copy of the case, from within it, so that file names are short."""
    shutil.copytree(case, folder, dirs_exist_ok=True)
    environ = {}
    if (folder / "environment").exists():
        lines = (folder / "environment").read_text().splitlines()
        environ = {name: value for name, _, value in (line.partition("=") for line in lines)}
    monkeypatch.chdir(folder)
    return examine(Path("mailferry.toml"), ManualClock(NOW), environ)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_bad_configuration(case: Path, material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "case"
    shutil.copytree(material, folder)
    report = run(case, folder, monkeypatch)
    said = [str(problem).replace(str(folder), "DIR") for problem in report.problems]
    expected = (case / "expected-error").read_text(encoding="utf-8").splitlines()
    assert len(said) == len(expected), "\n".join(said)
    for line, pattern in zip(said, expected, strict=True):
        assert re.fullmatch(pattern, line), f"{line!r} does not match {pattern!r}"
    assert all(problem.cure for problem in report.problems), "every problem says what to do"
    assert all("abc~DEF" not in line and "Summer2026" not in line for line in said), "no secret is shown"


def test_there_are_cases() -> None:
    assert len(CASES) >= 25
