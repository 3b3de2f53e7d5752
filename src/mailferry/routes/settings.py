"""What an administrator may say about routes: [[route]], [[rule]] and [routing] of the configuration.

Leaves to others: reading TOML and checks across tables (config), figures that Microsoft publishes (presets, m365).
Invariant: a RouteSettings that validates never sends a password or a token over a connection that is not encrypted
and verified.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mailferry.mail.address import check_pattern, normal_domain
from mailferry.routes import consistent
from mailferry.routes.acs_settings import acs_rest_problem
from mailferry.routes.graph_settings import HeaderOnly, Large, OtherFrom, foreign_problem, graph_problem
from mailferry.routes.look_settings import Lookup, look_problem
from mailferry.tokens.settings import SecretSource
from mailferry.units import Duration, RateLimit, Size

#: Words that a rule may use in place of recipient patterns.
INTERNAL = "internal"
EXTERNAL = "external"

#: Lanes are named route/mailbox (routes.api.lane_of), so a slash must not occur in a route's name.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]


class RouteType(StrEnum):
    EXCHANGE_SMTP = "exchange-smtp"
    SMARTHOST = "smarthost"
    GRAPH = "graph"
    HVE = "hve"
    ACS_SMTP = "acs-smtp"
    ACS_REST = "acs-rest"


class Preset(StrEnum):
    """What a smarthost is, where it is one of Microsoft's."""

    EXCHANGE_RELAY = "exchange-relay"  # an on-premises Exchange that lets this address relay
    CONNECTOR_IP = "connector-ip"  # the tenant's MX, with an inbound connector for this address
    CONNECTOR_CERTIFICATE = "connector-certificate"  # the same, for this certificate
    DIRECT_SEND = "direct-send"  # the tenant's MX without a connector: its own recipients only


class Tls(StrEnum):
    NONE = "none"
    OPPORTUNISTIC = "opportunistic"
    STARTTLS = "starttls"
    IMPLICIT = "implicit"

    @property
    def required(self) -> bool:
        return self in (Tls.STARTTLS, Tls.IMPLICIT)


class NullSender(StrEnum):
    MAILBOX = "mailbox"
    KEEP = "keep"


class Change(StrEnum):
    """What recipients see otherwise when a message leaves by another route."""

    FROM = "from"  # the address it comes from
    HEADERS = "headers"  # fields are added, taken out or renamed
    BODY = "body"  # the message is taken apart and put together again


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TimeoutSettings(_Model):
    """How long to wait for the upstream. The defaults are those of RFC 5321 section 4.5.3.2, which a client should not
    undercut: a shorter `end` turns slow acceptance into duplicates."""

    connect: Duration = Field(30.0, gt=0, description="For the TCP connection, and again for the TLS handshake.")
    greeting: Duration = Field(300.0, gt=0, description="For the 220 greeting.")
    command: Duration = Field(300.0, gt=0, description="For the answer to EHLO, AUTH, MAIL, RCPT and RSET.")
    data: Duration = Field(120.0, gt=0, description="For the answer to DATA.")
    block: Duration = Field(180.0, gt=0, description="For the upstream to take one more block of the message.")
    end: Duration = Field(600.0, gt=0, description="For the answer to the end of the message.")
    quit: Duration = Field(5.0, gt=0, description="For the answer to QUIT.")


class LimitSettings(_Model):
    """Overrides of what one lane may take; a value that is not given comes from the route's type."""

    rate: RateLimit | None = Field(None, description='Messages per minute of one lane, for example "30/minute".')
    connections: int | None = Field(None, ge=1, le=1000, description="Connections of one lane at a time.")
    messages_per_hour: int | None = Field(None, ge=0, description="Messages of one lane in an hour; 0: no limit.")
    recipients_per_day: int | None = Field(None, ge=0, description="Recipients of one lane in 24 hours; 0: no limit.")
    recipients_per_message: int | None = Field(None, ge=0, description="Recipients of one message; 0: no limit.")
    message_size: Size | None = Field(None, ge=0, description="Largest message; 0: no limit.")


class ReuseSettings(_Model):
    """How long a connection is kept for the next message."""

    idle: Duration = Field(30.0, ge=0, description="Close a connection that was not used for so long; 0: never keep.")
    messages: int = Field(100, ge=1, description="Close a connection after so many messages.")


