"""Files and environment into one tree: includes, places, overrides."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailferry.config.document import read_document


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_arrays_grow_and_tables_gain(folder: Path) -> None:
    write(folder / "m.toml", 'include = ["d/*.toml", "x.toml"]\n[a]\nb = 1\n[[c]]\nname = "main"\n')
    write(folder / "d/1.toml", '[a]\nz = 3\n[[c]]\nname = "one"\n')
    write(folder / "d/2.toml", '\n\n[[c]]\nname = "two"\nlist = [\n 1,\n 2]\n')
    write(folder / "x.toml", '[new]\nkey = "value"\n')
    document = read_document(Path("m.toml"), {})
    assert document.problems == []
    assert document.data == {
        "a": {"b": 1, "z": 3},
        "c": [{"name": "main"}, {"name": "one"}, {"name": "two", "list": [1, 2]}],
        "new": {"key": "value"},
    }
    assert str(document.place(("c", 2, "list", 1))) == "d/2.toml:7"
    assert str(document.place(("a", "z"))) == "d/1.toml:2"
    assert str(document.place(("c", 0, "absent"))) == "m.toml:4"
    assert str(document.place(("absent",))) == "m.toml"


def test_a_pattern_may_match_nothing(folder: Path) -> None:
    write(folder / "m.toml", 'include = ["none/*.toml"]\n')
    assert read_document(Path("m.toml"), {}).problems == []


def test_absolute_include(folder: Path) -> None:
    write(folder / "d/1.toml", "[a]\nb = 1\n")
    write(folder / "m.toml", f'include = ["{folder}/d/*.toml"]\n')
    assert read_document(Path("m.toml"), {}).data == {"a": {"b": 1}}


def test_include_must_be_a_list(folder: Path) -> None:
    write(folder / "m.toml", 'include = "one.toml"\n')
    problem = read_document(Path("m.toml"), {}).problems[0]
    assert "must be a list" in problem.what
    assert problem.place.line == 1


def test_a_byte_order_mark_is_taken(folder: Path) -> None:
    (folder / "m.toml").write_bytes(b"\xef\xbb\xbf[a]\r\nb = 1\r\n")
    document = read_document(Path("m.toml"), {})
    assert document.data == {"a": {"b": 1}}
    assert str(document.place(("a", "b"))) == "m.toml:2"


def test_no_file(folder: Path) -> None:
    document = read_document(Path("m.toml"), {"MAILFERRY__A__B": "1"})
    assert [problem.what for problem in document.problems] == ["cannot be read: no such file or directory"]
    assert not document.whole


def test_environment(folder: Path) -> None:
    write(folder / "m.toml", '[a]\nb = 1\n[[c]]\nname = "exo-1"\n')
    environ = {
        "MAILFERRY__A__B": "2",
        "MAILFERRY__A__TEXT": "plain text",
        "MAILFERRY__A__LIST": '["x", "y"]',
        "MAILFERRY__C__EXO_1__HOST": "mail.example.test",
        "MAILFERRY__C__EXO_1__LIMITS__RATE": "5/minute",
        "MAILFERRY__NEW__FLAG": "true",
        "MAILFERRY_CONFIG": "not ours",
    }
    document = read_document(Path("m.toml"), environ)
    assert document.problems == []
    assert document.data == {
        "a": {"b": 2, "text": "plain text", "list": ["x", "y"]},
        "c": [{"name": "exo-1", "host": "mail.example.test", "limits": {"rate": "5/minute"}}],
        "new": {"flag": True},
    }
    assert str(document.place(("a", "b"))) == "environment variable MAILFERRY__A__B"
