"""How sign-in, refresh tokens and the endpoints of managed identities behave where sources are silent.

Leaves to others: what follows (device, authorize, refresh, imds).
Marks as in settings: V = Microsoft says so, O = observed, UNV = neither, hence a setting.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class EntraBehaviour(BaseModel):
    """login.microsoftonline.com beyond the client credentials, 169.254.169.254, and App Service's token service."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device_code_seconds: int = Field(
        default=900, ge=1, description="Life of a device code (V: 15 minutes, v2-oauth2-device-code.md 2024-01-10)."
    )
    device_interval: int = Field(default=5, ge=0, description="Seconds between two polls (O 5; V that it is told).")
    device_slow_down: bool = Field(
        default=True, description="Polling faster is answered slow_down (RFC 8628; at Entra UNV)."
    )
    authorization_code_seconds: int = Field(
        default=600, ge=1, description="Life of an authorization code (V: about 10 minutes)."
    )
    refresh_token_days: float = Field(
        default=90, gt=0, description="Days of disuse after which a refresh token ends (V: refresh-tokens.md)."
    )
    used_refresh_tokens: Literal["allow", "refuse"] = Field(
        default="allow",
        description="A refresh token that was used before: still good (V: v2-oauth2-auth-code-flow.md 2024-04-08), or "
        "refused as RFC 6749 lets a server do.",
    )
    user_audiences: tuple[str, ...] = Field(
        default=("https://outlook.office.com", "https://outlook.office365.com"),
        description="Audiences that SMTP takes in a user's token (V the first; the second UNV).",
    )
    imds_path: str = Field(
        default="/metadata/identity/oauth2/token",
        pattern=r"^/[A-Za-z0-9/._-]+$",
        description="Path of IMDS's token endpoint (V: how-to-use-vm-token.md 2025-02-27).",
    )
    app_service_path: str = Field(
        default="/msi/token", pattern=r"^/[A-Za-z0-9/._-]+$", description="Path in IDENTITY_ENDPOINT (V /MSI/token)."
    )
    app_service_header: str = Field(
        default="sandbox-identity-header", description="IDENTITY_HEADER; a sandbox value.", repr=False
    )
