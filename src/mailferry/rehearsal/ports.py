"""Ports for what the rehearsal starts a moment later."""

from __future__ import annotations

import contextlib
import secrets
import socket

LOOPBACK = "127.0.0.1"
#: Below those that systems hand out by themselves (from 32768 on Linux), which whoever asks next would be given.
_LOWEST, _HIGHEST = 10_000, 32_000


def free_port() -> int:
    """A port of loopback that nobody listens on at the moment."""
    while True:
        port = _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((LOOPBACK, port))
            return port