class RouteSettings(_Model):
    """One way out."""

    name: Name = Field(description="The route's name, as rules, clients and lanes use it.")
    type: RouteType = Field(
        description="exchange-smtp (Exchange Online client submission), graph (Microsoft Graph sendMail), hve (High "
        "Volume Email), acs-smtp and acs-rest (Azure Communication Services) or smarthost."
    )
    preset: Preset | None = Field(
        None,
        description="smarthost: exchange-relay, connector-ip, connector-certificate or direct-send; sets what such a "
        "host needs. direct-send reaches recipients in the tenant's own domains only.",
    )
    tenant: str | None = Field(
        None,
        description="The [[tenant]] whose application logs in; hve and direct-send: whose recipients are reached.",
    )
    host: str | None = Field(
        None, min_length=1, description="Host name; exchange-smtp and hve: default by the tenant's cloud."
    )
    port: int | None = Field(None, ge=1, le=65535, description="Default 25 for smarthost, 587 for all others.")
    tls: Tls | None = Field(
        None, description="none, opportunistic, starttls or implicit. Default starttls; exchange-relay: opportunistic."
    )
    verify: bool = Field(True, description="Check the certificate and its host name. Only a smarthost may do without.")
    ca_file: Path | None = Field(None, description="PEM file of the authorities to trust, in place of the system's.")
    certificate: Path | None = Field(
        None, description="smarthost: PEM file of the certificate, with its chain, that this gateway shows in TLS."
    )
    key: Path | None = Field(None, description="smarthost: PEM file of its key; absent: in the certificate's file.")
    mailbox: str = Field(
        "",
        description="exchange-smtp, graph: send everything from this mailbox, whoever the client is. hve: the account, "
        "acs-smtp and acs-rest: the MailFrom address, that envelope and From are rewritten to; the original From goes "
        "to Reply-To.",
    )
    mailboxes: tuple[str, ...] = Field(
        (),
        description="exchange-smtp, graph: in place of `mailbox`, several that share the load. A client's sender keeps "
        "to one of them and spills over to the others when it has more mail than that one may send.",
    )
    failover: tuple[Name, ...] = Field(
        (),
        description="Routes that take this one's mail, the first that can, while it is at fault itself, and messages "
        "that it could not take at all: too large, or to somebody it does not reach. Never what was refused.",
    )
    failover_after: Duration = Field(
        900.0, ge=0, description="How long a fault of this route's lane lasts before its mail takes the failover."
    )
    failover_changes: tuple[Change, ...] = Field(
        (),
        description="What the failover may change for those who receive the mail: from, headers, body. A route that "
        "would change more is refused by `mailferry check`. What changed is noted in each message's history.",
    )
    budget: Name | None = Field(
        None,
        description="Routes with the same word share the limits of a lane, as those of one Azure subscription do. "
        "Default: all routes over Azure Communication Services share one, every other route has its own.",
    )
    username: str = Field(
        "", description="smarthost: log in with this name; empty: no login. acs-smtp: the SMTP username."
    )
    password: SecretSource | None = Field(
        None, description="Where the password of `username` (hve: of `mailbox`) lies. hve, acs-smtp: in place of OAuth."
    )
    access_key: SecretSource | None = Field(
        None, description="acs-rest: where the access key, or the connection string, of the resource lies."
    )
    scope: str | None = Field(None, description="OAuth scope; default by the route's type and the tenant's cloud.")
    null_sender: NullSender = Field(
        NullSender.MAILBOX,
        description="exchange-smtp, graph: the null sender of a report goes out as the mailbox, or is kept. "
        "What Exchange Online answers a submitting client that sends MAIL FROM:<> is not documented.",
    )
    endpoint: str | None = Field(
        None,
        description="graph, `lookup`, `bounces`: base address of Microsoft Graph, without a version; default by the "
        "tenant's cloud. "
        "acs-rest: the resource's address, such as https://contoso.communication.azure.com.",
    )
    request_size: Size | None = Field(
        None,
        ge=4096,
        description="graph: largest request, in which a message is a third larger than it is. Default 4 MB.",
    )
    large: Large = Field(
        Large.REFUSE,
        description="graph: a message over `request_size` is refused, or is sent as a draft whose attachments are "
        "uploaded (needs the permission Mail.ReadWrite; what that would damage is refused).",
    )
    header_only: HeaderOnly = Field(
        HeaderOnly.REFUSE,
        description="graph, acs-rest: a message whose To or Cc names somebody who is no recipient of it on this route "
        "is refused, or goes out with those names taken out and the fields kept as X-Original-To and X-Original-Cc.",
    )
    other_from: OtherFrom = Field(
        OtherFrom.HOLD,
        description="graph: a message whose From is not the mailbox waits with an alarm, goes out with From rewritten "
        "(the original becomes Reply-To), or is sent as that sender in the JSON form (needs SendAs).",
    )
    lookup: Lookup = Field(
        Lookup.NONE,
        description="graph, exchange-smtp: where a message is looked for whose answer was lost, before it is sent "
        "again: graph (Sent Items; needs Mail.Read), trace (message trace; ExchangeMessageTrace.Read.All) or none.",
    )
    bounces: bool = Field(
        False, description="graph, exchange-smtp: read the non-delivery reports in the sending mailboxes (Mail.Read)."
    )
    chunking: bool = Field(True, description="Use BDAT where the upstream offers it and it helps.")
    pipelining: bool = Field(True, description="Send commands in groups where the upstream offers it.")
    limits: LimitSettings = Field(LimitSettings(), description="Overrides of the route type's limits.")
    timeouts: TimeoutSettings = Field(TimeoutSettings(), description="How long to wait for the upstream.")
    reuse: ReuseSettings = Field(ReuseSettings(), description="How long connections are kept.")

    @property
    def needs_mailbox(self) -> bool:
        return self.type in (RouteType.EXCHANGE_SMTP, RouteType.HVE, RouteType.GRAPH)

    @property
    def internal_only(self) -> bool:
        """Whether it reaches recipients in the tenant's own domains only."""
        return self.type is RouteType.HVE or self.preset is Preset.DIRECT_SEND

    @property
    def tls_mode(self) -> Tls:
        if self.tls is not None:
            return self.tls
        # Exchange Server comes with a self-signed certificate.
        return Tls.OPPORTUNISTIC if self.preset is Preset.EXCHANGE_RELAY else Tls.STARTTLS

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        own = {RouteType.GRAPH: graph_problem, RouteType.ACS_REST: acs_rest_problem}.get(self.type, foreign_problem)
        problem = consistent.problem(self) or look_problem(self) or own(self)
        if problem is None and self.type is RouteType.EXCHANGE_SMTP:
            problem = consistent.exchange(self)
        elif problem is None and self.type is RouteType.SMARTHOST:
            problem = self._smarthost_problem()
        if problem is not None:
            raise ValueError(problem)
        return self

    def _smarthost_problem(self) -> str | None:
        if self.host is None:
            return "a smarthost route needs `host`"
        if (self.tenant is not None and not self.internal_only) or self.mailbox or self.scope is not None:
            return "`tenant`, `mailbox` and `scope` belong to exchange-smtp and graph routes"
        if bool(self.username) != (self.password is not None):
            return "`username` and `password` come together"
        if self.username and not (self.tls_mode.required and self.verify):
            return "a password is sent only over verified TLS: set `tls` to starttls or implicit and `verify` to true"
        return None


