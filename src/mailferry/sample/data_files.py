"""The tables that the organisation is made from: words, products, kinds.

Leaves to others: choosing from them (organisation). Invariant: a table that names what does not exist is refused when
it is read, not when it is drawn.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

from mailferry.m365.facts import Text
from mailferry.sample.values import Auth, Disguise, Kind, Pattern, Product, State, Via


def text(pair: Sequence[str]) -> Text:
    return Text(pair[0], pair[1])


def _load(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files("mailferry.sample").joinpath("data", name).read_text(encoding="utf-8"))


@cache
def words() -> dict[str, Any]:
    """Names of the organisation, its sites, departments and people."""
    return _load("words.toml")


@cache
def products() -> dict[str, Product]:
    """Every product by its id in the knowledge base."""
    return {
        key: Product(
            id=key,
            host=entry["host"],
            ehlo=entry.get("ehlo", "{host}"),
            subjects=tuple(text(pair) for pair in entry["subjects"]),
            oauth=entry.get("oauth", ""),
            message_id=entry.get("message_id", ""),
            x_mailer=entry.get("x_mailer", ""),
            boundary=entry.get("boundary", ""),
            headers=tuple(entry.get("headers", ())),
            strong=frozenset(entry.get("strong", ())),
        )
        for key, entry in _load("products.toml").items()
    }


@cache
def kinds() -> tuple[Kind, ...]:
    """Every kind of client, in the order of the file."""
    return tuple(_kind(entry) for entry in _load("kinds.toml")["kind"])


@cache
def disguises() -> tuple[Disguise, ...]:
    """Every disguise, in the order of the file."""
    return tuple(_disguise(entry) for entry in _load("disguises.toml")["disguise"])


def _disguise(entry: dict[str, Any]) -> Disguise:
    worn = set(entry.get("products", ()))
    unknown = (worn - set(products())) | (set(entry["kinds"]) - {kind.key for kind in kinds()})
    if unknown:
        raise LookupError(f"disguises.toml: {entry['key']} names what there is not: {sorted(unknown)}")
    return Disguise(
        key=entry["key"],
        kinds=frozenset(entry["kinds"]),
        share=entry["share"],
        products=frozenset(worn),
        host=tuple(entry.get("host", ())),
        ehlo=entry.get("ehlo", ""),
        subjects=tuple(text(pair) for pair in entry.get("subjects", ())),
    )


def _kind(entry: dict[str, Any]) -> Kind:
    unknown = {*entry["products"], *entry.get("carries", ())} - set(products())
    if unknown:
        raise LookupError(f"kinds.toml: {entry['key']} names products that products.toml lacks: {sorted(unknown)}")
    usual, largest = entry["size"]
    return Kind(
        key=entry["key"],
        local=entry["local"],
        name=text(entry["name"]),
        department=entry["department"],
        products=tuple(entry["products"]),
        least=entry["least"],
        weight=entry["weight"],
        pattern=Pattern(entry["pattern"]),
        rate=(entry["rate"][0], entry["rate"][1]),
        size=(usual * 1024, largest * 1024),
        session=tuple(entry.get("session", (1, 2))),
        recipients=tuple(entry.get("recipients", (1, 2))),
        external=entry.get("external", 0.0),
        auth=Auth(entry.get("auth", "basic")),
        via=Via(entry.get("via", "submission")),
        tls=tuple(entry.get("tls", ("1.2",))),
        state=State(entry.get("state", "")),
        sites=tuple(entry.get("sites", ())),
        devices=tuple(entry.get("devices", (1, 1))),
        carries=tuple(entry.get("carries", ())),
    )
