"""Where the state directory is, for commands that read or keep something beside the mail.

Leaves to others: the whole configuration (config.load). Invariant: without a [gateway] it is a directory here; a file
that cannot be read is an error where the state is needed, never another place.
"""

from __future__ import annotations

import os
from pathlib import Path

from mailferry.cli.output import Exit, fail

#: Of who has no gateway yet: weeks before any mail flows, in the directory where the exports lie.
DEFAULT_STATE = Path("mailferry-state")


def state_directory(config: Path, named: Path | None = None) -> Path:
    """As named on the command line, else the `state` of [gateway] in `config`, else here."""
    from mailferry.config.document import read_document
    from mailferry.config.problem import ConfigurationError
    from mailferry.config.schema import GatewaySettings
    from mailferry.config.section import load_section

    if named is not None:
        return named
    if not config.is_file():
        return DEFAULT_STATE
    document = read_document(config, os.environ)
    if document.whole and "gateway" not in document.data:
        return DEFAULT_STATE
    try:
        return load_section(config, GatewaySettings).state
    except ConfigurationError:
        fail(
            f"{config} has errors",
            f"`mailferry check {config}` shows every problem; or name a --state",
            Exit.CONFIGURATION,
        )
