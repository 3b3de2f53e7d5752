"""What every page of the console is handed.

Leaves to others: making it (serve) and using it (the pages). Invariant: nothing in it changes while the console runs
but what its objects keep for themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mailferry.clock import Clock
from mailferry.console.doors import Doors
from mailferry.console.hosts import Hosts
from mailferry.console.mailroom import Mailroom
from mailferry.console.sessions import Sessions
from mailferry.console.visit import Cookies
from mailferry.obs.maillog import MailLog


@dataclass(frozen=True, slots=True)
class Site:
    """`state` is where announcements, inventory and plan lie; `name` the gateway's, "" where there is none yet."""

    name: str
    state: Path
    clock: Clock
    log: MailLog
    hosts: Hosts
    cookies: Cookies
    sessions: Sessions
    doors: Doors
    mailroom: Mailroom
    proxied: bool = False
