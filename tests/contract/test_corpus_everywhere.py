"""Every letter of the corpus over every route, into the sandbox: identical where the route can, and where it cannot,
either the same content with what changed named, or refused or held with the reason. Never to anybody else."""

from __future__ import annotations

import email
from collections import Counter
from collections.abc import AsyncIterator
from email import policy
from email.message import EmailMessage

import pytest

from corpus.letters import LETTERS, MAILBOX, Letter
from mailferry.mail.body import BytesBody
from mailferry.mail.fidelity import GRAPH, Form, assess
from mailferry.mail.headers import Header, decode_text
from mailferry.mail.mime import content, scan
from mailferry.mail.outcome import Delivered
from mailferry.routes.acs_letter import FORM
from mailferry.routes.api import Result
from mailferry.routes.json_parts import decoded
from mailferry.sandbox.certificates import Keys, make_keys
from mailferry.sandbox.mailbox import Folder
from mailferry.sandbox.organisation import SECRET_CLIENT_ID
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.settings import SandboxSettings
from support.sandbox_lab import BEFORE
from support.sandbox_routes import INTERNAL_ONLY, Way, way

#: Who the letters are for, inside for routes that go no further.
PEOPLE = ("ann", "bob", "eve")
ENVELOPE_TRUE = ("exchange-smtp", "acs-smtp", "exchange-relay", "connector-certificate", "connector-ip", "direct-send")


@pytest.fixture(scope="module")
def keys() -> Keys:
    return make_keys()


