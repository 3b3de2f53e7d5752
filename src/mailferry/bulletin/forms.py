"""A notice as text in the form somebody needs: WordPress, HTML, Markdown, plain text, Teams.

Leaves to others: mail (letter) and the rules for HTML (clean). Invariant: HTML comes out of templates that escape, and
was checked; a form holds all that the notice says, or is refused.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

from mailferry.bulletin.card import card
from mailferry.bulletin.clean import checked
from mailferry.bulletin.notice import Block, Notice, pieces
from mailferry.bulletin.post import Post

if TYPE_CHECKING:
    from jinja2 import Environment

#: Bullets of plain text by language.
_BULLETS = {"en": {"heading": "* ", "entry": "- "}, "ja": {"heading": "■ ", "entry": "・"}}


class Form(StrEnum):
    """The forms of a notice that `mailferry bulletin` prints."""

    WORDPRESS = "wordpress"
    MARKDOWN = "markdown"
    HTML = "html"
    TEXT = "text"
    TEAMS = "teams"
    MAIL = "mail"


def post(notice: Notice, status: str = "draft") -> Post:
    """The notice as a WordPress post."""
    return Post(_bare(notice.title), content(notice), status)


def wordpress(notice: Notice, status: str = "draft") -> str:
    return _json(post(notice, status).document())


def teams(notice: Notice) -> str:
    return _json(card(notice))


def content(notice: Notice) -> str:
    """The blocks as clean HTML, without the title. Raises Unclean."""
    return checked(_render("blocks.html.j2", notice).strip() + "\n")


def html(notice: Notice) -> str:
    """A page that needs nothing else."""
    from markupsafe import Markup

    safe = Markup(content(notice))  # noqa: S704 - it was just checked against the allow-list
    return _render("page.html.j2", notice, title=_bare(notice.title), content=safe)


def markdown(notice: Notice) -> str:
    return _tidy(_render("notice.md.j2", notice))


def text(notice: Notice) -> str:
    return _tidy(_render("notice.txt.j2", notice, bullet=_BULLETS[notice.language]))


#: The forms that are one text; wordpress takes a status besides, mail an envelope.
TEXTS: dict[Form, Callable[[Notice], str]] = {
    Form.MARKDOWN: markdown,
    Form.HTML: html,
    Form.TEXT: text,
    Form.TEAMS: teams,
}


def _render(template: str, notice: Notice, **more: object) -> str:
    blocks = [_plain_block(block) for block in notice.blocks]
    values = {"title": notice.title, "language": notice.language, "blocks": blocks, **more}
    return _environment().get_template(template).render(values)


def _plain_block(block: Block) -> dict[str, Any]:
    """A block as templates see it."""
    return {"kind": type(block).__name__.lower(), **asdict(block)}


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader("mailferry.bulletin", "templates"),
        autoescape=select_autoescape(("html.j2",), default=False, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "pieces": pieces,
        "bare": _bare,
        "cells": _cells,
        "marked": _marked,
        "url": _url,
        "row": _row,
    }
    return environment


def _bare(value: str) -> str:
    """Without the marks of code."""
    return "".join(piece for _, piece in pieces(value))


def _cells(value: str) -> int:
    """How wide a terminal shows it."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in value)


def _marked(value: str) -> str:
    """Text for Markdown that stays text: CommonMark section 2.4, backslash escapes."""
    escaped = re.sub(r"([\\`*_\[\]<>|~#&])", r"\\\1", value)
    return re.sub(r"^(\s*)([-+]|\d+[.)])(?=\s)", lambda found: f"{found[1]}{found[2][:-1]}\\{found[2][-1]}", escaped)


def _url(address: str) -> str:
    """An address between the angle brackets of a Markdown link."""
    return address.replace("<", "%3C").replace(">", "%3E").replace(" ", "%20").replace("\\", "%5C")


def _row(row: tuple[str, ...]) -> str:
    """A row of a table as a line: 2026年12月末（既存のテナント）：…"""
    first, *middle, last = (_bare(cell) for cell in row)
    wide = any(_cells(cell) > len(cell) for cell in row)
    opening, closing, colon = ("（", "）", "：") if wide else (" (", ")", ": ")
    between = "".join(f"{opening}{cell}{closing}" for cell in middle if cell)
    return f"{first}{between}{colon}{last}"


def _tidy(value: str) -> str:
    """No blanks at line ends, one empty line at most, one line end at the end."""
    lines = "\n".join(line.rstrip() for line in value.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip() + "\n"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
