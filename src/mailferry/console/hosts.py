"""Which requests come from the console's own pages: by the names it answers to, and by what a browser says of itself.

Leaves to others: who is signed in (sessions). Pure. Invariants: a name that nobody gave the console is refused, so that
no page of a stranger reaches it by pointing its own name here (DNS rebinding); whatever changes something comes from a
page of the console.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?")


class Hosts:
    """The names the console answers to. An address is no name, and nobody can point one here."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset({"localhost", *(name.lower().rstrip(".") for name in names)})

    def knows(self, header: str) -> bool:
        """Whether a Host header names the console, whatever the port."""
        match = _HOST.fullmatch(header)
        if match is None:
            return False
        name = match[1].lower().rstrip(".")
        return name in self._names or _is_address(name)

    def own(self, headers: Mapping[str, str]) -> bool:
        """Whether a request that changes something was sent by a page of the console, as far as the browser says.
        One that says nothing is no browser of the last years; its token of the form decides."""
        site = headers.get("Sec-Fetch-Site", "same-origin")
        if site not in ("same-origin", "none"):
            return False
        origin = headers.get("Origin")
        if origin is None:
            return True
        return origin != "null" and self.knows(urlsplit(origin).netloc)


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
