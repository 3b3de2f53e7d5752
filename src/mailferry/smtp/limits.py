"""What a server connection allows and what it offers: limits, bare line ends, extensions of EHLO.

Leaves to others: where the numbers come from (listener settings, the sandbox's tenant).
Invariant: values only; two connections may share one instance.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class BareNewlines(StrEnum):
    """What a CR or LF that stands alone does in a message or command (RFC 5321 section 2.3.8 forbids both)."""

    REFUSE = "refuse"
    REPAIR = "repair"


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Bounds of one connection, in octets where not said otherwise."""

    command_line: int = 2048  # with CRLF; RFC 5321 section 4.5.3.1.4 says 512, extensions add to it
    auth_line: int = 12288  # with CRLF; RFC 4954 section 4
    message_size: int = 0  # 0: none; advertised by SIZE
    recipients: int = 1000  # kept by the session's policy, not by the core
    idle_commands: int = 100  # NOOP, RSET, VRFY, HELP, EHLO since the last MAIL before 421 (as Postfix); 0: no bound
    bad_commands: int = 10  # refused or unknown commands in a row before 421; 0: no bound


#: Keywords the core knows, in the order in which Exchange Online puts them out.
DEFAULT_ORDER = (
    "SIZE",
    "PIPELINING",
    "DSN",
    "ENHANCEDSTATUSCODES",
    "STARTTLS",
    "AUTH",
    "8BITMIME",
    "BINARYMIME",
    "CHUNKING",
    "SMTPUTF8",
)


@dataclass(frozen=True, slots=True)
class Extensions:
    """The extensions that EHLO offers.

    `starttls` is offered while TLS is off; `auth` (mechanisms) while nobody has logged in and, when `starttls` is
    set, only inside TLS unless `auth_in_clear`. `order` names the lines in their order: a keyword of DEFAULT_ORDER
    goes out when it is on, any other entry goes out as it stands. `extra` lines follow after them.
    """

    pipelining: bool = True
    eightbitmime: bool = True
    smtputf8: bool = True
    chunking: bool = True
    binarymime: bool = False
    dsn: bool = True
    enhanced: bool = True
    starttls: bool = False
    auth: tuple[str, ...] = ()
    auth_in_clear: bool = False
    size: bool = True
    order: tuple[str, ...] = DEFAULT_ORDER
    extra: tuple[str, ...] = ()
    #: Command lines parsed with these extensions: devices say the same few lines all day. Kept by reading alone.
    remembered: dict[bytes, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def lines(self, *, tls: bool, authenticated: bool, size: int) -> tuple[str, ...]:
        """The lines after the greeting line of an EHLO reply (RFC 5321 section 4.1.1.1)."""
        known = self._known(tls=tls, authenticated=authenticated, size=size)
        chosen = (known.get(keyword, keyword) for keyword in self.order)
        return tuple(line for line in (*chosen, *self.extra) if line)

    def _known(self, *, tls: bool, authenticated: bool, size: int) -> dict[str, str]:
        login = bool(self.auth) and not authenticated and (tls or not self.starttls or self.auth_in_clear)
        on = {
            "PIPELINING": self.pipelining,
            "DSN": self.dsn,
            "ENHANCEDSTATUSCODES": self.enhanced,
            "STARTTLS": self.starttls and not tls,
            "8BITMIME": self.eightbitmime,
            "BINARYMIME": self.binarymime and self.chunking,  # RFC 3030 section 3: it needs CHUNKING
            "CHUNKING": self.chunking,
            "SMTPUTF8": self.smtputf8 and self.eightbitmime,  # RFC 6531 section 3.1: it needs 8BITMIME
        }
        known = {keyword: keyword if wanted else "" for keyword, wanted in on.items()}
        known["SIZE"] = (f"SIZE {size}" if size else "SIZE") if self.size else ""
        known["AUTH"] = f"AUTH {' '.join(self.auth)}" if login else ""
        return known
