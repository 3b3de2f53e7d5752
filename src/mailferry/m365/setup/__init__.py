"""Scripts that set a route up on Microsoft's side, filled with an organisation's values: others need `script` alone."""

from __future__ import annotations

from mailferry.m365.setup.render import ROUTES, Script, SetupError, Values, script

__all__ = ["ROUTES", "Script", "SetupError", "Values", "script"]
