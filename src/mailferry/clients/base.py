"""The knowledge base: every product and family, read from data/*.toml and checked.

Leaves to others: one entry by itself (entries), matching (recognise). Invariant: what is loaded is whole: ids are
unique, what an entry names exists, strong patterns are shared within a family only, every source is cited. BrokenBase
names the file and the entry.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from mailferry.clients import entries
from mailferry.clients.product import Family, Product, Remark, Weight
from mailferry.clients.signs import Kind
from mailferry.m365.facts import Source

SOURCES, FAMILIES, REMARKS = "sources.toml", "families.toml", "remarks.toml"


class BrokenBase(ValueError):
    """The data cannot be used; the message names file, entry and fault."""


@dataclass(frozen=True, slots=True)
class KnowledgeBase:
    """All of it, by id."""

    products: Mapping[str, Product]
    families: Mapping[str, Family]
    remarks: tuple[Remark, ...] = ()
    members: Mapping[str, tuple[Product, ...]] = field(default_factory=dict)  # of each family

    def beneath(self, product: Product) -> Iterator[str]:
        """The ids of what it is built on, nearest first."""
        at = product.uses
        while at:
            yield at
            at = self.products[at].uses

    def built_on(self, id: str) -> tuple[Product, ...]:
        """The products that use this one directly."""
        return tuple(product for product in self.products.values() if product.uses == id)


@cache
def knowledge() -> KnowledgeBase:
    """The base that is part of the package."""
    folder = resources.files(__package__).joinpath("data")
    return parse(
        {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".toml")}
    )


def parse(files: Mapping[str, str]) -> KnowledgeBase:
    """The base from the texts of its files by name."""
    read = {name: _toml(name, files[name]) for name in sorted(files)}
    cite = _Cite(read.pop(SOURCES, {}).get("source", {}))
    families: dict[str, Family] = {}
    for entry in read.pop(FAMILIES, {}).get("family", []):
        with _placed(FAMILIES, entry, families):
            families[entry["id"]] = entries.family(entry)
    remarks: dict[str, Remark] = {}
    for entry in read.pop(REMARKS, {}).get("remark", []):
        with _placed(REMARKS, entry, remarks):
            remarks[entry["id"]] = entries.remark(entry, cite)
    products: dict[str, Product] = {}
    for name, content in read.items():
        for entry in content.get("product", []):
            with _placed(name, entry, products):
                products[entry["id"]] = entries.product(entry, cite)
    _check_families(products, families)
    _check_uses(products)
    cite.check()
    for product in products.values():
        families.setdefault(product.family, Family(product.family, product.name))
    members = {id: tuple(product for product in products.values() if product.family == id) for id in families}
    return KnowledgeBase(
        MappingProxyType(products), MappingProxyType(families), tuple(remarks.values()), MappingProxyType(members)
    )


def _toml(name: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BrokenBase(f"{name}: {error}") from error


@contextmanager
def _placed(name: str, entry: Mapping[str, Any], seen: Mapping[str, object]) -> Iterator[None]:
    """Where a fault is found is put before what it is."""
    id = str(entry.get("id", ""))
    if not id:
        raise BrokenBase(f"{name}: an entry has no id")
    if id in seen:
        raise BrokenBase(f"{name}: {id}: there is another entry of this id")
    try:
        yield
    except KeyError as error:
        raise BrokenBase(f"{name}: {id}: {error.args[0]} is missing") from error
    except (ValueError, TypeError) as error:
        raise BrokenBase(f"{name}: {id}: {error}") from error


class _Cite:
    """Sources by key; knows which were asked for."""

    def __init__(self, table: Mapping[str, Mapping[str, Any]]) -> None:
        self._sources: dict[str, Source] = {}
        for key, entry in table.items():
            with _placed(SOURCES, {"id": key}, self._sources):
                self._sources[key] = Source(key, **entry)
        self._unused = set(self._sources)

    def __call__(self, key: str) -> Source:
        if key not in self._sources:
            raise ValueError(f"the source {key} is not in {SOURCES}")
        self._unused.discard(key)
        return self._sources[key]

    def check(self) -> None:
        if self._unused:
            raise BrokenBase(f"{SOURCES}: {min(self._unused)}: nothing cites it")


def _check_families(products: Mapping[str, Product], families: Mapping[str, Family]) -> None:
    owners: dict[tuple[Kind, str, str], str] = {}
    for product in products.values():
        if product.family != product.id and product.family not in families:
            raise BrokenBase(f"{product.id}: its family {product.family} is not in {FAMILIES}")
        for mark in product.fingerprints:
            if mark.weight is Weight.STRONG:
                owner = owners.setdefault((mark.kind, mark.header, mark.pattern), product.family)
                if owner != product.family:
                    raise BrokenBase(f"{product.id}: shares {mark.pattern!r} with {owner}, which is another family")
    if twofold := set(families) & set(products):
        raise BrokenBase(f"{FAMILIES}: {min(twofold)}: a product has this id")
    if empty := set(families) - {product.family for product in products.values()}:
        raise BrokenBase(f"{FAMILIES}: {min(empty)}: no product belongs to it")


def _check_uses(products: Mapping[str, Product]) -> None:
    for product in products.values():
        seen, at = {product.id}, product.uses
        while at:
            if at not in products or at in seen:
                raise BrokenBase(f"{product.id}: it uses {at}, which is no product or uses it in turn")
            seen.add(at)
            at = products[at].uses
