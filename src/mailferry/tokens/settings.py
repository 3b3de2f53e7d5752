"""How an application identity is configured: who it is, where its secret lies, how early its tokens are renewed.

Leaves to others: reading the secret (credential). Invariant: no setting holds a secret itself, only where it lies, so
that a configuration file can be shown, kept under version control and sent to support.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

CloudName = Literal["worldwide", "gcc-high", "dod", "china"]


class SecretSource(BaseModel):
    """Where a secret lies: exactly one of the three."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    env: str | None = Field(None, min_length=1, description="Name of an environment variable.")
    file: Path | None = Field(None, description="File that holds nothing else; readable by the gateway's user only.")
    credential: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._-]+$",
        description="Name of a systemd credential (LoadCredential=), a file in $CREDENTIALS_DIRECTORY.",
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        _exactly_one(env=self.env, file=self.file, credential=self.credential)
        return self

    def __str__(self) -> str:
        return _where(self.env, self.file, self.credential)


class CertificateSource(BaseModel):
    """Where a certificate and its private key lie: PEM with both, PEM in two files, or PKCS #12."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Path | None = Field(None, description="PEM file with certificate and private key, or a PKCS #12 file.")
    credential: str | None = Field(
        None, pattern=r"^[A-Za-z0-9._-]+$", description="The same as a systemd credential (LoadCredential=)."
    )
    key_file: Path | None = Field(None, description="PEM file with the private key, where `file` does not hold it.")
    passphrase: SecretSource | None = Field(None, description="Where the passphrase of the private key lies.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        _exactly_one(file=self.file, credential=self.credential)
        return self

    def __str__(self) -> str:
        return _where(None, self.file, self.credential)


class CredentialSettings(BaseModel):
    """One application registered in Microsoft Entra, by whose name tokens are asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    client_id: str = Field(min_length=1, description="Application (client) ID of the app registration.")
    tenant_id: str = Field(pattern=r"^[A-Za-z0-9.-]+$", description="Directory (tenant) ID, or a domain of the tenant.")
    secret: SecretSource | None = Field(None, description="Where the client secret lies.")
    certificate: CertificateSource | None = Field(
        None, description="Where the certificate lies; preferred to a secret."
    )
    secret_expires: date | None = Field(
        None, description="Day on which the client secret expires, as Entra shows it; warned about in time."
    )
    cloud: CloudName = Field("worldwide", description="The Microsoft cloud the tenant is in.")
    authority: str | None = Field(
        None, description="Address of the token service where it is not the cloud's own, for example of the sandbox."
    )
    ca_file: Path | None = Field(
        None,
        description="PEM file of the authorities trusted to certify the token service, in place of the system's.",
    )
    refresh_margin: float = Field(
        300, ge=0, le=3000, description="Seconds a token handed out still has to live at least."
    )
    hve_refresh_margin: float = Field(
        1200, ge=0, le=3000, description="The same for High Volume Email, which refuses tokens close to their end."
    )
    timeout: float = Field(20, gt=0, le=300, description="Seconds to wait for the token service.")
    warn_days: int = Field(30, ge=0, description="Days before the end of a secret or certificate to begin to warn.")

    @field_validator("authority")
    @classmethod
    def _https(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not value.startswith("https://"):
            raise ValueError("must begin with https://: secrets are never sent in clear")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _one(self) -> Self:
        _exactly_one(secret=self.secret, certificate=self.certificate)
        return self


def _exactly_one(**choices: object) -> None:
    given = [name for name, value in choices.items() if value is not None]
    if len(given) != 1:
        names = ", ".join(choices)
        raise ValueError(f"give exactly one of {names}" + (f", not {' and '.join(given)}" if given else ""))


def _where(env: str | None, file: Path | None, credential: str | None) -> str:
    if env is not None:
        return f"environment variable {env}"
    return f"systemd credential {credential}" if credential is not None else f"file {file}"
