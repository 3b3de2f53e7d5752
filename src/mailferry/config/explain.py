"""Validation errors in the words of whoever writes the configuration.

Leaves to others: where a key stands (document). Invariant: one sentence per key that is wrong, however many ways of
reading it failed; the value of a secret is never quoted.
"""

from __future__ import annotations

import difflib
import json
import re
import typing
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from mailferry.config.lines import Path
from mailferry.obs.redact import secret_key
from mailferry.tokens.settings import SecretSource

#: Path below the entry, what is wrong, what to do.
Explained = tuple[Path, str, str]

_KINDS = {
    "string_type": "a text in quotes",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list in [brackets]",
    "list_type": "a list in [brackets]",
    "path_type": "a file name in quotes",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "dict_type": "a table",
}
#: Of several errors for one key, the one that says most.
_TELLING = ("extra_forbidden", "missing", "unit", "value_error", "enum", "literal_error")


def explain(error: ValidationError, model: type[BaseModel], raw: Any) -> Iterator[Explained]:
    """One explanation for each key of `raw` that `model` refuses."""
    found: dict[Path, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        found.setdefault(_written_path(detail, raw), []).append(detail)
    for path, details in found.items():
        if any(other[: len(path)] == path and other != path for other in found) and path:
            continue  # a union: the reading that came further is the one that was meant
        detail = min(details, key=_telling)
        yield _explain_one(path, detail, model, raw)


def unknown_section(name: str, models: Mapping[str, type[BaseModel]]) -> tuple[str, str]:
    """What to say about a top-level key that is no section."""
    guess = _nearest(name, models)
    if guess is None:
        homes = [section for section, model in models.items() if name in model.model_fields]
        if homes:
            return "stands outside of any section", f"it is a key of [{homes[0]}]; move it below that line"
        return "is no section", f"the sections are {', '.join(models)}"
    return "is no section", f"did you mean {guess}?"


def _telling(detail: ErrorDetails) -> int:
    kind = detail["type"]
    return _TELLING.index(kind) if kind in _TELLING else len(_TELLING)


def _written_path(detail: ErrorDetails, raw: Any) -> Path:
    """The error's location without the names of union members that pydantic puts in."""
    path: Path = ()
    node = raw
    for step in detail["loc"]:
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            continue
        path = (*path, step)
    return (*path, detail["loc"][-1]) if detail["type"] == "missing" else path


def _explain_one(path: Path, detail: ErrorDetails, model: type[BaseModel], raw: Any) -> Explained:
    kind, value = detail["type"], _at(path, raw)
    owner, field = _owner(model, path)
    description = field.description or "" if field else ""
    if kind == "missing":
        return path, "is missing", description
    if kind == "extra_forbidden":
        return path, "is no setting of this section", _unknown_key(str(path[-1]), owner)
    if kind.startswith(("ip_v4_", "ip_v6_", "ip_any_")):
        return (path, *_network(value))
    if kind in ("enum", "literal_error"):
        return (
            path,
            f"must be {detail['ctx']['expected']}{_not(path, value)}",
            _nearest_value(detail, value) or description,
        )
    if isinstance(value, str) and field is not None and inner_model(field.annotation) is SecretSource:
        example = f'{path[-1]} = {{ file = "{path[-1]}.txt" }}'
        return path, "holds the secret itself", f"write the secret into a file of its own, and here {example}"
    if kind in _KINDS:
        return path, f"must be {_KINDS[kind]}{_not(path, value)}", description
    text = detail["msg"].removeprefix("Value error, ")
    text = re.sub(r"^Input should be ", "must be ", re.sub(r"^(?:Value|String|Tuple) should ", "must ", text))
    if path and owner is not None:
        what, _, cure = text.partition("; ")
        return path, what, cure or description
    return _explain_entry(text, raw, model)


def _explain_entry(text: str, raw: Any, model: type[BaseModel]) -> Explained:
    """An error of a whole entry points at the first key it names, where that is written. Its cure stands in the same
    sentence, or else is what that key means."""
    named = [word for word in re.findall(r"[a-z_]+", text) if word in model.model_fields and word != "name"]
    written = [name for name in named if isinstance(raw, dict) and name in raw]
    what, _, cure = text.partition("; ") if "; " in text else text.partition(": ")
    meaning = f"{named[0]}: {model.model_fields[named[0]].description}" if named else ""
    return tuple(written[:1]), what, cure or meaning


def _unknown_key(name: str, owner: type[BaseModel] | None) -> str:
    fields = list(owner.model_fields) if owner else []
    guess = _nearest(name, fields)
    return f"did you mean {guess}?" if guess else f"its settings are {', '.join(fields)}"


def _owner(model: type[BaseModel], path: Path) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """The model that holds the last key of `path`, and that key's field."""
    owner: type[BaseModel] | None = model
    field: FieldInfo | None = None
    names = [step for step in path if isinstance(step, str)]
    for position, name in enumerate(names):
        if owner is None:
            return None, None
        field = owner.model_fields.get(name)
        if position < len(names) - 1:
            owner = inner_model(field.annotation) if field else None
    return owner, field


def inner_model(annotation: Any) -> type[BaseModel] | None:
    """The model that a field of this type holds, if any."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in typing.get_args(annotation):
        if (found := inner_model(argument)) is not None:
            return found
    return None


def _at(path: Path, raw: Any) -> Any:
    for step in path:
        try:
            raw = raw[step]
        except (KeyError, IndexError, TypeError):
            return None
    return raw


def _not(path: Path, value: Any) -> str:
    """ ", not X" for a short plain value that is no secret."""
    if any(secret_key(str(step)) for step in path) or not isinstance(value, str | int | float):
        return ""
    text = json.dumps(value, ensure_ascii=False)
    return f", not {text}" if len(text) <= 60 else ""


def _network(value: Any) -> tuple[str, str]:
    if isinstance(value, str):
        try:
            return f"{value} has bits set behind its mask", f'did you mean "{ip_network(value, strict=False)}"?'
        except ValueError:
            return f'"{value}" is no network', 'write for example "192.0.2.0/24", "192.0.2.7" or "2001:db8::/32"'
    return "must be a network in quotes", 'write for example "192.0.2.0/24"'


def _nearest(name: str, names: typing.Iterable[str]) -> str | None:
    close = difflib.get_close_matches(name.lower().replace("-", "_"), list(names), n=1, cutoff=0.6)
    return close[0] if close else None


def _nearest_value(detail: ErrorDetails, value: Any) -> str:
    choices = re.findall(r"'([^']*)'", detail["ctx"]["expected"])
    if not isinstance(value, str):
        return f'write it in quotes: "{value}"' if str(value) in choices else ""
    guess = _nearest(value, choices)
    return f'did you mean "{guess}"?' if guess else ""
