"""What an administrator sets about enrolment: the [[enrolment]] sections.

Leaves to others: enrolling (enrolment). Invariant: a window has an end, a number and networks; nothing is open by being
forgotten.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mailferry.listener.settings import Networks
from mailferry.mail.address import normal_domain
from mailferry.units import Rate, RateLimit


class Proof(StrEnum):
    """By what an account's first password is believed."""

    VERIFY = "verify"
    FIRST_USE = "first-use"


def _aware(value: datetime) -> datetime:
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


Moment = Annotated[datetime, AfterValidator(_aware)]
Domain = Annotated[str, AfterValidator(lambda text: normal_domain(text.strip()))]


class EnrolmentSettings(BaseModel):
    """A window in which devices may log in with the account and password they have, and become clients by it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, description="Its name in logs and in `mailferry account list`.")
    networks: Networks = Field(min_length=1, description="Where the devices are. Nobody enrols from elsewhere.")
    opens: Moment = Field(description="The window opens then: 2026-12-01T08:00:00+09:00. Without a zone: UTC.")
    closes: Moment = Field(description="It closes then, or earlier when `limit` accounts have enrolled.")
    limit: int = Field(50, ge=1, le=5000, description="Accounts that may enrol by it.")
    proof: Proof = Field(
        Proof.VERIFY,
        description="verify: Exchange Online must know the password, while Basic still works there; "
        "first-use: the first password is taken.",
    )
    approve: bool | None = Field(
        None,
        description="Whether an administrator must approve each account. Absent: only those that nobody verified.",
    )
    domains: tuple[Domain, ...] = Field(
        (), description="Accounts must be addresses in these domains. Empty: the accepted domains of the tenants."
    )
    host: str = Field("smtp.office365.com", min_length=1, description="verify: the server that is asked.")
    port: int = Field(587, ge=1, le=65535, description="verify: its port; the password goes by STARTTLS only.")
    ca_file: Path | None = Field(
        None, description="verify: PEM file of the authorities trusted to certify it, in place of the system's."
    )
    rate: RateLimit = Field(
        Rate(10, 60), validate_default=True, description="Passwords that are verified, or taken, in a period."
    )
    wrong_rate: RateLimit = Field(
        Rate(30, 3600),
        validate_default=True,
        description="verify: wrong passwords of all accounts in a period; then nobody is verified, with an alarm.",
    )
    account_wrong_rate: RateLimit = Field(
        Rate(4, 86_400),
        validate_default=True,
        description="verify: wrong passwords of one account in a period; Microsoft locks a mailbox after 10.",
    )
    recipients: Literal["internal", "anywhere"] = Field("internal", description="Whom enrolled accounts may send to.")
    route: str | None = Field(None, description="Their route when no rule matches.")
    message_rate: RateLimit | None = Field(None, description="Messages of one account in a period.")

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.closes <= self.opens:
            raise ValueError("`closes` must be later than `opens`; swap them, or correct the dates")
        return self

    @property
    def approves(self) -> bool:
        return self.proof is Proof.FIRST_USE if self.approve is None else self.approve
