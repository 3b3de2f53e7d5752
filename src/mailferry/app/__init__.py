"""The gateway as a whole: `build` makes every object from the configuration, `gateway` runs them in order."""

from __future__ import annotations

from mailferry.app.build import open_spool
from mailferry.app.gateway import Gateway

__all__ = ["Gateway", "open_spool"]
