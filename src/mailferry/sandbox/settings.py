"""What can be chosen about the sandbox: where it listens (SandboxSettings) and how it behaves (Behaviour).

Leaves to others: the tenant's own state (tenant) and what the settings lead to (decide, submission, exchange).
Marks in descriptions: V = Microsoft says so, O = observed, UNV = neither, hence a setting.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from mailferry.m365.limits import exchange_online, graph
from mailferry.sandbox.entra_settings import EntraBehaviour
from mailferry.sandbox.service_settings import AcsBehaviour, HveBehaviour, MxBehaviour, OnPremBehaviour

_LIMITS = exchange_online()
_GRAPH = graph()

#: Advertised after SIZE; observed 2025-11-23.
ADVERTISED_SIZE = 157_286_400


class Behaviour(BaseModel):
    """How the service answers where sources are silent, disagree, or a test wants another way. 0 means "no limit"."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    basic_error: Literal["5.7.30", "5.7.139"] = Field(
        default="5.7.30",
        description="Error for Basic once disabled (UNV for December 2026): 5.7.30, or 5.7.139 at AUTH.",
    )
    basic_stage: Literal["auth", "mail", "data"] = Field(
        default="mail", description="Command at which 5.7.30 is answered (UNV)."
    )
    basic_percentage: float = Field(
        default=100.0, ge=0, le=100, description="Share of Basic submissions that the schedule rejects (UNV)."
    )
    basic_disabled: date | None = Field(
        default=None,
        description='Day to assume for "the end of December 2026" (V, loose); null: as m365.schedule.',
    )
    basic_removed: date | None = Field(
        default=None, description="Day of the final removal, to be announced in the second half of 2027 (V)."
    )
    new_tenants_may_enable: bool = Field(
        default=False, description="Whether a tenant made after December 2026 can enable Basic (UNV)."
    )
    suffix: Literal["host-time-session", "host"] = Field(
        default="host-time-session", description="Form of the [H] suffix of refusals; both observed (O)."
    )
    xoauth2_failure: Literal["direct", "challenge"] = Field(
        default="direct", description="Refused token: direct 535 (V) or first 334 with JSON (UNV at Exchange Online)."
    )
    rate_excess: Literal["slow", "reject"] = Field(
        default="slow", description="Over the message rate: carried over to the next minutes (V) or rejected (O)."
    )
    messages_per_minute: int = Field(
        default=int(_LIMITS.messages_per_minute.value), ge=0, description="Messages per minute and mailbox (V)."
    )
    connections: int = Field(
        default=int(_LIMITS.connections.value), ge=0, description="Concurrent connections per mailbox (V)."
    )
    recipients_per_day: int = Field(
        default=int(_LIMITS.recipients_per_day.value), ge=0, description="Recipients per rolling 24 h and mailbox (V)."
    )
    tenant_external_limit: bool = Field(
        default=True, description="Whether the tenant's external recipient rate limit is enforced (V)."
    )
    envelope_recipients: int = Field(default=1000, ge=0, description="Organisation cap per message, at RCPT (V).")
    unknown_recipients: Literal["ndr", "reject"] = Field(
        default="ndr", description="Unknown internal recipient: accepted and bounced by NDR, or 550 at RCPT (UNV)."
    )
    queued_id: Literal["client", "server"] = Field(
        default="client", description="Whose Message-ID the 250 after the message shows when the client sent one (UNV)."
    )
    classic_needs_send_as: bool = Field(
        default=True, description="Whether app role + FullAccess without SendAs is refused with a 430 (text UNV)."
    )
    token_audiences: tuple[str, ...] = Field(
        default=("https://outlook.office365.com",), description="Audiences that SMTP takes from an application (V)."
    )
    assertion_clock: Literal["machine", "sandbox"] = Field(
        default="machine",
        description="Clock for the time range of client assertions; unmodified clients stamp the machine's time.",
    )
    reject_used_assertions: bool = Field(default=True, description="Whether an assertion's jti is good once (UNV).")
    graph_audiences: tuple[str, ...] = Field(
        default=("https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000"),
        description="Audiences that Graph takes (V).",
    )
    graph_user_by_alias: bool = Field(
        default=False, description="Whether /users/{alias} finds the mailbox; documented are id and UPN only (UNV)."
    )
    graph_mime_from: Literal["override", "deny"] = Field(
        default="override",
        description="From of another mailbox in MIME: replaced by the mailbox's own, or ErrorSendAsDenied (both O).",
    )
    graph_mime_ignored_over: int = Field(
        default=0,
        ge=0,
        description="MIME requests over so many octets are answered 200 and not sent; 2021: 2,240 kB (O). 0: off.",
    )
    graph_request_size: int = Field(
        default=int(_GRAPH.request_size.value), ge=0, description="Octets of one request; over it 413 (V 4 MB)."
    )
    graph_size_status: Literal[400, 413] = Field(
        default=400, description="Status of ErrorMessageSizeExceeded; both are reported (O)."
    )
    graph_upload_minimum: int = Field(
        default=int(_GRAPH.direct_attachment.value),
        ge=0,
        description="Smallest attachment of an upload session (V 3 MB; whether 3,000,000 or 3 MiB UNV).",
    )
    graph_upload_maximum: int = Field(
        default=int(_GRAPH.session_attachment.value), ge=1, description="Largest attachment (V 150 MB)."
    )
    graph_chunk_size: int = Field(default=4 * 1024 * 1024, ge=1, description="Largest range of one PUT (V 4 MB).")
    graph_upload_lifetime: float = Field(
        default=3600.0, gt=0, description="Seconds until an upload session expires (V that it does, length UNV)."
    )
    graph_concurrency: int = Field(
        default=int(_GRAPH.concurrent_requests.value), ge=0, description="Requests at once (V)."
    )
    graph_concurrency_scope: Literal["mailbox", "application"] = Field(
        default="mailbox",
        description="Whether these count per application and mailbox (V) or, as is said of batches, per application.",
    )
    graph_retry_after: float = Field(
        default=10.0, ge=0, description="Retry-After of a concurrency refusal, seconds (V that it is sent, value UNV)."
    )
    graph_requests: int = Field(
        default=int(_GRAPH.requests_per_10_minutes.value),
        ge=0,
        description="Requests in 10 minutes per application and mailbox (V).",
    )
    graph_upload: int = Field(
        default=int(_GRAPH.upload_per_5_minutes.value),
        ge=0,
        description="Octets sent up in 5 minutes per application and mailbox (V 150 MB).",
    )
    graph_reports: int = Field(default=5, ge=0, description="Requests to the sign-in log in 10 seconds (V).")
    sent_items_delay: float = Field(
        default=0.0, ge=0, description="Seconds until Graph shows a message in Sent Items (UNV)."
    )
    trace_delay: float = Field(default=0.0, ge=0, description="Seconds until the message trace shows a message (UNV).")
    signins_need_directory_read: bool = Field(
        default=True, description="Whether the sign-in log asks for Directory.Read.All too, as its page says (V)."
    )
    signins_retention_days: int = Field(default=30, ge=1, description="How long sign-ins are kept (UNV).")
    entra: EntraBehaviour = Field(default=EntraBehaviour(), description="Sign-in, and tokens of managed identities.")
    hve: HveBehaviour = Field(default=HveBehaviour(), description="High Volume Email.")
    acs: AcsBehaviour = Field(default=AcsBehaviour(), description="Azure Communication Services.")
    onprem: OnPremBehaviour = Field(default=OnPremBehaviour(), description="An Exchange Server on premises.")
    mx: MxBehaviour = Field(default=MxBehaviour(), description="The tenant's MX.")
    size: int = Field(default=ADVERTISED_SIZE, ge=0, description="Octets advertised by SIZE (O).")
    keep_messages: int = Field(default=50_000, ge=1, description="Messages kept; older ones are dropped and counted.")
    record: bool = Field(default=True, description="Whether dialogues and requests are recorded.")


