"""Writes docs/reference from the code: settings, commands, events, metrics. `docs.py --check` only compares.

Leaves to others: guides and concepts, which people write. Invariant: the same code gives the same text, whatever the
machine, its language and its terminal; what has no description stops it.
"""

from __future__ import annotations

import inspect
import re
import sys
import typing
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import typer
from prometheus_client.metrics import MetricWrapperBase
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mailferry.cli import output
from mailferry.cli.main import app
from mailferry.config.explain import inner_model
from mailferry.config.template import default_text
from mailferry.config.validate import Section, sections
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics, Tally

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
_NOTE = "<!-- Written by tools/docs.py; `make docs` writes it again. -->"


class Undocumented(Exception):
    """Something that users see has no description."""


def pages() -> dict[str, str]:
    """File name to text of every generated page."""
    writers: dict[str, Callable[[], Iterator[str]]] = {
        "configuration.md": _configuration,
        "cli.md": _commands,
        "events.md": _events,
        "metrics.md": _metrics,
    }
    return {name: "\n".join([_NOTE, "", *writer()]).rstrip() + "\n" for name, writer in writers.items()}


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |"
    yield ""


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


# -- settings ----------------------------------------------------------------------------------------------------------

_CONFIGURATION = """\
# Configuration

One TOML file, `mailferry.toml`; `mailferry init` writes one with every setting in it. `mailferry check` tells every
error at once, each with its file, line and what to do; the gateway refuses to start with any.

- **Sizes** are written `"35 MB"` (1 MB is 1,048,576 octets, as Exchange counts), **times** `"90s"`, `"5m"`, `"1h30m"`,
  `"30d"`, **rates** `"30/minute"`.
- **File names** start from the folder of the main file.
- **More files**: `include = ["clients.d/*.toml"]`, the first line of the main file. Their `[[sections]]` are added,
  their `[tables]` may add keys; a key that is set twice is an error.
- **Secrets** never stand in the file: `{ file = "…" }`, `{ env = "…" }` or `{ credential = "…" }` (systemd) say where
  they lie. Passwords of clients are Argon2 hashes; `mailferry account add` makes them.
- **Environment**: `MAILFERRY__SECTION__KEY` overrides a key of a table, `MAILFERRY__SECTION__NAME__KEY` a key of the
  entry with that name (in upper case, other signs than letters and digits as `_`), for example
  `MAILFERRY__ROUTE__EXCHANGE__PORT=587`.
- **Address patterns**: an address, `*@example.com`, `user@*`, `*`; `*` stands for any characters.
"""


def _configuration() -> Iterator[str]:
    yield _CONFIGURATION
    for section in sections():
        yield f"## {_header(section)}"
        yield ""
        yield section.description + (" Needed." if section.required else "")
        yield ""
        yield from _settings(section.name, section.model)


def _header(section: Section) -> str:
    return f"[[{section.name}]]" if section.many else f"[{section.name}]"


def _settings(where: str, model: type[BaseModel]) -> Iterator[str]:
    rows, inner = [], []
    for name, info in sorted(model.model_fields.items(), key=lambda item: item[0] != "name"):
        if not info.description:
            raise Undocumented(f"setting {where}.{name}")
        nested = inner_model(info.annotation)
        default = "needed" if info.is_required() else _code(default_text(info) or "")
        rows.append((_code(name), _kind(info), "" if nested else default, info.description))
        if nested is not None:
            inner.append((f"{where}.{name}", nested))
    yield from _table(("setting", "value", "default", "meaning"), rows)
    for path, nested in inner:
        yield f"### {path}"
        yield ""
        if nested.__doc__:
            yield inspect.cleandoc(nested.__doc__)
            yield ""
        yield from _settings(path, nested)


_KINDS = {
    "str": "text",
    "int": "number",
    "float": "number",
    "bool": "true or false",
    "Path": "file name",
    "date": "date",
}


def _kind(info: FieldInfo) -> str:
    """The kind of value in words."""
    formats = [getattr(item, "json_schema", {}).get("format") for item in info.metadata]
    words = next((word for word in formats if word), None)
    return {"duration": "time"}.get(words, words) if words else " or ".join(dict.fromkeys(_kinds(info.annotation)))


def _kinds(annotation: Any) -> Iterator[str]:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        formats = [getattr(item, "json_schema", {}).get("format") for item in annotation.__metadata__]
        known = next((word for word in formats if word), None)
        yield from [{"duration": "time"}.get(known, known)] if known else _kinds(arguments[0])
    elif origin is typing.Literal:
        yield from (_code(str(choice)) for choice in arguments)
    elif origin is tuple:
        yield "list of " + " or ".join(dict.fromkeys(_kinds(arguments[0]))) + "s"
    elif arguments:
        for argument in arguments:
            yield from _kinds(argument)
    elif isinstance(annotation, type) and issubclass(annotation, Enum):
        yield from (_code(str(choice.value)) for choice in annotation)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield "table"
    elif annotation is not type(None):
        name = getattr(annotation, "__name__", str(annotation))
        yield "network" if name.endswith("Network") else _KINDS.get(name, name)


# -- commands ----------------------------------------------------------------------------------------------------------

_CLI = """\
# Commands

Data goes to standard output, everything else to standard error; `--json` prints one JSON document. `--help` explains
every command.
"""


