"""The secrets and authorities of [bulletin] on this machine.

Leaves to others: whether its settings fit together (bulletin.settings). Invariants: no secret that is read here is kept
or shown; nothing here keeps a gateway from running, which needs none of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath

from mailferry.bulletin.settings import BulletinSettings
from mailferry.config.checks.finding import Finding, warning
from mailferry.config.lines import Path
from mailferry.config.validate import View
from mailferry.tokens.api import TokenError
from mailferry.tokens.secret import read_secret


def secrets(view: View, environ: Mapping[str, str]) -> Iterator[Finding]:
    item = view.one(BulletinSettings)
    if item is None:
        return
    found = item.value
    for section, key, source, cure in (
        ("wordpress", "password", found.wordpress.password, "nothing can be published without it"),
        ("mail", "password", found.mail.password, "no notice can be sent without it"),
        ("model", "key", found.model.key, "notices stay as they are without it"),
    ):
        if source is None:
            continue
        owner = f"bulletin.{section}"
        try:
            read_secret(source, environ, owner, key)
        except TokenError as problem:
            yield warning((*item.path, section, key), problem.cause.removeprefix(f"{owner}: "), cure)


def authorities(view: View) -> Iterator[tuple[Path, FilePath | None]]:
    """The authorities that the section names, with their places."""
    item = view.one(BulletinSettings)
    if item is None:
        return
    for section, settings in (
        ("wordpress", item.value.wordpress),
        ("mail", item.value.mail),
        ("model", item.value.model),
    ):
        yield (*item.path, section, "ca_file"), settings.ca_file
