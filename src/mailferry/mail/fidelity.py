"""What a message would lose were it taken apart into subject, one text and attachments, as JSON interfaces want it.

Leaves to others: reading the structure (mime), what a route does about a loss (routes). Pure.
Invariant: what is not known to be kept or to be ornament is damage, so that the answer errs on the side of not sending.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from mailferry.mail.headers import Header, decode_text
from mailferry.mail.mime import BROKEN, OPEN, TANGLED, Part


@dataclass(frozen=True, slots=True)
class Form:
    """What a service's JSON has a place for. `own_fields`: how many X- fields, 0: any number; `others`: fields beside
    them; `both_texts`: text and HTML; `once`: no two of one name; `directives`: how fields for the service begin."""

    own_fields: int
    others: frozenset[str] = frozenset()
    both_texts: bool = False
    once: bool = False
    directives: str = ""


#: "Maximum number of headers in one message should be less than or equal to 5", and their names must begin with x-.
GRAPH = Form(own_fields=5)


class Severity(IntEnum):
    LOSSLESS = 0  # carried another way, with the same meaning
    COSMETIC = 1  # differs, but nothing that people or programs rely on
    DAMAGE = 2  # the recipient would not get what was sent


@dataclass(frozen=True, slots=True)
class Finding:
    """`kind` for programs, `where` the part or field, `text` one line for people."""

    severity: Severity
    kind: str
    where: str
    text: str


@dataclass(frozen=True, slots=True)
class Attachment:
    part: Part
    inline: bool


@dataclass(slots=True)
class Report:
    """What was found, and the parts as a JSON form would take them: the text and the attachments."""

    findings: list[Finding] = field(default_factory=list)
    form: Form = GRAPH
    text: Part | None = None
    plain: Part | None = None  # the same in plain text, where the form has a place for both
    attachments: list[Attachment] = field(default_factory=list)
    own_fields: list[tuple[str, str]] = field(default_factory=list)

    @property
    def severity(self) -> Severity:
        return max((finding.severity for finding in self.findings), default=Severity.LOSSLESS)

    @property
    def damage(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity is Severity.DAMAGE]

    def add(self, severity: Severity, kind: str, where: str, text: str) -> None:
        self.findings.append(Finding(severity, kind, where, text))


_LOSSLESS, _COSMETIC, _DAMAGE = Severity
_names = re.compile(r"\S+").findall

#: Fields with a place of their own in the JSON form, or that the service writes itself with the same meaning.
_KEPT = frozenset(
    _names(
        "from to cc bcc subject reply-to message-id importance priority x-priority x-msmail-priority "
        "disposition-notification-to return-receipt-to mime-version content-type content-transfer-encoding"
    )
)
#: Trace and ornament: their loss changes nothing for whoever reads or files the message.
_ORNAMENT = {
    "date": "the service sets the time of sending",
    "sender": "the service sets the sender",
    "received": "the trace begins anew",
    "dkim-signature": "the service signs anew",
    "in-reply-to": "the thread is found by subject only",
    "references": "the thread is found by subject only",
} | dict.fromkeys(
    _names(
        "return-path delivered-to authentication-results received-spf dkim-filter arc-seal arc-message-signature "
        "arc-authentication-results user-agent organization content-language content-disposition content-description "
        "content-id comments keywords precedence thread-topic thread-index accept-language mail-system-version "
        "x-mailer x-mimeole x-originating-ip x-ms-has-attach x-ms-tnef-correlator x-php-originating-script "
        "x-php-script x-sender x-virus-scanned x-spam-status x-spam-score x-spam-level x-spam-flag "
        "x-spam-checker-version x-antivirus x-antivirus-status x-scanned-by x-library x-uidl x-mozilla-status"
    ),
    "it is left out",
)
_ONCE = frozenset({"from", "subject", "to", "cc", "reply-to", "message-id", "content-type"})
_SECURED = {
    "multipart/signed": "a signature over the text as it was sent",
    "multipart/encrypted": "encrypted content",
    "application/pkcs7-mime": "S/MIME content",
    "application/x-pkcs7-mime": "S/MIME content",
    "application/pgp-encrypted": "PGP content",
    "application/pgp": "PGP content",
}
_WHOLE_ONLY = frozenset(
    {"multipart/report", "multipart/digest", "multipart/form-data", "multipart/appledouble", "multipart/byteranges"}
)
_TEXTS = frozenset({"text/plain", "text/html"})


def assess(root: Part, form: Form = GRAPH) -> Report:
    """Weigh a whole message."""
    report = Report(form=form)
    _fields(root, report)
    _walk(root, report, "message", top=True)
    for text in (report.text, report.plain):
        if text is not None:
            _text(text, report)
    return report


# -- fields -----------------------------------------------------------------------------------------------------------


def _fields(root: Part, report: Report) -> None:
    seen: dict[str, bytes] = {}
    spare: list[tuple[str, str]] = []
    for one in Header(root.header):
        name, value = one.name.decode("ascii").lower(), one.value
        shown = one.name.decode("ascii")
        if name in seen and name in _ONCE and seen[name] != value:
            report.add(_DAMAGE, "duplicate-field", shown, f"there are several {shown} fields that differ")
        seen.setdefault(name, value)
        if "\ufffd" in decode_text(value):
            report.add(_DAMAGE, "field-charset", shown, f"the text of {shown} cannot be read")
        if name in report.form.others or (name.startswith("x-") and name not in _KEPT and name not in _ORNAMENT):
            _own(name, shown, decode_text(value), spare, report)
        elif name in _ORNAMENT:
            report.add(_COSMETIC, "field", shown, f"{shown}: {_ORNAMENT[name]}")
        elif name == "auto-submitted" and value.lower() == b"no":
            report.add(_COSMETIC, "field", shown, "Auto-Submitted: no says what is so without it")
        elif name not in _KEPT and not name.startswith("content-"):
            report.add(_DAMAGE, "own-field", shown, f"the field {shown} would be lost: only X- fields can be carried")
    most = report.form.own_fields or len(spare)
    report.own_fields = spare[:most]
    for shown, _ in spare[most:]:
        report.add(_DAMAGE, "own-fields", shown, f"the field {shown} would be lost: no more than {most} fit")
    for name in ("to", "cc"):
        if b":" in seen.get(name, b"").partition(b"<")[0]:
            report.add(_COSMETIC, "group", name.title(), "the name of a group of recipients is left out")


def _own(name: str, shown: str, value: str, spare: list[tuple[str, str]], report: Report) -> None:
    """A field that is carried as it is, if it can be."""
    form = report.form
    if form.directives and name.startswith(form.directives):
        report.add(_COSMETIC, "directive", shown, f"{shown} is for the service itself and is left out")
        return
    before = next((other for one, other in spare if one.lower() == name), None) if form.once else None
    if before is None:
        spare.append((shown, value))
    elif before != value:
        report.add(_DAMAGE, "own-fields", shown, f"one of several {shown} fields would be lost")


# -- parts ------------------------------------------------------------------------------------------------------------


def _walk(part: Part, report: Report, where: str, *, top: bool = False) -> None:
    """Find the text and the attachments in `part`."""
    kind = part.type
    if BROKEN in part.flaws:
        report.add(_DAMAGE, "encoding", where, f"the transfer encoding of {kind} is damaged or unknown")
    if TANGLED in part.flaws:
        report.add(_DAMAGE, "structure", where, f"the structure of {kind} cannot be read")
    if OPEN in part.flaws:
        report.add(_COSMETIC, "unclosed", where, "the closing boundary is missing")
    if kind in _SECURED:
        report.add(_DAMAGE, "secured", where, f"{kind}: {_SECURED[kind]} would be broken")
    elif kind in _WHOLE_ONLY or kind.startswith("message/"):
        report.add(_DAMAGE, "whole-only", where, f"{kind} would not stay what it is")
    elif kind == "multipart/alternative":
        _alternative(part, report, where)
    elif kind == "multipart/related":
        _related(part, report, where)
    elif kind.startswith("multipart/"):
        for number, child in enumerate(part.children, 1):
            _walk(child, report, f"{where}.{number}")
    else:
        _leaf(part, report, where, top=top)


def _leaf(part: Part, report: Report, where: str, *, top: bool) -> None:
    kind = part.type
    shown = part.disposition != "attachment" and (top or not part.filename)
    if part.head.startswith(b"-----BEGIN PGP") and kind.startswith("text/"):
        report.add(_DAMAGE, "secured", where, "PGP text would be encoded anew, and its signature broken")
    elif kind == "text/calendar" and (part.disposition != "attachment" or part.parameter("method")):
        report.add(_DAMAGE, "calendar", where, "an invitation would become an attachment that nobody can answer")
    elif kind in _TEXTS and shown and report.text is None:
        report.text = part
    elif kind.startswith("text/") and shown:
        report.add(_DAMAGE, "second-text", where, f"a further text ({kind}) would be taken out of its place")
    else:
        _attach(part, report, where, inline=bool(part.content_id) and part.disposition == "inline")


def _attach(part: Part, report: Report, where: str, *, inline: bool) -> None:
    name = part.filename
    if "\ufffd" in name:
        report.add(_DAMAGE, "name-charset", where, "the name of an attachment cannot be read")
    elif not name and not inline:
        report.add(_COSMETIC, "unnamed", where, f"an attachment without a name ({part.type}) gets one")
    report.attachments.append(Attachment(part, inline))


def _alternative(part: Part, report: Report, where: str) -> None:
    """One form is sent: the last that is HTML, else the last that is plain text (RFC 2046 section 5.1.4)."""
    forms = [(_form(child), number, child) for number, child in enumerate(part.children, 1)]
    for _, number, child in forms:
        if any(inner.type == "text/calendar" for inner in _all(child)):
            report.add(_DAMAGE, "calendar", f"{where}.{number}", "an invitation would lose the form that is answered")
            return
    known = [entry for entry in forms if entry[0]]
    if not known:
        report.add(_DAMAGE, "alternative", where, "none of the alternatives is text or HTML")
        return
    _, number, chosen = next((entry for entry in reversed(known) if entry[0] == "text/html"), known[-1])
    if chosen is not part.children[-1]:
        report.add(_COSMETIC, "alternative-order", where, "HTML is sent although it does not stand last")
    if report.form.both_texts and chosen.type != "text/plain":
        report.plain = next((child for _, _, child in forms if _plain(child)), None)
    for form, other, child in forms:
        if child is not chosen and child is not report.plain:
            severity = _COSMETIC if form or child.type.startswith("text/") else _DAMAGE
            report.add(severity, "alternative", f"{where}.{other}", f"the alternative {child.type} is left out")
    _walk(chosen, report, f"{where}.{number}")


def _plain(part: Part) -> bool:
    return part.type == "text/plain" and not part.flaws and not part.head.startswith(b"-----BEGIN PGP")


def _form(part: Part) -> str:
    """The type of text that an alternative is, "" when it is another thing."""
    if part.type in ("multipart/related", "multipart/mixed") and part.children:
        return _form(part.children[0])
    return part.type if part.type in _TEXTS else ""


def _related(part: Part, report: Report, where: str) -> None:
    """A text with what it shows. Images are kept by their Content-ID; there is no place for Content-Location."""
    if not part.children:
        return
    start = part.parameter("start").strip("<>")
    first = next((child for child in part.children if start and child.content_id == start), part.children[0])
    _walk(first, report, f"{where}.{part.children.index(first) + 1}")
    for number, child in enumerate(part.children, 1):
        place = f"{where}.{number}"
        if child is first:
            continue
        if child.children or child.type.startswith("message/") or child.type in _SECURED:
            _walk(child, report, place)
        elif not child.content_id and "content-location" in child.fields:
            report.add(_DAMAGE, "location", place, "an image that is shown by its location would not be found")
        else:
            _walk_flaws(child, report, place)
            _attach(child, report, place, inline=bool(child.content_id))


def _walk_flaws(part: Part, report: Report, where: str) -> None:
    if part.flaws:
        report.add(_DAMAGE, "encoding", where, f"the transfer encoding of {part.type} is damaged or unknown")


def _text(part: Part, report: Report) -> None:
    if part.parameter("format").lower() == "flowed":
        report.add(_COSMETIC, "flowed", "text", "format=flowed: paragraphs keep their line breaks")
    if part.charset not in ("", "us-ascii", "utf-8"):
        report.add(_LOSSLESS, "charset", "text", f"{part.charset} is carried as Unicode")
    if part.encoding not in ("", "7bit"):
        report.add(_LOSSLESS, "transfer-encoding", "text", f"{part.encoding} is undone and chosen anew")


def _all(part: Part) -> Iterator[Part]:
    yield part
    for child in part.children:
        yield from _all(child)
