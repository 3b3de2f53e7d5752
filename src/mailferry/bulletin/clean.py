"""HTML that may be published: a short list of tags, no script, no style, no event handler, harmless links only.

Leaves to others: making the HTML (forms, and rewrite where a model did). Invariant: what is not on the list is an
error, never quietly removed: it would mean that something else went wrong before.
"""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urlsplit

TAGS = frozenset(
    (
        "h2",
        "h3",
        "p",
        "ul",
        "ol",
        "li",
        "blockquote",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "code",
        "strong",
        "a",
    )
)
_ATTRIBUTES = {"a": {"href"}, "blockquote": {"lang"}}
_SCHEMES = {"http", "https", "mailto"}


class Unclean(ValueError):
    """The HTML holds something that is not on the list."""


def checked(html: str) -> str:
    """`html`, written as browsers read it. Raises Unclean."""
    import nh3

    cleaned = nh3.clean(
        html, tags=set(TAGS), attributes=_ATTRIBUTES, url_schemes=_SCHEMES, link_rel=None, strip_comments=True
    )
    before, after = _read(html), _read(cleaned)
    if before.events != after.events:
        pairs = zip([*before.events, ("the end", "")], [*after.events, ("the end", "")], strict=False)
        first = next((one for one, other in pairs if one != other), ("the end", ""))
        raise Unclean(f"the HTML holds what must not be published, at {' '.join(map(str, first))[:80]}")
    for address in after.links:
        if urlsplit(address).scheme not in _SCHEMES:
            raise Unclean(f"the HTML holds a link to {address[:80]!r}; only http, https and mailto are allowed")
    return cleaned


class _Events(HTMLParser):
    """What a page consists of, entities resolved, so that two spellings of the same are the same."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.events: list[tuple[str, object]] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.events.append((f"<{tag}>", sorted((name, value or "") for name, value in attrs)))
        self.links += [value or "" for name, value in attrs if tag == "a" and name == "href"]

    def handle_endtag(self, tag: str) -> None:
        self.events.append((f"</{tag}>", ""))

    def handle_data(self, data: str) -> None:
        if self.events and self.events[-1][0] == "text":
            data = f"{self.events.pop()[1]}{data}"
        self.events.append(("text", data))

    def handle_comment(self, data: str) -> None:
        self.events.append(("a comment", data))

    def handle_decl(self, decl: str) -> None:
        self.events.append(("a declaration", decl))

    def unknown_decl(self, data: str) -> None:
        self.events.append(("a declaration", data))

    def handle_pi(self, data: str) -> None:
        self.events.append(("an instruction", data))


def _read(html: str) -> _Events:
    reader = _Events()
    reader.feed(html)
    reader.close()
    return reader
