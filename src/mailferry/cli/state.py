"""Where the state directory is, for commands that read or keep something beside the mail.

Leaves to others: the whole configuration (config.load). Invariant: without a configuration file it is the default
directory; a file that cannot be read is an error where the state is needed, never another place.
"""

from __future__ import annotations

from pathlib import Path

from mailferry.cli.output import Exit, fail


def state_directory(config: Path) -> Path:
    """The `state` of [gateway] in `config`; the default where there is no such file."""
    from mailferry.config.problem import ConfigurationError
    from mailferry.config.schema import GatewaySettings
    from mailferry.config.section import load_section

    if not config.exists():
        default = GatewaySettings.model_fields["state"].default
        return Path(default)
    try:
        return load_section(config, GatewaySettings).state
    except ConfigurationError:
        fail(f"{config} has errors", f"`mailferry check {config}` shows every problem", Exit.CONFIGURATION)
