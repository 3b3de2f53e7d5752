"""From the tree as written to validated settings, section by section, so that one bad entry hides no other.

Leaves to others: the words of an error (explain) and checks across sections (check).
Invariant: every entry of every section is validated exactly once, whatever else is wrong.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from mailferry.config.document import Document
from mailferry.config.explain import explain, unknown_section
from mailferry.config.lines import Path
from mailferry.config.schema import Config, TenantSettings
from mailferry.routes.settings import RoutingSettings

Settings = TypeVar("Settings", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Section:
    """One section of Config: its name in TOML, the model of an entry, whether it is an [[array]]."""

    name: str
    attribute: str
    model: type[BaseModel]
    many: bool
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Item(Generic[Settings]):
    """Validated settings and the path of the entry they came from."""

    path: Path
    value: Settings


def sections() -> Iterator[Section]:
    """The sections of Config, in their order."""
    for attribute, info in Config.model_fields.items():
        arguments = typing.get_args(info.annotation)
        model = typing.cast("type[BaseModel]", arguments[0] if arguments else info.annotation)
        description = (model.__doc__ or "").strip()
        yield Section(info.alias or attribute, attribute, model, bool(arguments), info.is_required(), description)


class View:
    """What of a configuration is valid, for checks that must work on what there is."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._items: dict[type[BaseModel], list[Item[Any]]] = {}
        self._complete: set[type[BaseModel]] = set()
        for section in sections():
            before = len(document.problems)
            self._items[section.model] = list(_entries(document, section))
            if len(document.problems) == before:
                self._complete.add(section.model)
        known = [section.name for section in sections()]
        for name in document.data:
            if name not in known:
                what, cure = unknown_section(name, {section.name: section.model for section in sections()})
                document.error(document.place((name,)), (name,), what, cure)

    def all(self, model: type[Settings]) -> list[Item[Settings]]:
        """The valid entries of an [[array]]."""
        return self._items[model]

    def one(self, model: type[Settings]) -> Item[Settings] | None:
        """The entry of a [table], None when it is not valid."""
        return next(iter(self._items[model]), None)

    def complete(self, *models: type[BaseModel]) -> bool:
        """Whether no entry of these sections was refused, so that what is missing really is."""
        return self._complete.issuperset(models)

    def accepted_domains(self, tenant: str | None = None) -> frozenset[str]:
        """The domains of one tenant, or all that are internal."""
        tenants = [item.value for item in self.all(TenantSettings)]
        found = frozenset(domain for one in tenants if tenant in (None, one.name) for domain in one.domains)
        routing = self.one(RoutingSettings) if tenant is None else None
        return found | frozenset(routing.value.internal_domains) if routing is not None else found

    def names(self, section: str) -> dict[str, list[Path]]:
        """Every name that entries of `section` give themselves, valid or not."""
        found: dict[str, list[Path]] = {}
        entries = self.document.data.get(section, [])
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            if isinstance(entry, dict) and isinstance(entry.get("name"), str):
                found.setdefault(entry["name"], []).append((section, index))
        return found

    def config(self) -> Config:
        """The whole; only when there was no error."""
        values: dict[str, Any] = {}
        for section in sections():
            items = [item.value for item in self._items[section.model]]
            values[section.attribute] = tuple(items) if section.many else items[0]
        return Config.model_validate(values)


def _entries(document: Document, section: Section) -> Iterator[Item[BaseModel]]:
    raw = document.data.get(section.name, [] if section.many else {})
    place = document.place((section.name,))
    if section.required and not raw:
        if not document.whole:
            return
        brackets = f"[[{section.name}]]" if section.many else f"[{section.name}]"
        document.error(place, (section.name,), "is missing", f"add a section {brackets}: {section.description}")
    elif section.many and isinstance(raw, list):
        for index, entry in enumerate(raw):
            yield from _entry(document, section, (section.name, index), entry)
    elif not section.many and isinstance(raw, dict):
        yield from _entry(document, section, (section.name,), raw)
    elif section.many:
        document.error(place, (section.name,), "may stand many times", f"write it as [[{section.name}]]")
    else:
        document.error(place, (section.name,), "stands once", f"write it as [{section.name}]")


def _entry(document: Document, section: Section, path: Path, raw: Any) -> Iterator[Item[BaseModel]]:
    try:
        value = section.model.model_validate(raw)
    except ValidationError as error:
        for at, what, cure in explain(error, section.model, raw):
            document.error(document.place((*path, *at)), (*path, *at), what, cure)
    else:
        yield Item(path, _absolute(value, document.folder))


def _absolute(value: Settings, folder: FilePath) -> Settings:
    """File names in settings start from the folder of the main file."""
    changed: dict[str, Any] = {}
    for name in type(value).model_fields:
        inner = getattr(value, name)
        if isinstance(inner, FilePath):
            changed[name] = folder / inner
        elif isinstance(inner, BaseModel):
            changed[name] = _absolute(inner, folder)
    return value.model_copy(update=changed) if changed else value
