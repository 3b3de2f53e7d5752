"""Azure Communication Services by REST: documented examples, the official client unchanged, access, limits, faults."""

from __future__ import annotations

import base64
import email
import hashlib
import io
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

import aiohttp
import pytest
from azure.communication.email.aio import EmailClient
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError
from azure.identity.aio import ClientSecretCredential

from mailferry.clock import utc
from mailferry.sandbox import organisation_services as seeds
from mailferry.sandbox.acs_access import sign
from mailferry.sandbox.faults import Fault
from mailferry.sandbox.mailbox import Folder
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.signer import Signer

SENDER, OUTSIDE = "donotreply@contoso.example", "ann@fabrikam.example"
VERSION = "?api-version=2025-09-01"
ID = "8540c0de-899f-5cce-acb5-3ec493af3800"

#: specification/communication/data-plane/Email/stable/2025-09-01/examples/SendEmail.json of Azure/azure-rest-api-specs,
#: read 2026-11-24, with the sandbox's sender.
EXAMPLE: dict[str, Any] = {
    "headers": {"ClientCorrelationId": "123", "ClientCustomHeaderName": "ClientCustomHeaderValue"},
    "senderAddress": SENDER,
    "content": {
        "subject": "An exciting offer especially for you!",
        "plainText": "This exciting offer was created especially for you, our most loyal customer.",
        "html": "<html><head><title>Exciting offer!</title></head><body><h1>This exciting offer was created especially "
        "for you, our most loyal customer.</h1></body></html>",
    },
    "recipients": {
        "to": [
            {"address": "john.doe@domain.example", "displayName": "John Doe"},
            {"address": "jane.doe@domain2.example", "displayName": "Jane Doe"},
        ],
        "cc": [{"address": "wendy@someotherdomain.example", "displayName": "Wendy"}],
        "bcc": [{"address": "bob@anotherdomain.example", "displayName": "Bob"}],
    },
    "attachments": [
        {
            "name": "MyAttachment.pdf",
            "contentType": "application/pdf",
            "contentInBase64": "TG9yZW0gaXBzdW0gZG9sb3Igc2l0IGFtZXQ=",
        }
    ],
    "replyTo": [{"address": "contoso-support@contoso.example", "displayName": "Contoso Support"}],
    "userEngagementTrackingDisabled": True,
}


def simple(**more: Any) -> dict[str, Any]:
    content = {"subject": "Hello", "plainText": "Good day."}
    return {"senderAddress": SENDER, "content": content, "recipients": {"to": [{"address": OUTSIDE}]}} | more


@dataclass(frozen=True)
class Heard:
    status: int
    headers: Any
    json: Any

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])


class Caller:
    """Signs by hand, as the tutorial does."""

    def __init__(self, box: Sandbox, http: aiohttp.ClientSession) -> None:
        self.box = box
        self.http = http
        self.key = seeds.ACS_KEYS[0]
        self.late = 0.0

    async def ask(self, method: str, path: str, value: Any = None, **headers: str) -> Heard:
        body = b"" if value is None else json.dumps(value).encode()
        host = self.box.acs_url.removeprefix("https://")
        date = format_datetime(utc(self.box._machine.time() - self.late), usegmt=True)
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        signature = sign(self.key, f"{method}\n{path}\n{date};{host};{digest}".encode())
        full = {
            "x-ms-date": date,
            "x-ms-content-sha256": digest,
            "Content-Type": "application/json",
            "Authorization": f"HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}",
        } | {name.replace("_", "-"): text for name, text in headers.items()}
        async with self.http.request(method, self.box.acs_url + path, data=io.BytesIO(body), headers=full) as answer:
            return Heard(answer.status, answer.headers, await answer.json() if answer.status < 599 else None)

    async def send(self, value: Any = None, **headers: str) -> Heard:
        return await self.ask("POST", f"/emails:send{VERSION}", simple() if value is None else value, **headers)

    async def status(self, id: str) -> Heard:
        return await self.ask("GET", f"/emails/operations/{id}{VERSION}")


@pytest.fixture
async def caller(box: Sandbox) -> AsyncIterator[Caller]:
    context = ssl.create_default_context(cafile=str(box.ca_file))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http:
        yield Caller(box, http)


