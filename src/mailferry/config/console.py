"""What an administrator sets about the console: where it listens, who gets in, which names it answers to.

Leaves to others: whether that is safe (checks.console) and serving it (console). Invariant: by default nobody but this
machine reaches it.
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mailferry.listener.settings import PasswordHash, parse_address
from mailferry.units import Duration


def _address(text: str) -> str:
    parse_address(text)
    return text.strip()


class ConsoleSettings(BaseModel):
    """The console in the browser, `mailferry console`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    listen: Annotated[str, AfterValidator(_address)] = Field(
        default="127.0.0.1:8025",
        description="Where it listens. An address that other machines reach needs a password, and a certificate or "
        "`behind_proxy`.",
    )
    password: PasswordHash | None = Field(
        default=None,
        repr=False,
        description="Argon2 hash of its password, made by `mailferry account hash`. Absent: it prints a link that "
        "lets in once.",
    )
    certificate: Path | None = Field(
        default=None,
        description="PEM file with its certificate and chain. Absent: the one in [tls] where other machines reach it, "
        "else none.",
    )
    key: Path | None = Field(default=None, description="PEM file with the private key. Absent: it is in that file.")
    behind_proxy: bool = Field(
        default=False,
        description="A reverse proxy with TLS stands before it: cookies are for https only, and the last address in "
        "X-Forwarded-For is the browser's.",
    )
    hosts: tuple[str, ...] = Field(
        default=(),
        description="Names in the browser's address bar besides the gateway's and this machine's; other names are "
        "refused (DNS rebinding).",
    )
    idle: Duration = Field(default=1800.0, gt=0, description="Who does nothing for this time has to sign in again.")

    @property
    def exposed(self) -> bool:
        """Whether other machines reach it."""
        host, _ = parse_address(self.listen)
        if host == "localhost":
            return False
        try:
            return not ip_address(host).is_loopback
        except ValueError:
            return True
