"""The messages of notices in one language: gettext catalogues, read as they are written.

Leaves to others: the messages (compose, advice; English is in the code, Japanese in locale/ja.po).
Invariant: a message without a translation is an error here, never English in the midst of Japanese.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

#: The languages a notice can be in. Japanese has one plural form.
LANGUAGES = ("en", "ja")


def N_(message: str) -> str:
    """Mark a message that stands in data."""
    return message


class Untranslated(LookupError):
    """A message has no text in that language: a broken installation."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Calling it gives a message in `language` with its {placeholders} filled."""

    language: str
    _messages: dict[str, str] = field(repr=False)

    def __call__(self, message: str, /, **values: object) -> str:
        return self._text(message).format(**values)

    def count(self, one: str, many: str, number: int, /, **values: object) -> str:
        """`one` or `many` by `number`, which fills {n}."""
        text = self._text(one) if self.language == "ja" else (one if number == 1 else many)
        return text.format(n=number, **values)

    def _text(self, message: str) -> str:
        if self.language == "en":
            return message
        try:
            return self._messages[message]
        except KeyError:
            raise Untranslated(f"{self.language}: no translation of {message!r}") from None


@cache
def catalogue(language: str) -> Catalogue:
    """The catalogue of `language`, one of LANGUAGES."""
    if language not in LANGUAGES:
        raise ValueError(f"{language!r} is no language of notices; they are {', '.join(LANGUAGES)}")
    if language == "en":
        return Catalogue(language, {})
    messages: dict[str, str] = {}
    for entry in read_po(language):
        key = entry.id if isinstance(entry.id, str) else entry.id[0]
        text = entry.string if isinstance(entry.string, str) else next(iter(entry.string or ()), "")
        if key and text and not entry.fuzzy:
            messages[key] = text
    return Catalogue(language, messages)


def read_po(language: str) -> Catalog:
    """The catalogue as written."""
    from babel.messages.pofile import read_po as parse

    with resources.files(__package__).joinpath("locale", f"{language}.po").open("rb") as file:
        return parse(file, locale=language)