def arrived(box: Sandbox) -> EmailMessage:
    message = email.message_from_bytes(next(iter(box.mail)).raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


# -- documented -------------------------------------------------------------------------------------------------------


async def test_the_example_of_sending(caller: Caller) -> None:
    """examples/SendEmail.json: 202, Operation-Location, retry-after 20, id and Running."""
    heard = await caller.send(EXAMPLE, Operation_Id=ID)
    assert heard.status == 202
    assert heard.json == {"id": ID, "status": "Running"}
    assert heard.headers["Operation-Location"].endswith(f"/emails/operations/{ID}{VERSION}")
    assert heard.headers["retry-after"] == "20"
    boxes = {message.box for message in caller.box.mail}
    assert boxes == {"john.doe@domain.example", "jane.doe@domain2.example", "wendy@someotherdomain.example",
                     "bob@anotherdomain.example"}  # fmt: skip
    message = arrived(caller.box)
    assert message["From"] == SENDER
    assert "John Doe <john.doe@domain.example>" in message["To"]
    assert message["Bcc"] is None
    assert message["Reply-To"] == "Contoso Support <contoso-support@contoso.example>"
    assert message["ClientCorrelationId"] == "123"
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().strip() == EXAMPLE["content"]["plainText"]
    assert html.get_content().strip() == EXAMPLE["content"]["html"]
    (attached,) = message.iter_attachments()
    assert attached.get_filename() == "MyAttachment.pdf"
    assert attached.get_payload(decode=True) == b"Lorem ipsum dolor sit amet"


async def test_the_examples_of_a_status(caller: Caller) -> None:
    """examples/GetOperationStatusReturns{NonTerminal,SuccessTerminal,FailedTerminal}Status.json: retry-after only while
    the status is not final, an error only where it failed."""
    await caller.send(Operation_Id=ID)
    first, second = await caller.status(ID), await caller.status(ID.upper())
    assert (first.json["status"], first.headers["retry-after"]) == ("Running", "20")
    assert (second.json["status"], "retry-after" in second.headers) == ("Succeeded", False)
    suppress(caller.box, OUTSIDE)
    heard = await caller.send()
    await caller.status(heard.json["id"])
    failed = await caller.status(heard.json["id"])
    assert failed.json["status"] == "Failed"
    assert failed.json["error"]["code"] == "EmailDroppedAllRecipientsSuppressed"


def test_a_signature_that_was_computed_elsewhere() -> None:
    """By the tutorial hmac-header (Python) and openssl; research of 2026-11-24."""
    key = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
    digest = base64.b64encode(hashlib.sha256(b"{}").digest()).decode()
    date, host = "Tue, 24 Nov 2026 10:00:00 GMT", "contoso.communication.azure.com"
    text = f"POST\n/emails:send?api-version=2025-09-01\n{date};{host};{digest}"
    assert sign(key, text.encode()) == "/U7zkVCYeXjR9GT79vmjMMcLEEMwhspiJLAZkgTkO1U="


# -- the official client ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["key", "second key", "entra"])
async def test_the_official_client_works_unchanged(box: Sandbox, by: str) -> None:
    box.world.tune(acs={"retry_after": 0})
    credential: Any = AzureKeyCredential(seeds.ACS_KEYS[by == "second key"])
    if by == "entra":
        credential = ClientSecretCredential(
            box.tenant.tenant_id,
            seeds.BULK_CLIENT_ID,
            seeds.BULK_SECRET,
            authority=box.entra_url,
            disable_instance_discovery=True,
            connection_verify=str(box.ca_file),
        )
    async with EmailClient(box.acs_url, credential, connection_verify=str(box.ca_file), polling_interval=0) as client:
        poller = await client.begin_send(EXAMPLE, operation_id=ID)
        result = await poller.result()
    if by == "entra":
        await credential.close()
    assert (result["id"], result["status"]) == (ID, "Succeeded")
    assert len(list(box.mail)) == 4
    assert next(iter(box.mail)).received.mechanism == ("Bearer" if by == "entra" else "HMAC")


async def test_the_official_client_shows_a_refusal(box: Sandbox) -> None:
    async with EmailClient(box.acs_url, AzureKeyCredential("d3Jvbmc="), connection_verify=str(box.ca_file)) as client:
        with pytest.raises(HttpResponseError) as caught:
            await client.begin_send(EXAMPLE)
    assert caught.value.status_code == 401
    assert caught.value.error is not None
    assert (caught.value.error.code, caught.value.error.message) == ("Denied", "Denied by the resource provider.")


# -- access -----------------------------------------------------------------------------------------------------------


async def test_signatures_that_are_not_good(caller: Caller) -> None:
    caller.key = "d3Jvbmc="
    assert (await caller.send()).code == "Denied"
    caller.key = seeds.ACS_KEYS[1]
    assert (await caller.send()).status == 202
    heard = await caller.send(x_ms_content_sha256="AAAA")
    assert "content hash" in heard.json["error"]["message"]
    for late in (301.0, -301.0):
        caller.late = late
        assert "margin of 5 minutes" in (await caller.send()).json["error"]["message"]
    caller.late = 299.0
    assert (await caller.send()).status == 202
    assert (await caller.send(Authorization="")).status == 401
    assert (await caller.send(x_ms_date="yesterday")).status == 401


async def test_a_key_that_was_renewed_is_refused_at_once(caller: Caller) -> None:
    caller.box.world.patch({"tenant": {"communication": {"access_keys": ["bmV3"]}}})
    assert (await caller.send()).status == 401


def token(box: Sandbox, **changes: Any) -> str:
    given: dict[str, Any] = {
        "application": box.tenant.applications[seeds.BULK_CLIENT_ID],
        "tenant_id": box.tenant.tenant_id,
        "audience": "https://communication.azure.com",
        "roles": (),
        "by": "1",
        "now": box.clock.time(),
    }
    return Signer(box.keys.signing_key, box.world.random).issue(**given | changes).token


async def test_tokens(caller: Caller) -> None:
    box = caller.box
    assert (await caller.send(Authorization=f"Bearer {token(box)}")).status == 202
    slash = token(box, audience="https://communication.azure.com/")
    assert (await caller.send(Authorization=f"Bearer {slash}")).status == 202, "the client asks with a second slash"
    other = token(box, audience="https://graph.microsoft.com")
    assert (await caller.send(Authorization=f"Bearer {other}")).status == 401
    old = token(box, now=box.clock.time() - 90_000)
    assert (await caller.send(Authorization=f"Bearer {old}")).status == 401
    box.world.patch({"tenant": {"communication": {"owners": []}}})
    assert (await caller.send(Authorization=f"Bearer {token(box)}")).status == 403


# -- messages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"senderAddress": "donotreply@fabrikam.example"}, 404, "DomainNotLinked"),
        ({"senderAddress": "nobody@contoso.example"}, 400, "InvalidSenderUserName"),
        ({"recipients": {"to": [{"address": "no address"}]}}, 400, "BadRequest"),
        ({"recipients": {"to": []}}, 400, "BadRequest"),
        ({"recipients": {"bcc": [{"address": OUTSIDE}]}}, 400, "BadRequest"),
        ({"recipients": {"to": [{"address": f"u{n}@x.example"} for n in range(51)]}}, 400, "BadRequest"),
        ({"content": {"subject": "x"}}, 400, "BadRequest"),
        ({"content": {"plainText": "x"}}, 400, "BadRequest"),
        ({"mime": "x"}, 400, "BadRequest"),
        ({"headers": {"From": "x@y.example"}}, 400, "BadRequest"),
        ({"attachments": [{"name": "a.exe", "contentType": "application/x-msdownload", "contentInBase64": ""}]}, 400,
         "BadRequest"),
        ({"attachments": [{"name": "a.pdf", "contentType": "application/pdf", "contentInBase64": "!"}]}, 400,
         "BadRequest"),
    ],
)  # fmt: skip
async def test_what_is_refused(caller: Caller, changes: dict[str, Any], status: int, code: str) -> None:
    heard = await caller.send(simple(**changes))
    assert (heard.status, heard.code) == (status, code)
    assert heard.headers["x-ms-error-code"] == code
    assert len(list(caller.box.mail)) == 0
    assert (await caller.send()).status == 202


