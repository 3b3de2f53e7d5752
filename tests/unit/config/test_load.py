"""Loading as a whole: nothing that is written makes it fail in another way than by telling what is wrong."""

from __future__ import annotations

import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailferry.clock import ManualClock
from mailferry.config.load import ConfigurationError, examine, load_config
from mailferry.config.problem import Severity
from mailferry.config.starter import exchange_starter
from mailferry.config.template import render
from mailferry.config.toml import toml_value
from mailferry.config.validate import sections

GOOD = render(
    exchange_starter(host="g.example.test", state="state", domain="example.test", tenant_id="", client_id="a1")
)


def test_every_error_is_in_the_exception(tmp_path: Path) -> None:
    file = tmp_path / "m.toml"
    file.write_text(GOOD.replace("[routing]", "[routng]").replace('"starttls"', '"sometimes"'))
    with pytest.raises(ConfigurationError) as caught:
        load_config(file, {})
    assert len(caught.value.problems) == 2
    assert str(caught.value).count("\n") == 1


def test_warnings_do_not_stop_it(tmp_path: Path) -> None:
    file = tmp_path / "m.toml"
    file.write_text(GOOD.replace("g.example.test", "g"))
    assert load_config(file, {}).gateway.hostname == "g"
    assert [p.severity for p in examine(file, ManualClock(), {"SECRET": "x"}).warnings] == [Severity.WARNING]


def test_file_names_start_from_the_main_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/m.toml").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    config = load_config(Path("etc/m.toml"), {})
    assert config.gateway.state == tmp_path / "etc/state"
    secret = config.tenants[0].secret
    assert secret is not None
    assert secret.file == tmp_path / "etc/secrets/client-secret.txt"


def test_the_environment_overrides(tmp_path: Path) -> None:
    file = tmp_path / "m.toml"
    file.write_text(GOOD)
    config = load_config(
        file, {"MAILFERRY__GATEWAY__NODE": "7", "MAILFERRY__ROUTE__EXCHANGE__LIMITS__CONNECTIONS": "2"}
    )
    assert config.gateway.node == 7
    assert config.routes[0].limits.connections == 2


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-5, 10**6),
        st.floats(allow_nan=False),
        st.text(max_size=6),
        st.sampled_from(["5m", "1 MB", "9/minute", "anywhere", "*@a.example", "0.0.0.0/0", "a@b.example", "none", "a"]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["env", "file", "rate"]), inner),
    max_leaves=5,
)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """The good configuration with some settings of some sections set to anything."""
    data: dict[str, Any] = tomllib.loads(GOOD)
    data.pop("include")
    for _ in range(draw(st.integers(1, 6))):
        section = draw(st.sampled_from(list(sections())))
        name = draw(st.sampled_from([*section.model.model_fields, "unknown"]))
        if section.many:
            entries = data.setdefault(section.name, [])
            if not entries or draw(st.booleans()):
                entries.append({})
            draw(st.sampled_from(entries))[name] = draw(VALUES)
        else:
            data.setdefault(section.name, {})[name] = draw(VALUES)
    return "\n".join(f"{name} = {toml_value(value)}" for name, value in data.items())


@given(documents())
@settings(max_examples=60)
def test_anything_is_told_and_nothing_breaks(text: str) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "m.toml"
        file.write_text(text, encoding="utf-8")
        report = examine(file, ManualClock(), {})
        assert (report.config is None) >= any("is no setting" in problem.what for problem in report.problems)
        for problem in report.problems:
            assert problem.what
            assert str(problem.place).startswith(str(file))