@pytest.fixture
async def box(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    async with Sandbox(SandboxSettings(at=BEFORE, running=False), keys=keys) as sandbox:
        domains = {"contoso.example": ["donotreply", "scan", "billing"]}
        trustees = [box_rights(sandbox), "erp@contoso.example"]
        boxes = {
            f"{name}@contoso.example": {
                "address": f"{name}@contoso.example", "full_access": trustees[:1], "send_as": trustees,
            }
            for name in ("scan", "billing", *PEOPLE)
        }  # fmt: skip
        sandbox.world.patch({"tenant": {"communication": {"domains": domains}, "mailboxes": boxes}})
        no_limit = dict.fromkeys(
            ("messages_per_minute", "messages_per_hour", "status_per_minute", "status_per_hour", "retry_after"), 0
        )
        sandbox.world.tune(acs={**no_limit, "running_looks": 0}, messages_per_minute=0)
        yield sandbox


def box_rights(sandbox: Sandbox) -> str:
    """The application that sends, as a trustee."""
    return sandbox.tenant.applications[SECRET_CLIENT_ID].service_principal


def inside(letter: Letter) -> Letter:
    """The same for people of the organisation."""
    data = letter.data.replace(b"@fabrikam.example", b"@contoso.example")
    to = tuple(address.replace("@fabrikam.example", "@contoso.example") for address in letter.to)
    return Letter(letter.name, data.replace(b"@FABRIKAM.EXAMPLE", b"@CONTOSO.EXAMPLE"), to, letter.way, letter.edited)


async def send(out: Way, letter: Letter, number: int) -> tuple[Result, dict[str, bytes]]:
    """The result, and what arrived for whom."""
    out.box.mail.clear()
    result = await out.send(*letter.to, data=letter.data, sender=MAILBOX, number=number)
    copies = [one for one in out.box.mail if one.folder is not Folder.SENT and one.received.surface != "report"]
    assert len(copies) == len({one.box for one in copies}), letter.name
    return result, {one.box.lower(): one.raw for one in copies}


def check_refused(result: Result, arrived: dict[str, bytes], letter: Letter) -> str:
    """It is said why, and nobody got anything. The word for it."""
    assert arrived == {}, (letter.name, result)
    (outcome,) = set(result.outcomes)
    assert len(outcome.reply.text) > 20, (letter.name, outcome)
    return type(outcome).__name__.lower()


def ended(data: bytes) -> bytes:
    """A last line without an end gets one."""
    return data if data.endswith(b"\r\n") else data + b"\r\n"


@pytest.mark.parametrize("name", [*ENVELOPE_TRUE, "hve"])
async def test_by_smtp(box: Sandbox, name: str) -> None:
    counts: Counter[str] = Counter()
    async with way(box, name) as out:
        for number, one in enumerate(LETTERS, 1):
            letter = inside(one) if name in INTERNAL_ONLY else one
            result, arrived = await send(out, letter, number)
            if not all(isinstance(outcome, Delivered) for outcome in result.outcomes):
                counts[check_refused(result, arrived, letter)] += 1
                continue
            assert set(arrived) == {address.lower() for address in letter.to}, letter.name
            (raw,) = set(arrived.values())
            if name == "hve":  # From names the account, and says so
                assert b"X-Mailferry-Original-From:" in raw or not Header(letter.data).has(b"from"), letter.name
                assert raw.partition(b"\r\n\r\n")[2] == ended(letter.data).partition(b"\r\n\r\n")[2], letter.name
                counts["edited"] += 1
            else:
                assert raw == ended(letter.data), letter.name
                counts["identical"] += 1
    assert sum(counts.values()) == len(LETTERS)
    expected = {"hve": {"edited": len(LETTERS)}, "exchange-smtp": {"identical": 65, "deferred": 2}}
    assert counts == expected.get(name, {"identical": len(LETTERS)})


async def test_by_graph_as_it_is(box: Sandbox) -> None:
    counts: Counter[str] = Counter()
    async with way(box, "graph") as out:
        for number, letter in enumerate(LETTERS, 1):
            result, arrived = await send(out, letter, number)
            if letter.way in ("failed", "held"):
                counts[check_refused(result, arrived, letter)] += 1
                continue
            assert set(arrived) == {address.lower() for address in letter.to}, (letter.name, result)
            (raw,) = set(arrived.values())
            if letter.way == "identical" and not Header(letter.data).has(b"bcc"):
                assert raw == letter.data, letter.name
                counts["identical"] += 1
            else:
                assert raw.partition(b"\r\n\r\n")[2] == letter.data.partition(b"\r\n\r\n")[2] or letter.edited == ()
                assert b"\nbcc:" not in raw.lower(), letter.name
                counts["edited"] += 1
    assert counts == {"identical": 55, "edited": 8, "failed": 2, "deferred": 2}


@pytest.mark.parametrize(
    ("name", "form", "expected"),
    [
        ("graph-json", GRAPH, {"lossless": 34, "cosmetic": 11, "failed": 21, "deferred": 1}),
        ("acs-rest", FORM, {"lossless": 40, "cosmetic": 9, "failed": 18}),
        ("acs-rest-oauth", FORM, {"lossless": 40, "cosmetic": 9, "failed": 18}),
    ],
)
async def test_taken_apart(box: Sandbox, name: str, form: Form, expected: dict[str, int]) -> None:
    counts: Counter[str] = Counter()
    async with way(box, name) as out:
        for number, letter in enumerate(LETTERS, 1):
            result, arrived = await send(out, letter, number)
            report = assess(await scan(BytesBody(letter.data)), form)
            if not all(isinstance(outcome, Delivered) for outcome in result.outcomes):
                counts[check_refused(result, arrived, letter)] += 1
                if report.damage:
                    assert any(one.text in str(result.outcomes[0].reply) for one in report.damage), letter.name
                continue
            assert not report.damage, letter.name
            assert set(arrived) == {address.lower() for address in letter.to}, letter.name
            (raw,) = set(arrived.values())
            await check_content(letter, raw, form)
            counts[report.severity.name.lower()] += 1
    assert sum(counts.values()) == len(LETTERS)
    assert counts == expected


async def check_content(letter: Letter, raw: bytes, form: Form) -> None:
    """Subject, texts and attachments, as the standard library reads them in what arrived."""
    body = BytesBody(letter.data)
    report = assess(await scan(body), form)
    got = email.message_from_bytes(raw, policy=policy.default)
    assert isinstance(got, EmailMessage)
    assert str(got["subject"] or "") == decode_text(Header(letter.data).value(b"subject") or b""), letter.name
    texts = [part.get_content() for part in got.walk() if part.get_content_type() in ("text/plain", "text/html")
             and part.get_content_disposition() is None]  # fmt: skip
    wanted = [await decoded(body, part) for part in (report.plain, report.text) if part is not None]
    assert [same(text) for text in texts if same(text)] == [same(text) for text in wanted if same(text)], letter.name
    found = [part for part in got.walk() if part.get_content_disposition() in ("attachment", "inline")]
    given = [b"".join([piece async for piece in content(body, one.part)]) for one in report.attachments]
    assert sorted(part.get_payload(decode=True) for part in found) == sorted(given), letter.name
    names = {part.get_filename() for part in found}
    assert all(one.part.filename in names for one in report.attachments if one.part.filename), letter.name
    for field, value in report.own_fields:
        assert str(got[field]) == value, letter.name


def same(text: str) -> str:
    return text.replace("\r\n", "\n").rstrip("\n")
