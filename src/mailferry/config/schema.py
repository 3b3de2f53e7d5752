"""The whole configuration: every package's settings under the names they have in TOML.

Leaves to others: what the settings of a package mean (its settings.py), reading (load) and checks across sections
(check). Invariant: a Config holds validated values only, and nothing changes it.
"""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mailferry.alarms.settings import TargetSettings, TargetType
from mailferry.bulletin.settings import BulletinSettings
from mailferry.config.console import ConsoleSettings
from mailferry.delivery.settings import DeliverySettings
from mailferry.listener.enrolment_settings import EnrolmentSettings
from mailferry.listener.settings import ClientSettings, GuardSettings, ListenerSettings, TlsSettings, parse_address
from mailferry.m365.limits import tenant_external_recipients
from mailferry.mail.address import normal_domain
from mailferry.planner.settings import PlanSettings
from mailferry.routes.settings import RouteSettings, RoutingSettings, RuleSettings
from mailferry.spool.settings import SpoolSettings
from mailferry.tokens.settings import CredentialSettings, SecretSource
from mailferry.tokens.vault_settings import VaultSettings

#: RFC 1123 section 2.1; underscores are no host name characters.
_HOSTNAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _hostname(text: str) -> str:
    if _HOSTNAME.fullmatch(text) is None:
        raise ValueError(
            f"{text!r} is no host name; letters, digits and hyphens with dots between, gateway.example.com"
        )
    return text


def _mail_address(text: str) -> str:
    local, at, domain = text.rpartition("@")
    if not (local and at and domain) or any(char.isspace() for char in text):
        raise ValueError(f"{text!r} is no mail address; write for example postmaster@example.com")
    return text


def _domain(text: str) -> str:
    name = normal_domain(text.strip())
    if _HOSTNAME.fullmatch(name) is None:
        raise ValueError(f"{text!r} is no domain; write for example example.com")
    return name


def _http_address(text: str) -> str:
    parse_address(text)
    return text


class GatewaySettings(_Settings):
    """The gateway itself."""

    hostname: Annotated[str, AfterValidator(_hostname)] = Field(
        description="Its full name, as clients connect to it; stands in greetings, Received lines and reports."
    )
    state: Path = Field(
        default=Path("/var/lib/mailferry"), description="Directory for accepted mail and everything else that is kept."
    )
    postmaster: Annotated[str, AfterValidator(_mail_address)] | None = Field(
        default=None, description="A person: gets reports that have nobody else to go to, and mail to postmaster."
    )
    node: int = Field(default=0, ge=0, le=255, description="Number of this node; part of every queue id.")


class TenantSettings(CredentialSettings):
    """A Microsoft 365 tenant and the identity that sends there: an application, a machine, or a user who signed in."""

    name: str = Field(min_length=1, description="Its name, as routes use it.")
    licences: int | None = Field(
        default=None, ge=0, description="Mailbox licences, which set the outside recipients in 24 hours (TERRL): "
        "no more are written to, and a warning comes before it is met. 0: a trial.",
    )  # fmt: skip
    external_limit: int | None = Field(
        default=None, ge=1, description="Outside recipients in 24 hours where the report in the Exchange admin center "
        "shows another limit, or where other senders of the tenant are to be left a part of it.",
    )  # fmt: skip
    external_pace: float = Field(
        default=0.8, gt=0, le=1, description="The part of that limit which is sent as it comes; what is left is spread "
        "over the hours that follow, so that it is never used up at noon. 1: all of it as it comes.",
    )  # fmt: skip
    domains: tuple[Annotated[str, AfterValidator(_domain)], ...] = Field(
        default=(), description='Its accepted domains; recipients in them are "internal".'
    )

    @property
    def outside_limit(self) -> int:
        """Outside recipients in 24 hours; 0 where nobody has said."""
        if self.external_limit is not None:
            return self.external_limit
        known = self.licences
        return 0 if known is None else tenant_external_recipients(known, trial=not known).value


class MetricsSettings(_Settings):
    """Figures for Prometheus."""

    address: Annotated[str, AfterValidator(_http_address)] | None = Field(
        default=None, description='Where they are served, for example "127.0.0.1:9125". Absent: nowhere.'
    )


class AlarmSettings(TargetSettings):
    """Whom alarms are told by another way than mail: each entry is one target."""

    url: SecretSource | None = Field(
        default=None, description="teams, webhook: where the address lies. It is a secret: whoever has it can post."
    )
    authorization: SecretSource | None = Field(
        default=None, description="webhook: where the value of its Authorization header lies, if it wants one."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        web = self.type in (TargetType.TEAMS, TargetType.WEBHOOK)
        if web and self.url is None:
            raise ValueError(f"a {self.type} target needs `url`; write the address into a file and name that")
        if self.type is TargetType.COMMAND and self.command is None:
            raise ValueError("a command target needs `command`; the program with its full path and its arguments")
        if not web and (self.url or self.authorization):
            raise ValueError(f"`url` and `authorization` mean nothing for a {self.type} target; leave them out")
        return self


class LogFormat(StrEnum):
    JSON = "json"
    CONSOLE = "console"


class LogSettings(_Settings):
    """What is written to standard error."""

    format: LogFormat = Field(default=LogFormat.JSON, description="json: one object a line; console: for people.")
    subjects: bool = Field(
        default=False, description="Keep each message's subject in its history. Subjects are personal data."
    )
    journal: bool = Field(default=False, description="Begin each line with its priority, as systemd-journald reads it.")


class Config(_Settings):
    """One gateway's configuration. Attributes in the plural hold what TOML has as [[arrays]]."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    gateway: GatewaySettings
    listeners: tuple[ListenerSettings, ...] = Field(alias="listener", min_length=1)
    tls: TlsSettings = TlsSettings()
    guard: GuardSettings = GuardSettings()
    clients: tuple[ClientSettings, ...] = Field(default=(), alias="client")
    tenants: tuple[TenantSettings, ...] = Field(default=(), alias="tenant")
    vault: VaultSettings = VaultSettings()
    routes: tuple[RouteSettings, ...] = Field(alias="route", min_length=1)
    rules: tuple[RuleSettings, ...] = Field(default=(), alias="rule")
    enrolments: tuple[EnrolmentSettings, ...] = Field(default=(), alias="enrolment")
    alarms: tuple[AlarmSettings, ...] = Field(default=(), alias="alarm")
    routing: RoutingSettings = RoutingSettings()
    delivery: DeliverySettings = DeliverySettings()
    spool: SpoolSettings = SpoolSettings()
    metrics: MetricsSettings = MetricsSettings()
    log: LogSettings = LogSettings()
    plan: PlanSettings = PlanSettings()
    bulletin: BulletinSettings = BulletinSettings()
    console: ConsoleSettings = ConsoleSettings()

    @property
    def accepted_domains(self) -> frozenset[str]:
        """The domains of every tenant, and those named besides: who is in them is internal."""
        listed = frozenset(domain for tenant in self.tenants for domain in tenant.domains)
        return listed | frozenset(self.routing.internal_domains)

    @property
    def reach(self) -> dict[str, frozenset[str]]:
        """Per route that is internal only: the domains it delivers to. Another tenant's are outside for it."""
        domains = {tenant.name: frozenset(tenant.domains) for tenant in self.tenants}
        return {
            route.name: domains.get(route.tenant, frozenset()) if route.tenant else self.accepted_domains
            for route in self.routes
            if route.internal_only
        }
