"""The templates of the papers.

Leaves to others: what is filled in. Invariants: a page escapes whatever is filled in; a name that is missing is an
error, never an empty place.
"""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape


@cache
def page_templates() -> Environment:
    """Templates whose output is HTML."""
    environment = _environment(escapes=True)
    environment.filters["prose"] = prose
    return environment


@cache
def text_templates() -> Environment:
    """Templates whose output is plain text."""
    return _environment(escapes=False)


def prose(text: str) -> Markup:
    """A text of ours as HTML: escaped, with what stands between backticks as code."""
    pieces = [escape(piece) for piece in text.split("`")]
    if len(pieces) % 2 == 0:  # one that is not closed is no mark
        return escape(text)
    code = Markup("<code>{}</code>")
    return Markup("").join(code.format(piece) if number % 2 else piece for number, piece in enumerate(pieces))


def _environment(*, escapes: bool) -> Environment:
    return Environment(
        loader=PackageLoader("mailferry.planner.papers"),
        autoescape=escapes,  # noqa: S701 - off for plain text only
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
