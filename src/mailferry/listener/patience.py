"""How long a connection may stay: while it gets somewhere, and not for ever without mail.

Leaves to others: when it is asked (wheel) and the end (protocol). A connection that says NOOP now and then, or lets a
message drip, gets somewhere by every single look, and would be held for ever.
Invariant: what the gateway itself takes time for is never the client's fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailferry.listener.conversation import TIMED_OUT
from mailferry.smtp.replies import Reply, reply

if TYPE_CHECKING:
    from mailferry.listener.session import Session
    from mailferry.listener.settings import ListenerSettings

NO_MAIL = reply(421, "4.4.2", "No mail came for too long")

#: How often a connection is looked at within its idle timeout.
LOOKS = 4
#: Octets a second by which a message on its way earns more time (Postfix, smtpd_min_data_rate: 500).
_SLOWEST = 500


class Patience:
    """With one connection. A command or a message costs nothing here."""

    __slots__ = ("_accepted", "_barren", "_idle", "_progress")

    def __init__(self) -> None:
        self._progress = -1
        self._accepted = 0
        self._idle = 0  # looks since it last achieved anything
        self._barren = 0  # looks since its last message

    def spent(self, session: Session, settings: ListenerSettings) -> Reply | None:
        """Asked LOOKS times in the idle timeout: why it is enough."""
        if session.busy or session.progress != self._progress:
            self._progress, self._idle = session.progress, 0
        else:
            self._idle += 1
            if self._idle >= LOOKS:
                return TIMED_OUT
        if session.busy or session.accepted != self._accepted:
            self._accepted, self._barren = session.accepted, 0
            return None
        self._barren += 1
        lasted = self._barren * settings.idle_timeout / LOOKS
        return NO_MAIL if lasted > settings.session_timeout + session.arrived / _SLOWEST else None
