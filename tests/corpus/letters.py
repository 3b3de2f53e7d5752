"""Messages as devices, programs and people write them, with what becomes of each on its way through Microsoft Graph.

`way`: identical (MIME, octet for octet), edited (MIME, and `edited` says which fields differ), failed or held.
`json`: the worst that the JSON form would do to it; `kinds`: what the report must name.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass

ANN, BOB, EVE = "ann@fabrikam.example", "bob@fabrikam.example", "eve@fabrikam.example"
MAILBOX = "scan@contoso.example"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(256))).decode()
PDF = base64.b64encode(b"%PDF-1.7\n" + bytes(range(256)) * 8).decode()


@dataclass(frozen=True)
class Letter:
    name: str
    data: bytes
    to: tuple[str, ...] = (ANN,)
    way: str = "identical"
    edited: tuple[str, ...] = ()
    json: str = "lossless"
    kinds: tuple[str, ...] = ()
    says: str = ""


def fields(
    *more: str, sender: str = f"Scanner 3F <{MAILBOX}>", to: str = f"To: {ANN}", plain: bool = True
) -> list[str]:
    """The usual header, with Message-ID; the caller ends it."""
    mime = ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8"] if plain else ["MIME-Version: 1.0"]
    own = [f"From: {sender}"] if sender else []
    return [*own, *([to] if to else []), "Subject: Scan", "Message-ID: <s1@contoso.example>", *mime, *more]


def crlf(lines: list[str], *body: str, charset: str = "utf-8") -> bytes:
    return "\r\n".join([*lines, "", *body, ""]).encode(charset)


def multipart(kind: str, *parts: list[str], extra: str = "", boundary: str = "=_b1") -> bytes:
    lines = fields(f'Content-Type: multipart/{kind}; boundary="{boundary}"{extra}', plain=False)
    return crlf(lines, *joined(boundary, *parts))


def joined(boundary: str, *parts: list[str]) -> list[str]:
    out: list[str] = []
    for part in parts:
        out += [f"--{boundary}", *part]
    return [*out, f"--{boundary}--"]


def part(kind: str, *body: str, head: tuple[str, ...] = ()) -> list[str]:
    return [f"Content-Type: {kind}", *head, "", *body]


def attached(name: str = "scan.pdf", kind: str = "application/pdf", data: str = PDF) -> list[str]:
    parameter = name if name.startswith("filename") else f'filename="{name}"'
    head = (f"Content-Disposition: attachment; {parameter}", "Content-Transfer-Encoding: base64")
    return part(kind, *wrapped(data), head=head)


def wrapped(text: str) -> list[str]:
    return [text[at : at + 76] for at in range(0, len(text), 76)]


PLAIN, HTML = part("text/plain", "Good day."), part("text/html; charset=utf-8", "<p>Good day.</p>")


def texts() -> Iterator[Letter]:
    yield Letter("plain", crlf(fields(), "Hello"))
    yield Letter("empty-body", crlf(fields()))
    yield Letter("no-body-at-all", "\r\n".join([*fields(), ""]).encode())
    yield Letter("html-only", crlf(fields("Content-Type: text/html", plain=False), "<p>Hello</p>"))
    yield Letter(
        "eight-bit", crlf(fields("Content-Transfer-Encoding: 8bit"), "Grüße 日本語"), kinds=("transfer-encoding",)
    )
    yield Letter("eight-bit-undeclared", crlf(fields(), "Grüße"))
    yield Letter("long-lines", crlf(fields(), "x" * 5000))
    yield Letter("dots", crlf(fields(), ".", "..", "...leading"))
    soft = ("H=C3=A4tte =E2=82=AC 100 =", "weiter=20", "=3D equals")
    qp = "Content-Transfer-Encoding: quoted-printable"
    yield Letter("quoted-printable-soft-breaks", crlf(fields(qp), *soft), kinds=("transfer-encoding",))
    yield Letter("quoted-printable-broken", crlf(fields(qp), "50% =ZZ off"), json="damage", kinds=("encoding",))
    flowed = fields("Content-Type: text/plain; format=flowed; delsp=yes", plain=False)
    yield Letter("format-flowed", crlf(flowed, "A long ", "paragraph."), json="cosmetic", kinds=("flowed",))
    jis = fields("Content-Type: text/plain; charset=iso-2022-jp", "Content-Transfer-Encoding: 7bit", plain=False)
    yield Letter("iso-2022-jp", crlf(jis, "スキャンしました", charset="iso2022_jp"), kinds=("charset",))
    sjis = fields("Content-Type: text/plain; charset=Shift_JIS", plain=False)
    yield Letter("shift-jis", crlf(sjis, "株式会社①", charset="cp932"), kinds=("charset",))
    odd = fields("Content-Transfer-Encoding: x-uuencode")
    yield Letter("unknown-encoding", crlf(odd, "begin 644 x"), json="damage", kinds=("encoding",))
    yield Letter("pgp-inline", crlf(fields(), "-----BEGIN PGP SIGNED MESSAGE-----"), json="damage", kinds=("secured",))
    yield Letter("base64-text", crlf(fields("Content-Transfer-Encoding: base64"), "SGVsbG8K"))


def structures() -> Iterator[Letter]:
    yield Letter("alternative", multipart("alternative", PLAIN, HTML), json="cosmetic", kinds=("alternative",))
    wrong = multipart("alternative", HTML, PLAIN)
    yield Letter("alternative-order", wrong, json="cosmetic", kinds=("alternative-order",))
    yield Letter("attachment", multipart("mixed", PLAIN, attached()))
    yield Letter("attachment-only", multipart("mixed", attached()))
    whole = fields("Content-Type: application/pdf; name=a.pdf", "Content-Transfer-Encoding: base64", plain=False)
    yield Letter("no-multipart-just-a-pdf", crlf(whole, *wrapped(PDF)))
    inner = ['Content-Type: multipart/alternative; boundary="i"', "", *joined("i", PLAIN, HTML)]
    yield Letter("alternative-in-mixed", multipart("mixed", inner, attached()), json="cosmetic", kinds=("alternative",))
    shown = part("text/html", '<img src="cid:logo@x">')
    image = part("image/png", *wrapped(PNG), head=("Content-ID: <logo@x>", "Content-Transfer-Encoding: base64"))
    yield Letter("inline-image", multipart("related", shown, image, extra='; type="text/html"'))
    placed = part("image/png", *wrapped(PNG), head=("Content-Location: logo.png", "Content-Transfer-Encoding: base64"))
    yield Letter("inline-by-location", multipart("related", shown, placed), json="damage", kinds=("location",))
    invite = part("text/calendar; method=REQUEST", "BEGIN:VCALENDAR", "METHOD:REQUEST", "END:VCALENDAR")
    yield Letter("invitation", multipart("alternative", PLAIN, HTML, invite), json="damage", kinds=("calendar",))
    note = attached("event.ics", "text/calendar", base64.b64encode(b"BEGIN:VCALENDAR\r\n").decode())
    yield Letter("calendar-file", multipart("mixed", PLAIN, note))
    signature = attached("smime.p7s", "application/pkcs7-signature")
    protocol = '; protocol="application/pkcs7-signature"; micalg=sha-256'
    signed = multipart("signed", PLAIN, signature, extra=protocol)
    yield Letter("smime-signed", signed, json="damage", kinds=("secured",))
    opaque = fields("Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", plain=False)
    yield Letter("smime-encrypted", crlf(opaque, *wrapped(PDF)), json="damage", kinds=("secured",))
    version = part("application/pgp-encrypted", "Version: 1")
    pgp = multipart("encrypted", version, part("application/octet-stream", "-----BEGIN PGP MESSAGE-----"))
    yield Letter("pgp-mime", pgp, json="damage", kinds=("secured",))
    nested = part("message/rfc822", "From: x@y.example", "Subject: inner", "", "text", "--=_b1x")
    yield Letter("nested-message", multipart("mixed", PLAIN, nested), json="damage", kinds=("whole-only",))
    status = part("message/delivery-status", "Reporting-MTA: dns; x")
    report = multipart("report", PLAIN, status, extra="; report-type=delivery-status")
    yield Letter("report", report, json="damage", kinds=("whole-only",))
    second = multipart("mixed", PLAIN, attached(), part("text/plain", "A footer"))
    yield Letter("second-text", second, json="damage", kinds=("second-text",))
    bad = attached(data="!!!! no base64 !!!!")
    yield Letter("broken-base64", multipart("mixed", PLAIN, bad), json="damage", kinds=("encoding",))
    opened = multipart("mixed", PLAIN, attached()).replace(b"--=_b1--", b"")
    yield Letter("unclosed", opened, json="cosmetic", kinds=("unclosed",))
    lost = crlf(fields("Content-Type: multipart/mixed", plain=False), "--b", "", "x", "--b--")
    yield Letter("no-boundary", lost, json="damage", kinds=("structure",))
    nameless = part("application/pdf", *wrapped(PDF), head=("Content-Transfer-Encoding: base64",))
    yield Letter("unnamed-attachment", multipart("mixed", PLAIN, nameless), json="cosmetic", kinds=("unnamed",))


def names() -> Iterator[Letter]:
    word = "=?ISO-2022-JP?B?" + base64.b64encode("見積書.pdf".encode("iso2022_jp")).decode() + "?="
    yield Letter("attachment-name-2047", multipart("mixed", PLAIN, attached(word)))
    percent = "".join(f"%{octet:02X}" for octet in "請求書.pdf".encode("shift_jis"))
    yield Letter("attachment-name-2231", multipart("mixed", PLAIN, attached(f"filename*=Shift_JIS''{percent}")))
    parts = "filename*0*=utf-8''%E8%A6%8B; filename*1*=%E7%A9%8D.pdf"
    yield Letter("attachment-name-continued", multipart("mixed", PLAIN, attached(parts)))
    jis = base64.b64encode("スキャン文書".encode("iso2022_jp")).decode()
    subject = [f"Subject: =?ISO-2022-JP?B?{jis}?=" if one == "Subject: Scan" else one for one in fields()]
    yield Letter("subject-iso-2022-jp", crlf(subject, "x"))
    sjis = base64.b64encode("スキャン".encode("shift_jis")).decode()
    subject = [f"Subject: =?Shift_JIS?B?{sjis}?=" if one == "Subject: Scan" else one for one in fields()]
    yield Letter("subject-shift-jis", crlf(subject, "x"))
    raw = crlf(fields(), "x").replace(b"Subject: Scan", b"Subject: " + "スキャン".encode("euc_jp"))
    yield Letter("subject-raw-euc", raw)


def headers() -> Iterator[Letter]:
    yield Letter("display-name-with-at", crlf(fields(sender=f'"Scan @ Contoso" <{MAILBOX}>'), "x"))
    both = f"To: {ANN}\r\nBcc: {EVE}"
    yield Letter("bcc-header", crlf(fields(to=both), "x"), to=(ANN, EVE))
    yield Letter("bcc-header-only", crlf(fields(to=both), "x"), way="edited", edited=("bcc",))
    yield Letter("envelope-only", crlf(fields(), "x"), to=(ANN, EVE), way="edited", edited=("bcc",))
    yield Letter("nobody-named", crlf(fields(to=""), "x"), way="edited", edited=("bcc",))
    yield Letter("header-only-cc", crlf(fields(to=f"To: {ANN}\r\nCc: {EVE}"), "x"), way="failed", says=EVE)
    yield Letter("header-only-unreadable", crlf(fields(to=f"To: {ANN} {BOB}"), "x"), way="failed", says="5.6.2")
    group = f"To: Sales: {ANN}, Bob <{BOB}>;"
    yield Letter("group", crlf(fields(to=group), "x"), to=(ANN, BOB), json="cosmetic", kinds=("group",))
    hidden = "To: undisclosed-recipients:;"
    yield Letter(
        "undisclosed", crlf(fields(to=hidden), "x"), way="edited", edited=("bcc",), json="cosmetic", kinds=("group",)
    )
    folded = f'To: "Ann,\r\n the First" <{ANN}>,\r\n\tBob <{BOB}>'
    yield Letter("folded", crlf(fields(to=folded), "x"), to=(ANN, BOB))
    yield Letter("upper-case-address", crlf(fields(to=f"TO : <{ANN.upper()}>"), "x"))
    yield Letter("two-to-fields", crlf(fields(to=f"To: {ANN}\r\nTo: {BOB}"), "x"), to=(ANN, BOB), json="damage")
    yield Letter("missing-from", crlf(fields(sender=""), "x"), way="edited", edited=("from",))
    yield Letter("other-from", crlf(fields(sender="billing@contoso.example"), "x"), way="held", says="billing@")
    two = f"{MAILBOX}, billing@contoso.example"
    yield Letter("two-authors", crlf(fields(sender=two), "x"), way="held", says="billing@")
    sender = "Sender: device@contoso.example"
    yield Letter("sender-field", crlf(fields(sender), "x"), way="edited", edited=("sender",), json="cosmetic")
    twice = [*fields(), "Subject: Another"]
    yield Letter("duplicate-subject", crlf(twice, "x"), json="damage", kinds=("duplicate-field",))
    unsubscribe = fields("List-Unsubscribe: <mailto:x@y.example>")
    yield Letter("own-field", crlf(unsubscribe, "x"), json="damage", kinds=("own-field",))
    yield Letter("auto-submitted", crlf(fields("Auto-Submitted: auto-generated"), "x"), json="damage")
    few = [f"X-Job-{number}: {number}" for number in range(5)]
    yield Letter("five-x-fields", crlf(fields(*few), "x"))
    yield Letter("six-x-fields", crlf(fields(*few, "X-Job-5: 5"), "x"), json="damage", kinds=("own-fields",))
    trace = ["Received: from a by b; Tue, 24 Nov 2026 00:00:00 +0000", "Date: Tue, 24 Nov 2026 00:00:00 +0000"]
    yield Letter("trace", crlf(fields(*trace), "x"), json="cosmetic", kinds=("field",))
    thread = ["In-Reply-To: <a@b>", "References: <a@b> <c@d>", "X-Mailer: Old"]
    yield Letter("thread", crlf(fields(*thread), "x"), json="cosmetic", kinds=("field",))
    kept = ["Reply-To: desk@contoso.example", "Importance: High", "Disposition-Notification-To: <scan@contoso.example>"]
    yield Letter("reply-to-and-receipts", crlf(fields(*kept), "x"))
    broken = "\r\n".join([*fields(), "this is no field", f"To: {EVE}", "", "x", ""]).encode()
    yield Letter("broken-header", broken, way="edited")


LETTERS = (*texts(), *structures(), *names(), *headers())


def large(octets: int) -> bytes:
    """A message of about so many octets with one attachment, made at test time."""
    line = base64.b64encode(bytes(range(57)))
    start, _, end = multipart("mixed", PLAIN, attached(data="HERE")).partition(b"HERE")
    return start + (line + b"\r\n") * (octets // 78) + line + end
