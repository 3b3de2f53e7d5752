"""Why nobody answered at an address, in words for people.

Leaves to others: what follows from it (fetch, site, rewrite). Invariant: never empty, and no name of a class or
module of a library where the system has words.
"""

from __future__ import annotations

import os
import socket


def why(error: Exception) -> str:
    cause = getattr(error, "os_error", None) or error
    if isinstance(cause, socket.gaierror):
        return "there is no such host"
    if isinstance(cause, OSError) and cause.errno and cause.errno > 0:
        return os.strerror(cause.errno).lower()
    return str(error) or type(error).__name__