class SandboxSettings(BaseModel):
    """Where the sandbox listens and stands. Port 0 takes a free one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str = Field(default="127.0.0.1", description="Address of every listener; keep it on loopback.")
    smtp_port: int = Field(default=0, ge=0, le=65535, description="smtp.office365.com:587")
    smtp_legacy_port: int = Field(default=0, ge=0, le=65535, description="smtp-legacy.office365.com:587")
    entra_port: int = Field(default=0, ge=0, le=65535, description="login.microsoftonline.com:443")
    imds_port: int = Field(default=0, ge=0, le=65535, description="169.254.169.254:80, and App Service's token service")
    graph_port: int = Field(default=0, ge=0, le=65535, description="graph.microsoft.com:443")
    hve_port: int = Field(default=0, ge=0, le=65535, description="smtp.hve.mx.microsoft:587")
    acs_smtp_port: int = Field(default=0, ge=0, le=65535, description="smtp.azurecomm.net:587")
    acs_rest_port: int = Field(default=0, ge=0, le=65535, description="A resource's own communication.azure.com:443")
    onprem_port: int = Field(default=0, ge=0, le=65535, description="An Exchange Server on premises, port 25")
    mx_port: int = Field(default=0, ge=0, le=65535, description="contoso-com.mail.protection.outlook.com:25")
    control_port: int = Field(default=0, ge=0, le=65535, description="Control interface and inbox page, HTTP.")
    directory: Path | None = Field(
        default=None, description="Where the certificates are kept; absent: a temporary directory, removed at stop."
    )
    at: datetime | date | None = Field(default=None, description="Where the clock stands; absent: the machine's time.")
    running: bool = Field(default=True, description="Whether the clock runs on from there or stands until moved.")
    seed: int = Field(default=365, description="Seed of everything drawn: lifetimes, ids, percentages.")
