"""Sign-ins on disk: what is kept, what cannot be read and by whom, what a crash leaves, what two writers do."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from mailferry.tokens import vault as vault_module
from mailferry.tokens.api import TokenRefused, TokenUnavailable
from support.identities import kept, key, vault_in

TOKEN = kept().refresh_token


def test_what_is_kept_comes_back_and_is_not_in_the_file(tmp_path: Path) -> None:
    vault = vault_in(tmp_path / "vault")
    vault.save("contoso", kept())
    assert vault.load("contoso") == kept()
    written = b"".join(path.read_bytes() for path in (tmp_path / "vault").iterdir())
    assert TOKEN.encode() not in written
    assert b"erp@" not in written
    assert TOKEN not in repr(kept()) + repr(vault) + repr(vault.keys)


def test_files_are_the_owners_alone(tmp_path: Path) -> None:
    vault = vault_in(tmp_path / "vault")
    vault.save("contoso", kept())
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "vault").iterdir()}
    assert set(modes.values()) == {0o600}
    assert set(modes) == {"key", ".lock", "sign-in-contoso.json"}
    assert (tmp_path / "vault").stat().st_mode & 0o777 == 0o700


def test_the_key_is_made_once(tmp_path: Path) -> None:
    vault = vault_in(tmp_path)
    vault.save("contoso", kept())
    made = (tmp_path / "key").read_bytes()
    assert len(base64.b64decode(made)) == 32
    vault_in(tmp_path).save("fabrikam", kept())
    assert (tmp_path / "key").read_bytes() == made


def test_another_key_is_said_and_nothing_is_deleted(tmp_path: Path) -> None:
    vault_in(tmp_path, KEY=key("a")).save("contoso", kept())
    other = vault_in(tmp_path, KEY=key("b"))
    before = other.file("contoso").read_bytes()
    with pytest.raises(TokenRefused) as refused:
        other.load("contoso")
    assert "encrypted with another key" in refused.value.cause
    assert "environment variable KEY" in refused.value.cause
    assert refused.value.cause.endswith("sign in again: mailferry login contoso")
    assert other.file("contoso").read_bytes() == before


def test_a_new_sign_in_sets_the_unreadable_one_aside(tmp_path: Path) -> None:
    first = vault_in(tmp_path, KEY=key("a"))
    first.save("contoso", kept())
    other = vault_in(tmp_path, KEY=key("b"))
    aside = other.save("contoso", kept(id="second"))
    assert aside is not None
    assert other.load("contoso").id == "second"
    aside.rename(first.file("contoso"))
    assert first.load("contoso").id == "first", "who finds the old key has it still"
    assert first.save("contoso", kept(id="third")) is None, "what can be read is only replaced"


def test_what_cannot_be_replaced_stays_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = vault_in(tmp_path, KEY=key("a"))
    first.save("contoso", kept())
    with pytest.raises(TokenRefused, match="not 32 octets"):
        vault_in(tmp_path, KEY="a key that is none").save("contoso", kept(id="second"))

    def full(_: int) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(vault_module.os, "fsync", full)
        with pytest.raises(TokenUnavailable):
            vault_in(tmp_path, KEY=key("b")).save("contoso", kept(id="second"))
    assert first.load("contoso").id == "first"


def test_keys_are_rotated(tmp_path: Path) -> None:
    vault_in(tmp_path, KEY=key("a")).save("contoso", kept())
    rotated = vault_in(tmp_path, KEY=key("b"), OLD=key("a"))
    held = rotated.load("contoso")
    assert not rotated.current("contoso")
    assert rotated.replace("contoso", held, kept(renewed=2000.0))
    assert rotated.current("contoso")
    assert vault_in(tmp_path, KEY=key("b")).load("contoso").renewed == 2000.0, "the old one can go"


def test_one_tenants_file_is_not_anothers(tmp_path: Path) -> None:
    vault = vault_in(tmp_path)
    vault.save("contoso", kept())
    vault.file("fabrikam").write_bytes(vault.file("contoso").read_bytes())
    with pytest.raises(TokenRefused, match="damaged or another's"):
        vault.load("fabrikam")


@pytest.mark.parametrize("damage", [b"", b"{}", b"[]", b'{"version": 2}', b"\xff\xfe", b'{"version": 1, "key": 1}'])
def test_a_damaged_file_is_said(tmp_path: Path, damage: bytes) -> None:
    vault = vault_in(tmp_path)
    vault.save("contoso", kept())
    vault.file("contoso").write_bytes(damage)
    with pytest.raises(TokenRefused, match="is damaged; sign in again: mailferry login contoso"):
        vault.load("contoso")


def test_an_altered_octet_is_found(tmp_path: Path) -> None:
    vault = vault_in(tmp_path)
    vault.save("contoso", kept())
    text = vault.file("contoso").read_text()
    at = text.index('"sealed": "') + 20
    vault.file("contoso").write_text(text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :])
    with pytest.raises(TokenRefused, match="damaged"):
        vault.load("contoso")


def test_nobody_has_signed_in(tmp_path: Path) -> None:
    with pytest.raises(TokenRefused, match="nobody has signed in yet; run: mailferry login contoso"):
        vault_in(tmp_path).load("contoso")


@pytest.mark.parametrize("text", ["short", "", "not base64 at all!", base64.b64encode(b"x" * 16).decode()])
def test_what_is_no_key(tmp_path: Path, text: str) -> None:
    with pytest.raises(TokenRefused) as refused:
        vault_in(tmp_path, KEY=text or " ").save("contoso", kept())
    assert text not in refused.value.cause or not text
    assert not vault_in(tmp_path).file("contoso").exists()


def test_url_safe_keys_are_taken(tmp_path: Path) -> None:
    standard = base64.b64encode(b"\xff\xfe\xfb" * 10 + b"\xff\xff").decode()
    vault_in(tmp_path, KEY=standard).save("contoso", kept())
    safe = standard.replace("+", "-").replace("/", "_")
    assert vault_in(tmp_path, KEY=safe).load("contoso") == kept()


def test_a_renewal_never_writes_over_a_newer_sign_in(tmp_path: Path) -> None:
    vault = vault_in(tmp_path)
    vault.save("contoso", kept())
    used = vault.load("contoso")
    vault.save("contoso", kept(id="second", refresh_token="1.newer"))
    assert not vault.replace("contoso", used, kept(refresh_token="1.renewed"))
    assert vault.load("contoso").refresh_token == "1.newer"


class PowerCut(BaseException):
    pass


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_a_power_cut_leaves_the_old_or_the_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    vault = vault_in(tmp_path)
    vault.save("contoso", kept())
    calls: list[str] = []

    def cut(*_: object, **__: object) -> None:
        raise PowerCut

    def sync(descriptor: int) -> None:
        calls.append("fsync")
        if step == "fsync":
            raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(vault_module.os, "fsync", sync)
        if step == "write":
            patch.setattr(vault_module.os, "fdopen", cut)
        if step == "replace":
            patch.setattr(Path, "replace", cut)
        with pytest.raises(PowerCut):
            vault.replace("contoso", kept(), kept(refresh_token="1.renewed"))
    assert vault.load("contoso").refresh_token == TOKEN
    if step == "replace":
        assert calls == ["fsync"], "synced before it takes the old one's place"
    vault.replace("contoso", kept(), kept(refresh_token="1.renewed"))
    assert vault.load("contoso").refresh_token == "1.renewed"


def test_a_full_disk_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = vault_in(tmp_path)
    vault.save("contoso", kept())

    def full(_: int) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(vault_module.os, "fsync", full)
        with pytest.raises(TokenUnavailable, match="No space left"):
            vault.save("contoso", kept(id="second"))
    assert vault.load("contoso").id == "first"


@pytest.mark.parametrize("name", ["a/b", "..", "日本", "a b"])
def test_names_of_tenants_stay_in_the_directory(tmp_path: Path, name: str) -> None:
    vault = vault_in(tmp_path)
    vault.save(name, kept())
    assert vault.file(name).parent == tmp_path
    assert vault.load(name) == kept()


def test_root_writes_through_no_link_of_the_services_user(tmp_path: Path) -> None:
    vault, outside = vault_in(tmp_path / "vault"), tmp_path / "shadow"
    outside.write_text("untouched")
    (tmp_path / "vault").mkdir()
    for number in range(3):
        (tmp_path / f"vault/.sign-in-contoso.json.{number}.new").symlink_to(outside)
    vault.save("contoso", kept())
    assert vault.load("contoso") == kept()
    assert outside.read_text() == "untouched"
    assert sorted(path.name for path in (tmp_path / "vault").iterdir()) == [".lock", "key", "sign-in-contoso.json"]
    (tmp_path / "vault/.lock").unlink()
    (tmp_path / "vault/.lock").symlink_to(tmp_path / "made")
    with pytest.raises(TokenUnavailable):
        vault.save("contoso", kept())
    assert not (tmp_path / "made").exists()