async def test_reserved_headers(caller: Caller) -> None:
    """concepts/email/email-headers.md, 2025-01-09."""
    bad = {"name": "a.exe", "contentType": "application/x-msdownload", "contentInBase64": "AAAA"}
    wish = {"x-ms-acsemail-suppress-invalid-attachment": "true"}
    assert (await caller.send(simple(attachments=[bad], headers=wish))).status == 202
    assert list(arrived(caller.box).iter_attachments()) == []
    assert arrived(caller.box)["x-ms-acsemail-suppress-invalid-attachment"] is None
    image = {"name": "a.png", "contentType": "image/png", "contentInBase64": "AAAA", "contentId": "one"}
    assert (await caller.send(simple(attachments=[image, image]))).status == 400
    wish = {"x-ms-acsemail-ignore-duplicate-content-id": "true"}
    assert (await caller.send(simple(attachments=[image, image], headers=wish))).status == 202
    caller.box.mail.clear()
    for identity, kept in (("<guid@domain.com>", True), ("guid@domain.com", False), ("<guid>", False)):
        caller.box.mail.clear()
        assert (await caller.send(simple(headers={"Message-ID": identity}))).status == 202
        assert (arrived(caller.box)["Message-ID"] == identity) is kept
    wish = {"Message-ID": "<guid>", "x-ms-acsemail-validate-message-id": "true"}
    assert (await caller.send(simple(headers=wish))).status == 400


