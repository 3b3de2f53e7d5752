"""An entry of the data files as a value: keys, words and patterns checked.

Leaves to others: files, and what entries say of each other (base). Invariant: a key that means nothing, a word that is
none of its kind, a pattern that is unsafe or misses its example is a ValueError, a missing key a KeyError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mailferry.clients.patterns import BadPattern, compiled
from mailferry.clients.product import (
    Answer,
    Category,
    Confidence,
    Fallback,
    Family,
    Fingerprint,
    Flow,
    OAuth,
    Product,
    Remark,
    Weight,
)
from mailferry.clients.signs import Kind
from mailferry.m365.facts import Source, Text

Cite = Callable[[str], Source]


def _text(entry: Mapping[str, Any], name: str) -> Text:
    """`name` for both languages, or name_en and name_ja."""
    both = str(entry.get(name, ""))
    text = Text(str(entry.get(f"{name}_en", both)), str(entry.get(f"{name}_ja", both)))
    if bool(text.en) != bool(text.ja):
        raise ValueError(f"{name} is given in one language only")
    return text


def family(entry: Mapping[str, Any]) -> Family:
    """A family."""
    return Family(entry["id"], _text(entry, "name"), _text(entry, "settle"))


def remark(entry: Mapping[str, Any], cite: Cite) -> Remark:
    """A remark."""
    return Remark(entry["id"], _fingerprint(entry["sign"]), _text(entry, "text"), cite(entry["source"]))


_PRODUCT_KEYS = frozenset(
    (
        *("id", "name", "name_en", "name_ja", "vendor", "category", "family", "uses", "sign", "founded", "oauth"),
        *("oauth_confidence", "since", "since_en", "since_ja", "flows", "graph", "setup_en", "setup_ja", "note_en"),
        *("note_ja", "fallback", "sources"),
    )
)
_SIGN_KEYS = frozenset(("kind", "weight", "match", "contains", "header", "example"))


def _known(entry: Mapping[str, Any], keys: frozenset[str]) -> None:
    if strange := sorted(set(entry) - keys):
        raise ValueError(f"{strange[0]} is not a key of an entry")


def product(entry: Mapping[str, Any], cite: Cite) -> Product:
    """A product."""
    _known(entry, _PRODUCT_KEYS)
    sources = tuple(cite(key) for key in entry["sources"])
    fallbacks = tuple(Fallback(way) for way in entry["fallback"])
    name = _text(entry, "name")
    if not (sources and fallbacks and name.en and entry["vendor"]):
        raise ValueError("name, vendor, sources and fallback may not be empty")
    return Product(
        id=entry["id"],
        name=name,
        vendor=entry["vendor"],
        category=Category(entry["category"]),
        family=entry.get("family", entry["id"]),
        uses=entry.get("uses", ""),
        fingerprints=tuple(_fingerprint(sign) for sign in entry.get("sign", [])),
        founded=Confidence(entry.get("founded", "low")),
        oauth=OAuth(
            Answer(entry["oauth"]),
            Answer(entry["graph"]),
            Confidence(entry["oauth_confidence"]),
            _text(entry, "since"),
            tuple(Flow(flow) for flow in entry.get("flows", [])),
        ),
        setup=_text(entry, "setup"),
        note=_text(entry, "note"),
        fallbacks=fallbacks,
        sources=sources,
    )


def _fingerprint(sign: Mapping[str, Any]) -> Fingerprint:
    _known(sign, _SIGN_KEYS)
    kind, header = Kind(sign["kind"]), str(sign.get("header", "")).lower()
    if (kind is Kind.HEADER) != bool(header):
        raise ValueError("header belongs to the kind header, and only to it")
    if "match" in sign and "contains" in sign:
        raise ValueError("a sign has match or contains, not both")
    literal = "contains" in sign
    pattern = str(sign["contains"] if literal else sign.get("match", "") if header else sign["match"])
    found = Fingerprint(kind, Weight(sign["weight"]), pattern, sign["example"], header, literal)
    if not matches(found, found.example):
        raise ValueError(f"the example {found.example!r} does not match {pattern!r}")
    return found


def matches(fingerprint: Fingerprint, value: str) -> bool:
    """Whether the value shows it. For one value; many go through a Recogniser."""
    if fingerprint.literal:
        return fingerprint.pattern.lower() in value.lower()
    try:
        return not fingerprint.pattern or compiled(fingerprint.pattern).match(value) is not None
    except BadPattern as error:
        raise ValueError(f"pattern {fingerprint.pattern!r}: {error}") from error
