"""A configuration as text with every setting in it, explained: written from the settings' own descriptions.

Leaves to others: which values a first configuration has (starter). Invariants: what is active loads as given; each
commented setting shows its default, so that removing the # changes nothing.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from mailferry.config.document import INCLUDE
from mailferry.config.explain import inner_model
from mailferry.config.toml import toml_value
from mailferry.config.validate import Section, sections

#: Section name to its entries; a [table] has one.
Values = Mapping[str, Sequence[Mapping[str, object]]]

_WIDTH = 118
_HEAD = (
    "Mailferry configuration. Every setting is here; those behind a # show their default.",
    'Sizes: "35 MB". Times: "90s", "5m", "2h", "30d". Rates: "30/minute". Relative file names start from this file.',
    "After a change: mailferry check",
)


def render(values: Values, include: Sequence[str] = ("clients.d/*.toml",)) -> str:
    """The text of a configuration with `values` set."""
    lines = [f"# {line}" for line in _HEAD]
    lines += ["", "# Further files whose sections are added to these.", f"{INCLUDE} = {toml_value(list(include))}"]
    for section in sections():
        lines += ["", *_section(section, values.get(section.name, ()))]
    return "\n".join(lines) + "\n"


def default_text(info: FieldInfo) -> str | None:
    """A field's default as TOML; None when there is none or it means "absent"."""
    if info.is_required() or (default := info.get_default(call_default_factory=True)) is None:
        return None
    annotation: Any = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
    plain = TypeAdapter(annotation).dump_python(default, mode="json", exclude_none=True)
    return toml_value(plain)


def _section(section: Section, entries: Sequence[Mapping[str, object]]) -> Iterator[str]:
    yield from _prose(section.description)
    header = f"[[{section.name}]]" if section.many else f"[{section.name}]"
    if not entries:
        yield header if not section.many else f"#{header}"
        yield from _fields(section.model, {})
    for number, entry in enumerate(entries):
        if number:
            yield ""
        yield header
        if number:  # the settings are explained once
            yield from (f"{name} = {toml_value(value)}" for name, value in entry.items())
        else:
            yield from _fields(section.model, entry)


def _fields(model: type[BaseModel], entry: Mapping[str, object]) -> Iterator[str]:
    ordered = sorted(model.model_fields.items(), key=lambda item: item[0] != "name")
    for name, info in ordered:
        yield from _prose(info.description or "")
        inner = inner_model(info.annotation)
        if name in entry:
            yield f"{name} = {toml_value(entry[name])}"
        elif inner is not None:
            for key, field in inner.model_fields.items():
                yield from _prose(field.description or "")
                yield f"#{name}.{key} = {default_text(field) or '...'}"
        else:
            yield f"#{name} = {default_text(info) or '...'}"


def _prose(text: str) -> list[str]:
    lines = " ".join(text.split())
    return [f"# {line}" for line in textwrap.wrap(lines, _WIDTH - 2)]
