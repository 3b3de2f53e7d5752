"""What the foreign servers have in common, and a copy of a message as one of them keeps it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from support.gateway import free_port

Tool = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Kept:
    """One copy for one recipient, with CRLF line ends and the server's own lines at the top."""

    sender: str
    recipient: str
    tls: bool
    data: bytes


class ForeignServer:
    """What all have in common: a port, a certificate for "localhost", and copies by recipient."""

    smtputf8 = True
    tls = True  # whether its handshakes succeed

    def __init__(self, certificate: Path, tool: Tool) -> None:
        self.certificate = certificate  # PEM with the key
        self.tool = tool
        self.port = free_port()

    def start(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError

    def kept(self) -> list[Kept]:
        raise NotImplementedError

    def copies(self, recipient: str) -> list[Kept]:
        return [copy for copy in self.kept() if copy.recipient == recipient]

    def wait(self, recipient: str, seconds: float = 20) -> Kept:
        """The copy of `recipient`, which must be the only one. Raises TimeoutError when none comes."""
        deadline = time.monotonic() + seconds
        while not (found := self.copies(recipient)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"nothing came for {recipient} within {seconds:.0f} s\n{self.log()}")
            time.sleep(0.02)
        assert len(found) == 1, f"{len(found)} copies came for {recipient}"
        return found[0]

    def log(self) -> str:
        return ""
