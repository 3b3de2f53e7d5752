"""Which reader a file is for, by its content; and, for a file that none knows, what was looked for.

Leaves to others: reading (importing). Invariant: the name of a file decides nothing.
"""

from __future__ import annotations

import re

from mailferry.inventory.errors import NotAnExportError
from mailferry.inventory.names import places
from mailferry.inventory.readers import (
    casmailbox,
    eac,
    gateway,
    organization,
    owners,
    policy,
    postfix,
    receive,
    signin,
    trace,
    tracking,
    transport,
)
from mailferry.inventory.readers.base import Reader
from mailferry.inventory.sample import Sample, Shape

#: In the order in which they are asked: the most particular first.
READERS: tuple[Reader, ...] = tuple(
    each.READER
    for each in (
        postfix,
        gateway,
        signin,
        receive,
        tracking,
        trace,
        policy,
        organization,
        casmailbox,
        transport,
        eac,
        owners,
    )
)
BY_KIND = {reader.kind: reader for reader in READERS}


def recognise(name: str, sample: Sample) -> Reader | None:
    """The reader for the file; None for a companion that says nothing of mail. Raises NotAnExportError."""
    for reader in READERS:
        if reader.knows(sample):
            return reader
    if _companion(sample):
        return None
    if _message(sample):
        raise NotAnExportError(name, "this is a message, no export", cure="mailferry identify FILE says what sent it")
    raise NotAnExportError(name, f"this is no export that can be recognised; {_looked_for(sample)}", cure=_CURE)


_HEADER = re.compile(r"(?i)(?:received|return-path|from|to|date|message-id|subject|mime-version|x-[a-z-]+):")
_CURE = "docs/guides/inventory.md shows which exports are read and how each is made"


def _companion(sample: Sample) -> bool:
    """The *AuthDetails* file that the portal gives with a sign-in log: steps, without address or client."""
    return {"requestid", "authenticationmethod"} <= sample.names and "clientapp" not in sample.names


def _message(sample: Sample) -> bool:
    """Whether it begins as mail does (RFC 5322 section 3.6)."""
    return (
        bool(sample.lines and _HEADER.match(sample.lines[0])) and sum(map(bool, map(_HEADER.match, sample.lines))) > 1
    )


def _looked_for(sample: Sample) -> str:
    if sample.shape is Shape.LINES or not sample.header:
        return "its first lines are neither a table, nor JSON, nor an Exchange log with #Fields, nor a Postfix log"
    columns = ", ".join(name.strip() or "(blank)" for name in sample.header[:8])
    more = ", …" if len(sample.header) > 8 else ""
    near = _nearest(sample)
    return f"its columns are {columns}{more}" + (f"; {near}" if near else "")


def _nearest(sample: Sample) -> str:
    """The reader that misses least, and what it misses."""
    best: tuple[float, str] | None = None
    for reader in READERS:
        if not reader.known_by or sample.shape not in reader.shapes:
            continue
        found = places(sample.header, reader.fields)
        missing = [group for group in reader.known_by if not any(found[name] for name in group)]
        share = 1 - len(missing) / len(reader.known_by)
        if missing and share >= 0.5 and (best is None or share > best[0]):
            spelled = {field.name: field.spellings[0] for field in reader.fields}
            lacks = " and ".join(" or ".join(f'"{spelled[name]}"' for name in group) for group in missing)
            best = (share, f"for a {reader.label.en} the column {lacks} is missing")
    return best[1] if best else ""