def _commands() -> Iterator[str]:
    yield _CLI
    yield "## Exit codes"
    yield ""
    codes = re.findall(r"^    ([A-Z]+) = (\d+)(?: +# (.*))?$", inspect.getsource(output.Exit), re.MULTILINE)
    meanings = {"OK": "done", "USAGE": "the command line is wrong", "CONFIGURATION": "the configuration is wrong"}
    yield from _table(("code", "meaning"), [(code, text or meanings[name]) for name, code, text in codes])
    yield from _command(typer.main.get_command(app), ("mailferry",))


def _command(command: Any, path: tuple[str, ...]) -> Iterator[str]:
    name = " ".join(path)
    if not command.help:
        raise Undocumented(f"command {name}")
    context = typer.Context(command, info_name=path[-1])
    yield f"## {name}"
    yield ""
    yield _help(command.help)
    yield ""
    pieces = [piece for piece in command.collect_usage_pieces(context) if piece]
    yield f"    {name} {' '.join(pieces)}"
    yield ""
    rows = [_parameter(name, parameter) for parameter in command.params if not getattr(parameter, "hidden", 0)]
    rows = [row for row in rows if row[0] != "`--install-completion`" and row[0] != "`--show-completion`"]
    if rows:
        yield from _table(("option", "default", "meaning"), rows)
    if hasattr(command, "list_commands"):
        for child in command.list_commands(context):
            inner = command.get_command(context, child)
            if inner is not None and not inner.hidden:
                yield from _command(inner, (*path, child))


def _parameter(command: str, parameter: Any) -> tuple[str, ...]:
    text = getattr(parameter, "help", None)
    if not text:
        raise Undocumented(f"option {parameter.name} of {command}")
    names = parameter.opts if parameter.param_type_name == "option" else [str(parameter.name).upper()]
    flag = getattr(parameter, "is_flag", False)
    default = parameter.default if not flag and not callable(parameter.default) else None
    shown = str(default.value if isinstance(default, Enum) else default) if default not in (None, "", []) else ""
    return ", ".join(_code(name) for name in names), _code(shown) or ("needed" if parameter.required else ""), text


def _help(text: str) -> str:
    """Help text as Markdown: rich's marks become Markdown's, an example its own block."""
    text = re.sub(r"\[bold\](.*?)\[/(?:bold)?\]", r"**\1**", inspect.cleandoc(text))
    return re.sub(r"\[/?[a-z ]+\]", "", text)


# -- events and metrics ------------------------------------------------------------------------------------------------

_EVENTS = """\
# Events of the mail log

One line an event, on standard error: JSON (`[log] format = "json"`) or for people (`"console"`). Each JSON line has
`time` (UTC), `level` and `event`, and the fields below. Secrets never appear: what looks like one is `[redacted]`.
Besides, `library` is what a library had to say (`logger`, `text`).
"""


def _events() -> Iterator[str]:
    yield _EVENTS
    rows = []
    for name, method in inspect.getmembers(MailLog, inspect.isfunction):
        if name.startswith("_"):
            continue
        if not method.__doc__:
            raise Undocumented(f"event {name}")
        rows += [(*said, inspect.cleandoc(method.__doc__)) for said in _said(name, method)]
    shown = {event: (level, fields, text) for event, level, fields, text in rows}
    table = [(_code(event), level, fields, text) for event, (level, fields, text) in sorted(shown.items())]
    yield from _table(("event", "level", "fields", "when"), table)


def _said(name: str, method: Callable[..., None]) -> Iterator[tuple[str, str, str]]:
    """Event, level and fields, seen by calling the method."""
    for truth in (False, True):
        lines: list[tuple[str, str, str]] = []

        def sink(level: str, event: str, fields: dict[str, Any], lines: list[tuple[str, str, str]] = lines) -> None:
            lines.append((event, level, ", ".join(_code(field) for field in fields)))

        samples = {"str": f"({name})", "int": 1, "float": 1.0, "bool": truth}
        signature = inspect.signature(method)
        values = [samples[p.annotation] for p in signature.parameters.values() if p.annotation in samples]
        method(MailLog(sink, Metrics()), *values)
        for event, level, fields in lines:
            free = event == f"({name})"
            yield ("any text" if level == "info" else "any text, error") if free else event, level, fields or "any"


_METRICS = """\
# Metrics

Served in Prometheus' text format at `/metrics` of `[metrics] address`; nowhere when that is not set.
"""


def _metrics() -> Iterator[str]:
    yield _METRICS
    rows = []
    for metric in vars(Metrics()).values():
        if not isinstance(metric, MetricWrapperBase | Tally):
            continue
        family = next(iter(metric.describe()))
        if not family.documentation:
            raise Undocumented(f"metric {family.name}")
        suffix = "_total" if family.type == "counter" else ""
        labels = ", ".join(_code(label) for label in getattr(metric, "_labelnames", ()))
        rows.append((_code(family.name + suffix), family.type, labels, family.documentation))
    yield from _table(("metric", "kind", "labels", "meaning"), sorted(rows))


def main() -> int:
    stale = []
    for name, text in pages().items():
        file = REFERENCE / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in sys.argv:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
    for name in stale:
        sys.stderr.write(f"docs/reference/{name} {'is stale' if '--check' in sys.argv else 'is written'}\n")
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
