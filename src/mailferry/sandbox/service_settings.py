"""How the services beside client submission behave where sources are silent. 0 means "no limit".

Leaves to others: the services' state (services) and what follows (hve, acs_smtp, onprem, mx).
Marks as in settings: V = Microsoft says so, O = observed, UNV = neither, hence a setting.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from mailferry.m365.limits import azure_communication, azure_communication_rest, high_volume_email, tenant_mx

_HVE, _ACS, _MX = high_volume_email(), azure_communication(), tenant_mx()
_REST = azure_communication_rest()

#: A refusal as it goes over the wire.
Refusal = Annotated[str, Field(pattern=r"^[45]\d\d [45]\.\d{1,3}\.\d{1,3} [^\r\n]+$")]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HveBehaviour(_Value):
    """smtp.hve.mx.microsoft."""

    token_seconds: int = Field(
        default=600, ge=0, description="A token with less to live is answered 535 5.7.142 (O: about ten minutes)."
    )
    token_audiences: tuple[str, ...] = Field(
        default=("https://outlook.office.com", "https://outlook.office365.com"),
        description="Audiences that are taken (O the first; second UNV).",
    )
    basic_until: date = Field(default=date(2028, 9, 30), description="Last day of passwords (O: September 2028).")
    billing_from: date = Field(default=date(2026, 6, 1), description="From then on billing must be valid (V).")
    billing_refusal: Refusal = Field(
        default="550 5.7.1 The High Volume Email account has no valid billing policy",
        description="Answer to MAIL without valid billing: that it cannot send is V, code, text and stage UNV.",
    )
    external_refusal: Refusal = Field(
        default="550 5.7.1 High Volume Email accounts can send to internal recipients only",
        description="Answer to an external recipient: that it is refused is O, code, text and stage UNV.",
    )
    external_stage: Literal["rcpt", "data"] = Field(default="rcpt", description="Where that comes (UNV).")
    recipients: int = Field(
        default=int(_HVE.recipients_per_message.value), ge=0, description="Recipients of one message (V)."
    )
    recipients_refusal: Refusal = Field(
        default="452 4.5.3 Too many recipients", description="Answer to one more (UNV)."
    )
    unknown_recipients: Literal["reject", "ndr"] = Field(
        default="reject", description="An internal recipient without mailbox: 550 at RCPT, or dropped later (UNV)."
    )
    size: int = Field(default=int(_HVE.message_size.value), ge=0, description="Largest message (O); by SIZE (UNV).")


class AcsBehaviour(_Value):
    """Azure Communication Services. No dialogue with smtp.azurecomm.net is published: every text of it is UNV."""

    messages_per_minute: int = Field(
        default=int(_ACS.messages_per_minute.value), ge=0, description="Per subscription, custom domain (V)."
    )
    messages_per_hour: int = Field(
        default=int(_ACS.messages_per_hour.value), ge=0, description="Per subscription, custom domain (V)."
    )
    excess_refusal: Refusal = Field(
        default="451 4.7.1 TooManyRequests: The request limit of the subscription is exceeded",
        description="Answer to the end of data over the rate (UNV; the code is that of REST, O).",
    )
    recipients: int = Field(
        default=int(_ACS.recipients_per_message.value), ge=0, description="Recipients of one message (V)."
    )
    recipients_refusal: Refusal = Field(
        default="452 4.5.3 Too many recipients", description="Answer to one more (UNV)."
    )
    size: int = Field(default=int(_ACS.message_size.value), ge=0, description="Largest message (V); by SIZE (UNV).")
    capabilities: tuple[str, ...] = Field(
        default=("SIZE {size}", "PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME"),
        description="EHLO lines besides STARTTLS and AUTH (UNV).",
    )
    sender_stage: Literal["mail", "data"] = Field(
        default="mail", description="Where a sender that is not provisioned is refused (UNV)."
    )
    suppressed: Literal["drop", "refuse"] = Field(
        default="drop", description="Mail to suppressed recipients: taken and dropped (V of REST), or refused (UNV)."
    )
    status_per_minute: int = Field(
        default=int(_REST.status_per_minute.value), ge=0, description="REST: status requests, custom domain (V)."
    )
    status_per_hour: int = Field(
        default=int(_REST.status_per_hour.value), ge=0, description="REST: status requests, custom domain (V)."
    )
    retry_after: int = Field(
        default=20, ge=0, description="REST: seconds until the status is worth asking for (V the example, 2025-09-01)."
    )
    running_looks: int = Field(
        default=1, ge=0, description="REST: status requests that find an operation still running (UNV)."
    )
    known_operation: Literal["conflict", "accept"] = Field(
        default="conflict",
        description="REST: a request with a known Operation-Id: 409 (O), or 202 as before; sent once either way.",
    )
    attachment_types: Literal["documented", "any"] = Field(
        default="documented", description="REST: which attachments are taken; the page names more than it lists (UNV)."
    )


class OnPremBehaviour(_Value):
    """The frontend of an Exchange Server."""

    smtputf8: bool = Field(default=True, description="Whether EHLO offers SMTPUTF8 (2019 does, older ones do not; O).")
    throughput: bool = Field(
        default=True, description="Whether the 250 tells octets and speed, as 2016 and later do (UNV)."
    )


class MxBehaviour(_Value):
    """contoso-com.mail.protection.outlook.com."""

    recipients: int = Field(
        default=int(_MX.recipients_per_message.value), ge=0, description="Recipients of one message, then 452 (V)."
    )
    size: int = Field(default=int(_MX.message_size.value), ge=0, description="Largest message, by SIZE (O).")