async def test_inline_images(caller: Caller) -> None:
    image = {"name": "logo.png", "contentType": "image/png", "contentInBase64": "iVBORw==", "contentId": "logo"}
    content = {"subject": "x", "html": '<img src="cid:logo">', "plainText": "logo"}
    assert (await caller.send(simple(content=content, attachments=[image]))).status == 202
    found = [part for part in arrived(caller.box).walk() if part["Content-ID"] == "<logo>"]
    assert len(found) == 1
    assert found[0].get_content_disposition() == "inline"


async def test_who_bounces_is_suppressed_and_partly_suppressed_mail_goes_on(caller: Caller) -> None:
    nobody = {"address": "nobody@contoso.example"}
    await caller.send(simple(recipients={"to": [nobody, {"address": OUTSIDE}]}))
    assert [message.box for message in caller.box.mail] == [OUTSIDE]
    assert "nobody@contoso.example" in caller.box.tenant.communication.suppressed
    caller.box.mail.clear()
    heard = await caller.send(simple(recipients={"to": [nobody, {"address": "anna@contoso.example"}]}))
    assert [(message.box, message.folder) for message in caller.box.mail] == [("anna@contoso.example", Folder.INBOX)]
    await caller.status(heard.json["id"])
    assert (await caller.status(heard.json["id"])).json["status"] == "Succeeded"


def suppress(box: Sandbox, address: str) -> None:
    entry = {address: {"until": "2099-01-01T00:00:00Z"}}
    box.world.patch({"tenant": {"communication": {"suppressed": entry}}})


# -- operations, limits, faults ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", ["conflict", "accept"])
async def test_an_operation_sends_once(caller: Caller, known: str) -> None:
    caller.box.world.tune(acs={"known_operation": known})
    await caller.send(Operation_Id=ID)
    again = await caller.send(Operation_Id=ID)
    assert again.status == (409 if known == "conflict" else 202)
    assert len(list(caller.box.mail)) == 1
    assert (await caller.send(Operation_Id="no uuid")).status == 400
    assert (await caller.status("00000000-0000-0000-0000-000000000000")).status == 404


async def test_the_limits_are_those_of_smtp_too(caller: Caller) -> None:
    box = caller.box
    box.world.tune(acs={"messages_per_minute": 2, "messages_per_hour": 3})
    now = box.clock.time()
    box.world.throttles.window("acs/minute", 60.0).add(now, 1)
    assert (await caller.send()).status == 202
    heard = await caller.send()
    assert (heard.status, heard.code, heard.headers["Retry-After"]) == (429, "TooManyRequests", "61")
    box.clock.advance(61)
    assert (await caller.send()).status == 202
    box.clock.advance(61)
    assert (await caller.send()).status == 202
    assert int((await caller.send()).headers["Retry-After"]) > 3000, "the hour is full"


async def test_asking_has_limits_of_its_own(caller: Caller) -> None:
    caller.box.world.tune(acs={"status_per_minute": 2})
    await caller.send(Operation_Id=ID)
    assert [(await caller.status(ID)).status for _ in range(3)] == [200, 200, 429]
    assert (await caller.send()).status == 202


async def test_ten_megabytes(caller: Caller) -> None:
    big = {"name": "a.zip", "contentType": "application/zip", "contentInBase64": "A" * (10 << 20)}
    heard = await caller.send(simple(attachments=[big]))
    assert (heard.status, heard.json["error"]["message"]) == (400, "Email payload must be less than 10 MB.")


async def test_faults(caller: Caller) -> None:
    faults = caller.box.faults
    body = '{"error":{"code":"ServiceUnavailable"}}'
    faults.add(Fault(surface="acs-rest", at="request", action="reply", body=body, retry_after=7, count=1))
    heard = await caller.send()
    assert (heard.status, heard.headers["Retry-After"]) == (503, "7")
    faults.add(Fault(surface="acs-rest", at="response", action="take-and-drop", count=1, match={"operation": "send"}))
    with pytest.raises(aiohttp.ClientError):
        await caller.send(Operation_Id=ID)
    assert (await caller.status(ID)).status == 200, "it was done"


async def test_what_is_not_here_says_so(caller: Caller) -> None:
    heard = await caller.ask("POST", f"/sms{VERSION}", {})
    assert heard.status == 501
    assert heard.json["error"]["message"] == "not implemented in the sandbox: POST /sms"
    assert (await caller.ask("POST", "/emails:send?api-version=1999-01-01", simple())).status == 400
    assert next(one.path for one in caller.box.recorder.requests if one.surface == "acs-rest") == "/sms"


async def test_no_secret_is_recorded(caller: Caller) -> None:
    await caller.send()
    assert "Signature" not in repr(list(caller.box.recorder.requests))
    assert seeds.ACS_KEYS[0] not in repr(caller.box.tenant)
