"""Errors of the network in words for people."""

from __future__ import annotations

import errno
import socket

import pytest

from mailferry.bulletin.unreachable import why


class Wrapped(Exception):
    def __init__(self, cause: OSError) -> None:
        super().__init__("Cannot connect to host x:1 ssl:default [Connect call failed ('127.0.0.1', 1)]")
        self.os_error = cause


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Wrapped(OSError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)")), "connection refused"),
        (Wrapped(socket.gaierror(-2, "Name or service not known")), "there is no such host"),
        (ValueError("port is odd"), "port is odd"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_why(error: Exception, said: str) -> None:
    assert why(error) == said
