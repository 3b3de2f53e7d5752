"""The pains of other gateways' users that concern Microsoft Graph and ACS over HTTPS, each by its number in the survey
of issue threads, against the sandbox."""

from __future__ import annotations

import asyncio
import email
import json
from collections.abc import AsyncIterator
from email import policy
from email.message import EmailMessage

import pytest

from corpus.letters import crlf, fields, multipart, part
from mailferry.m365.errors import explain
from mailferry.mail.outcome import Delivered
from mailferry.routes.faults import Fault as LaneFault
from mailferry.sandbox.certificates import Keys, make_keys
from mailferry.sandbox.faults import Fault
from mailferry.sandbox.mailbox import Folder
from mailferry.sandbox.organisation import SECRET_CLIENT_ID
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.settings import SandboxSettings
from support.sandbox_graph import graph_client
from support.sandbox_lab import AFTER
from support.sandbox_routes import ERP, way
from support.transport_contract import assert_delivered, assert_failed, assert_held, assert_unknown, kinds, only

ANNA, BEN, SCANNER = "anna@contoso.example", "ben@contoso.example", "scanner@contoso.example"
WEB = ("graph", "graph-json", "acs-rest")
#: Microsoft Graph in the form that takes the message apart, for ERP's own mail too.
APART = {"other_from": "send-as", "mailbox": SCANNER}


@pytest.fixture(scope="module")
def keys() -> Keys:
    return make_keys()