Pattern = Annotated[str, AfterValidator(check_pattern)]
RecipientWord = Annotated[
    str, AfterValidator(lambda word: word if word in (INTERNAL, EXTERNAL) else check_pattern(word))
]


class RuleSettings(_Model):
    """One rule; the first that matches decides. A condition that is not given always holds."""

    clients: tuple[str, ...] = Field((), description="Names of clients.")
    senders: tuple[Pattern, ...] = Field((), description='Patterns of the envelope sender; "<>" is the null sender.')
    recipients: tuple[RecipientWord, ...] = Field(
        (),
        description='Patterns of the recipient, or "internal" / "external" (inside or outside the accepted domains).',
    )
    route: Name = Field(description="The route to take.")

    @model_validator(mode="after")
    def _words_stand_alone(self) -> Self:
        words = [word for word in self.recipients if word in (INTERNAL, EXTERNAL)]
        if words and len(words) != len(self.recipients):
            raise ValueError('"internal" and "external" stand alone in `recipients`; use two rules')
        return self


class RoutingSettings(_Model):
    """What holds where no rule and no client says otherwise."""

    default_route: Name | None = Field(None, description="The default route; may be left out when there is only one.")
    internal_domains: tuple[Annotated[str, AfterValidator(normal_domain)], ...] = Field(
        (), description="Domains that are internal although no [[tenant]] lists them."
    )
