"""What can go wrong in the SMTP core.

    SmtpError
    ├── LocalProtocolError    our own side used the core wrongly (a bug, or a value that must not go on the wire)
    └── RemoteProtocolError   the peer sent what is no SMTP; the connection is of no use any more

Leaves to others: refusals inside the protocol. Those are replies (events.Refused), not exceptions.
Invariant: no message carries what a peer sent in an AUTH exchange.
"""

from __future__ import annotations


class SmtpError(Exception):
    """Root of the package's exceptions."""


class LocalProtocolError(SmtpError):
    """This side did what SMTP does not allow in the present state."""


class RemoteProtocolError(SmtpError):
    """The peer did what SMTP does not allow; close the connection."""