@pytest.fixture
async def box(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    async with Sandbox(SandboxSettings(at=AFTER, running=False), keys=keys) as sandbox:
        boxes = {ERP: {"send_as": [*sandbox.tenant.mailboxes[ERP].send_as, SCANNER]}}
        sandbox.world.patch({"tenant": {"mailboxes": boxes}})
        sandbox.world.tune(messages_per_minute=0, acs={"running_looks": 0, "retry_after": 0})
        yield sandbox


def letter(*more: str, to: str = ANNA, sender: str = f"ERP <{ERP}>", text: str = "Hello") -> bytes:
    return crlf(fields(*more, sender=sender, to=f"To: {to}"), text)


def copies(box: Sandbox, address: str = ANNA) -> list[EmailMessage]:
    """What lies in an inbox, as the standard library reads it."""
    return [read(one.raw) for one in box.mail.find(box=address) if one.folder is not Folder.SENT]


def read(raw: bytes) -> EmailMessage:
    made = email.message_from_bytes(raw, policy=policy.default)
    assert isinstance(made, EmailMessage)
    return made


def content(message: EmailMessage) -> str:
    return str(message.get_content()).replace("\r\n", "\n").rstrip("\n")


def operations(box: Sandbox) -> list[str]:
    return [f"{one.method} {one.path.rpartition('/')[2]}" for one in box.recorder.requests if one.surface == "graph"]


# -- what a message is ------------------------------------------------------------------------------------------------


async def test_pain_15_an_at_sign_in_the_display_name_makes_no_other_sender(box: Sandbox) -> None:
    """A copier writes its own name before its address, unquoted. Raw, the service takes that for the author."""
    box.world.tune(graph_mime_from="deny")
    data = letter(sender=f"scan@floor3 <{ERP}>", to=f"anna@desk <{ANNA}>")
    async with graph_client(box) as raw:
        heard = await raw.mime(data, user=ERP)
        assert (heard.status, heard.code) == (403, "ErrorSendAsDenied")
    async with way(box, "graph") as out:
        assert_delivered(await out.send(ANNA, data=data))
    (got,) = copies(box)
    (author,) = got["From"].addresses
    assert (author.display_name, author.addr_spec) == ("scan@floor3", ERP)


async def test_pain_22_from_is_never_replaced_in_silence(box: Sandbox) -> None:
    """MIME goes out as the mailbox whatever From says: so it is held and said, rewritten or really sent as."""
    data = letter(sender=f"ERP <{ERP}>")
    async with way(box, "graph", mailbox=SCANNER) as out:
        assert_held(await out.send(ANNA, data=data), "sender", f"send this as {SCANNER}", ERP, "rewrite_from")
        assert out.arrived == []
    async with way(box, "graph", mailbox=SCANNER, other_from="rewrite") as out:
        assert_delivered(await out.send(ANNA, data=data))
        (got,) = copies(box)
        assert got["From"].addresses[0].addr_spec == SCANNER
        assert got["Reply-To"].addresses[0].addr_spec == ERP
    box.mail.clear()
    async with way(box, "graph", **APART) as out:
        assert_delivered(await out.send(ANNA, data=data))
        (got,) = copies(box)
        assert (got["From"].addresses[0].display_name, got["From"].addresses[0].addr_spec) == ("ERP", ERP)
        assert got["Reply-To"] is None


async def test_pain_28_soft_line_breaks_survive_graph(box: Sandbox) -> None:
    qp = "Content-Transfer-Encoding: quoted-printable"
    data = crlf(fields(qp, sender=f"ERP <{ERP}>", to=f"To: {ANNA}"), "H=C3=A4tte =E2=82=AC =", "weiter=20", "=3D", ".")
    async with way(box, "graph") as out:
        assert_delivered(await out.send(ANNA, data=data))
        assert box.mail.find(box=ANNA)[0].raw.partition(b"\r\n\r\n")[2] == data.partition(b"\r\n\r\n")[2]
    box.mail.clear()
    for name, changes in (("graph", APART), ("acs-rest", {})):
        async with way(box, name, **changes) as out:
            assert_delivered(await out.send(ANNA, data=data))
        assert content(copies(box).pop()) == "Hätte € weiter \n=\n.", name
        box.mail.clear()


@pytest.mark.parametrize("name", WEB)
@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-8", "iso-2022-jp"])
async def test_pain_29_accents_and_reply_to_survive(box: Sandbox, name: str, charset: str) -> None:
    text = "在庫が不足" if charset == "iso-2022-jp" else "Größe: 5 µm, déjà vu"
    head = [
        f"From: ERP <{ERP}>", f"To: {ANNA}", "Reply-To: =?utf-8?Q?J=C3=B6rg?= <desk@fabrikam.example>",
        "Subject: =?iso-8859-1?Q?Gr=FC=DFe?=", "MIME-Version: 1.0", f"Content-Type: text/plain; charset={charset}",
        f"Content-Transfer-Encoding: {'7bit' if charset == 'iso-2022-jp' else '8bit'}",
    ]  # fmt: skip
    changes = {"mailbox": SCANNER} if name == "graph-json" else {}
    async with way(box, name, **changes) as out:
        assert_delivered(await out.send(ANNA, data=crlf(head, text, charset=charset)))
    (got,) = copies(box)
    assert content(got) == text
    assert got["Subject"] == "Grüße"
    (answer,) = got["Reply-To"].addresses
    assert (answer.display_name, answer.addr_spec) == ("Jörg", "desk@fabrikam.example")


async def test_pain_30_custom_headers_are_kept_or_their_loss_is_said(box: Sandbox) -> None:
    """MIME keeps every field. Where the JSON form cannot carry them, the message is refused rather than stripped."""
    own = [f"X-Job-{number}: {number}" for number in range(5)]
    data = letter(*own, "X-Job-5: 5", "List-Unsubscribe: <mailto:off@contoso.example>")
    async with way(box, "graph") as out:
        assert_delivered(await out.send(ANNA, data=data))
        assert box.mail.find(box=ANNA, folder=Folder.INBOX)[0].raw == data
    box.mail.clear()
    async with way(box, "graph", **APART) as out:
        assert_failed(await out.send(ANNA, data=data), "554 5.6.2", "List-Unsubscribe")
        assert out.arrived == []
        assert_delivered(await out.send(ANNA, data=letter(*own)))
    (got,) = copies(box)
    assert [got[f"X-Job-{number}"] for number in range(5)] == ["0", "1", "2", "3", "4"]


async def test_pain_30_what_sent_items_keeps_is_the_proof_of_sending(box: Sandbox) -> None:
    """Graph's MIME form has no switch for it, so the copy is put to use: `lookup` settles lost answers by its
    Message-ID. Who wants none takes client submission, where the mailbox has a switch."""
    async with way(box, "graph") as out:
        assert_delivered(await out.send(ANNA, BEN, data=letter()))
    (kept,) = box.mail.find(box=ERP, folder=Folder.SENT)
    assert read(kept.raw)["Message-ID"] == "<s1@contoso.example>"
    box.mail.clear()
    box.world.patch({"tenant": {"mailboxes": {ERP: {"message_copy_for_smtp_client_submission_enabled": False}}}})
    async with way(box, "exchange-smtp") as out:
        assert_delivered(await out.send(ANNA, data=letter()))
    assert box.mail.find(box=ERP, folder=Folder.SENT) == []


# -- who gets it ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WEB)
async def test_pain_26_a_recipient_of_the_envelope_alone_gets_it_unseen(box: Sandbox, name: str) -> None:
    changes = {"mailbox": SCANNER} if name == "graph-json" else {}
    async with way(box, name, **changes) as out:
        assert_delivered(await out.send(ANNA, BEN, data=letter()))
        assert {one.box for one in box.mail if one.folder is not Folder.SENT} == {ANNA, BEN}
    for got in (*copies(box), *copies(box, BEN)):
        assert got["Bcc"] is None
        assert BEN not in str(got)


@pytest.mark.parametrize("name", WEB)
async def test_pain_27_who_stands_in_the_header_alone_gets_nothing(box: Sandbox, name: str) -> None:
    """Refused with the names, or sent with them out of the service's sight; never mailed to them."""
    changes = {"mailbox": SCANNER} if name == "graph-json" else {}
    data = letter("Cc: it@contoso.example")
    async with way(box, name, **changes) as out:
        assert_failed(await out.send(ANNA, data=data), "554 5.6.2", "it@contoso.example", "header_only")
        assert out.arrived == []
    async with way(box, name, header_only="rename", **changes) as out:
        assert_delivered(await out.send(ANNA, data=data))
    assert {one.box for one in box.mail if one.folder is not Folder.SENT} == {ANNA}
    (got,) = copies(box)
    assert got["Cc"] is None


async def test_pain_25_send_as_is_a_right_of_its_own_and_its_lack_is_explained(box: Sandbox) -> None:
    """Full access to a shared mailbox is not the right to send as it; send on behalf shows who really wrote."""
    shared = {"full_access": [SCANNER], "send_as": []}
    box.world.patch({"tenant": {"mailboxes": {ERP: shared}}})
    async with way(box, "graph", **APART) as out:
        held = await out.send(ANNA, data=letter())
        assert_held(held, "sender", "ErrorSendAsDenied")
        (fact, *_) = explain(str(only(held).reply))
        assert fact.id == "graph-send-as-denied"
        assert any("-AccessRights SendAs" in command for command in fact.commands)
        box.world.patch({"tenant": {"mailboxes": {ERP: {"send_on_behalf": [SCANNER]}}}})
        assert_delivered(await out.send(ANNA, data=letter()))
        (got,) = copies(box)
        assert (got["From"].addresses[0].addr_spec, got["Sender"].address.addr_spec) == (ERP, SCANNER)
        box.mail.clear()
        box.world.patch({"tenant": {"mailboxes": {ERP: {"send_as": [SCANNER]}}}})
        assert_delivered(await out.send(ANNA, data=letter()))
    (got,) = copies(box)
    assert (got["From"].addresses[0].addr_spec, got["Sender"]) == (ERP, None)


# -- how large, how many ----------------------------------------------------------------------------------------------


def large(octets: int) -> bytes:
    scan = ["%PDF".ljust(76, "x")] * (octets // 78)
    pages = part("application/pdf", *scan, head=('Content-Disposition: attachment; filename="scan.pdf"',))
    whole = multipart("mixed", part("text/plain", "A scan."), pages)
    return whole.replace(b"Scanner 3F <scan@contoso.example>", ERP.encode()).replace(
        b"ann@fabrikam.example", ANNA.encode()
    )


async def test_pain_31_what_is_over_the_limit_of_a_request_goes_by_upload_or_is_refused_with_figures(
    box: Sandbox,
) -> None:
    """A third more than its octets counts, and the service is never asked what it would answer 413."""
    async with way(box, "graph") as out:
        assert_delivered(await out.send(ANNA, data=large(2_800_000)))
        box.recorder.requests.clear()
        assert_failed(
            await out.send(ANNA, data=large(3_300_000)), "552 5.3.4", "takes at most 3145728 octets", "upload"
        )
        assert operations(box) == []
    box.mail.clear()
    async with way(box, "graph", large="upload") as out:
        assert_delivered(await out.send(ANNA, data=large(5_000_000)))
        assert {one.status for one in box.recorder.requests if one.surface == "graph"} <= {200, 201, 202}
    (got,) = copies(box)
    (scan,) = got.iter_attachments()
    assert len(scan.get_content()) > 4_900_000


async def test_pain_31_an_answer_of_200_where_202_was_due_is_not_taken_for_sent(box: Sandbox) -> None:
    box.world.tune(graph_mime_ignored_over=2_240_000)
    async with way(box, "graph") as out:
        assert_unknown(await out.send(ANNA, data=large(2_500_000)), "200")
        assert out.arrived == []


async def test_pain_32_the_right_to_read_mail_is_asked_for_by_nobody(box: Sandbox) -> None:
    """With Mail.Send alone all mail goes but what needs an upload, which touches no mailbox unless it is allowed to."""
    box.world.patch({"tenant": {"applications": {SECRET_CLIENT_ID: {"graph_roles": ["Mail.Send"]}}}})
    async with way(box, "graph") as out:
        assert_delivered(await out.send(ANNA, BEN, data=letter()))
        assert_delivered(await out.send(ANNA, data=large(2_800_000)))
        assert_failed(await out.send(ANNA, data=large(5_000_000)), "552 5.3.4", "Send it by another route")
        assert set(operations(box)) == {"POST sendMail"}
    async with way(box, "graph", large="upload") as out:
        held = await out.send(ANNA, data=large(5_000_000))
        assert_held(held, "sender", "creating a draft")
        (fact, *_) = explain(str(only(held).reply))
        assert "Mail.ReadWrite" in fact.cause.en + fact.cure.en
        assert_delivered(await out.send(ANNA, data=letter()))


async def test_pain_34_four_at_once_for_a_mailbox_and_more_for_the_next(box: Sandbox) -> None:
    """Twelve messages of one mailbox and four of another: never a refusal; and what others cause slows the lane."""
    async with way(box, "graph") as out:
        mine = [out.send(ANNA, data=letter(), number=number) for number in range(12)]
        others = [
            out.send(ANNA, data=letter(sender=SCANNER), sender=SCANNER, number=100 + number) for number in range(4)
        ]
        for result in await asyncio.gather(*mine, *others):
            assert_delivered(result)
        assert len(copies(box)) == 16
        assert not [one for one in box.recorder.requests if one.surface == "graph" and one.status == 429]
        said = "Application is over its MailboxConcurrency limit."
        busy = json.dumps({"error": {"code": "ApplicationThrottled", "message": said}})
        box.faults.add(
            Fault(surface="graph", at="request", action="reply", status=429, retry_after=7, body=busy, count=1)
        )
        held = await out.send(ANNA, data=letter())
        assert_held(held, "throttle", "MailboxConcurrency")
        assert only(held).retry_after == 7  # type: ignore[union-attr]
        assert only(held).lane_fault == LaneFault.THROTTLE  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["graph", "graph-json"])
async def test_pain_35_a_lost_answer_of_graph_is_unknown_and_seen_as_such(box: Sandbox, name: str) -> None:
    """Graph has no key by which it would know the message again; its Message-ID stays the same, so people can."""
    changes = {"mailbox": SCANNER} if name == "graph-json" else {}
    async with way(box, name, **changes) as out:
        box.faults.add(Fault(surface="graph", at="response", action="take-and-drop", count=1))
        assert_unknown(await out.send(ANNA, data=letter()))
        assert kinds(await out.send(ANNA, data=letter())) == [Delivered]
    assert {got["Message-ID"] for got in copies(box)} == {"<s1@contoso.example>"}
    assert len(copies(box)) == 2


async def test_pain_35_acs_knows_an_operation_again(box: Sandbox) -> None:
    box.faults.add(Fault.model_validate(
        {"surface": "acs-rest", "at": "response", "action": "take-and-drop", "match": {"operation": "send"}, "count": 1}
    ))  # fmt: skip
    async with way(box, "acs-rest") as out:
        assert_delivered(await out.send(ANNA, data=letter()))
    assert len(copies(box)) == 1
