"""Where the key lies that kept sign-ins are encrypted with: [vault] of the configuration.

Leaves to others: reading it (keys). Invariant: no setting holds a key itself.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from mailferry.tokens.settings import SecretSource


class VaultSettings(BaseModel):
    """How sign-ins are kept (state/vault). Only tenants with `sign_in` need it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: SecretSource | None = Field(
        None,
        description="Where the key lies: 32 octets in base64, as `openssl rand -base64 32` makes them. Absent: a file "
        "in the state directory, made at first use.",
    )
    old_keys: tuple[SecretSource, ...] = Field(
        (), description="Keys from before. What they encrypted is read, and written with the present one when renewed."
    )
