"""How an identity is configured: who it is, what proves it and where that lies, how early its tokens are renewed.

Leaves to others: reading the secret (credential), the key of kept sign-ins (vault_settings). Invariant: no setting
holds a secret itself, only where it lies, so that a configuration file can be shown, kept under version control and
sent to support.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_core.core_schema import ErrorType

#: Whoever reads it, a browser or a library, goes to the same host: secrets are sent there.
_ADDRESS = re.compile(r"https://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?:/[A-Za-z0-9._~/-]*)?")

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


class Kind(StrEnum):
    """What proves an identity: the setting that is given."""

    SECRET = "secret"  # noqa: S105 - the name of a setting
    CERTIFICATE = "certificate"
    MANAGED_IDENTITY = "managed_identity"
    FEDERATED_TOKEN = "federated_token"  # noqa: S105 - the name of a setting
    SIGN_IN = "sign_in"


class ManagedIdentitySettings(BaseModel):
    """Which managed identity of this machine: the system-assigned one, or the one that is named."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    client_id: str | None = Field(None, min_length=1, description="Client ID of a user-assigned identity.")
    object_id: str | None = Field(None, min_length=1, description="Or its object (principal) ID.")
    resource_id: str | None = Field(None, pattern=r"^/", description="Or its Azure resource ID.")

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if sum(value is not None for value in (self.client_id, self.object_id, self.resource_id)) > 1:
            raise ValueError("give at most one of client_id, object_id, resource_id")
        return self


class SignInSettings(BaseModel):
    """A user who signs in once, by `mailferry login`; what is kept of it is renewed for as long as it is used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: str | None = Field(
        None, description="The account that has to sign in; another one is turned away. Absent: whoever does."
    )

    @field_validator("user")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None and re.fullmatch(r"[^@\s]+@[^@\s]+", value) is None:
            raise ValueError(f"{value!r} is no account; write for example scanner@example.com")
        return value


class CredentialSettings(BaseModel):
    """One identity in Microsoft Entra, by whose name tokens are asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    client_id: str = Field(
        "", min_length=1, description="Application (client) ID of the app registration; not for a managed identity."
    )
    tenant_id: str = Field(
        "",
        pattern=r"^[A-Za-z0-9.-]+$",
        description="Directory (tenant) ID, or a domain of the tenant; not for a managed identity.",
    )
    secret: SecretSource | None = Field(None, description="Where the client secret lies.")
    certificate: CertificateSource | None = Field(
        None, description="Where the certificate lies; preferred to a secret."
    )
    managed_identity: ManagedIdentitySettings | None = Field(
        None, description="The identity that Azure gives this machine: {} for the system-assigned one. No secret."
    )
    federated_token: SecretSource | None = Field(
        None, description="Where a cluster or a CI service puts the token that Entra trusts in place of a secret."
    )
    sign_in: SignInSettings | None = Field(
        None, description="A user signs in, with `mailferry login`: {} for any account. For tenants without app rights."
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
        if not _ADDRESS.fullmatch(value):
            raise ValueError("is an address such as https://login.microsoftonline.com: no user, query or fragment")
        return value.rstrip("/")

    @property
    def kind(self) -> Kind:
        return next(kind for kind in Kind if getattr(self, kind) is not None)

    @model_validator(mode="wrap")
    @classmethod
    def _complete(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """What only the whole can tell, said together with what is wrong with single settings."""
        missing = list(_incomplete(values)) if isinstance(values, dict) else []
        try:
            made = handler(values)
        except ValidationError as error:
            problems = [_again(detail) for detail in error.errors(include_url=False)]
            raise ValidationError.from_exception_data(cls.__name__, [*problems, *missing]) from None
        if missing:
            raise ValidationError.from_exception_data(cls.__name__, missing)
        return made


def _incomplete(values: dict[str, Any]) -> Iterator[InitErrorDetails]:
    given = [kind.value for kind in Kind if values.get(kind) is not None]
    if (problem := _not_one(list(Kind), given)) is not None:
        yield InitErrorDetails(type=PydanticCustomError("value_error", "{text}", {"text": problem}), input=values)
    for name in ("client_id", "tenant_id"):
        if values.get(name) is None and given != [Kind.MANAGED_IDENTITY]:
            yield InitErrorDetails(type="missing", loc=(name,), input=values)


def _again(detail: Any) -> InitErrorDetails:
    """An error as it was told, to be told once more among others."""
    kind, context = detail["type"], detail.get("ctx", {})
    message = detail["msg"].replace("{", "{{").replace("}", "}}")
    # pydantic's own types, such as path_type, and those of a validator are unknown to the core.
    again = kind if kind in _CORE_ERRORS and kind != "value_error" else PydanticCustomError(kind, message, context)
    return InitErrorDetails(type=again, loc=detail["loc"], input=detail["input"], ctx=context)


_CORE_ERRORS = frozenset(get_args(ErrorType))


def _exactly_one(**choices: object) -> None:
    problem = _not_one(list(choices), [name for name, value in choices.items() if value is not None])
    if problem is not None:
        raise ValueError(problem)


def _not_one(names: list[Any], given: list[str]) -> str | None:
    if len(given) == 1:
        return None
    return f"give exactly one of {', '.join(names)}" + (f", not {' and '.join(given)}" if given else "")


def _where(env: str | None, file: Path | None, credential: str | None) -> str:
    if env is not None:
        return f"environment variable {env}"
    return f"systemd credential {credential}" if credential is not None else f"file {file}"
