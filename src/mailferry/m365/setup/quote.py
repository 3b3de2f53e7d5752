"""Values as literals of PowerShell and of a POSIX shell, from which nothing breaks out.

Leaves to others: the scripts (render). Pure. Invariant: the program that reads the script gets exactly the value, as
one literal; a value with control characters is refused, since no name or address holds any.
"""

from __future__ import annotations

import shlex
import unicodedata

#: PowerShell takes typographic quotes for the plain one (about_Quoting_Rules; the language specification, 2.3.5.2).
_QUOTES = "'\u2018\u2019\u201a\u201b"


class SetupError(ValueError):
    """A value cannot be written into a script."""


def powershell(text: str) -> str:
    """A single-quoted string: nothing in it is expanded, and a quote is doubled. Raises SetupError."""
    _check(text)
    return "'" + "".join(char * 2 if char in _QUOTES else char for char in text) + "'"


def shell(text: str) -> str:
    """Raises SetupError."""
    _check(text)
    return shlex.quote(text)


def _check(text: str) -> None:
    if any((kind := unicodedata.category(char))[0] == "C" or kind in ("Zl", "Zp") for char in text):
        raise SetupError(f"{text!r} holds a control character; no name or address does")
