"""The templates of the papers.

Leaves to others: what is filled in. Invariants: a page escapes whatever is filled in; a name that is missing is an
error, never an empty place.
"""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def page_templates() -> Environment:
    """Templates whose output is HTML."""
    return _environment(escape=True)


@cache
def text_templates() -> Environment:
    """Templates whose output is plain text."""
    return _environment(escape=False)


def _environment(*, escape: bool) -> Environment:
    return Environment(
        loader=PackageLoader("mailferry.planner.papers"),
        autoescape=escape,  # noqa: S701 - off for plain text only
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
