"""Plain text and mail as blocks: headers of a mail read, quotation marks and signatures taken off.

Leaves to others: HTML (page) and sentences. Invariant: nothing is dropped but headers, quotation marks, rules and what
stands below a signature's line.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage

from mailferry.bulletin.sentences import Block, Form

_MIME = re.compile(r"\A(?:[A-Za-z-]+:[^\n]*\n(?:[ \t][^\n]*\n)*)*?(?:MIME-Version|Content-Type):", re.IGNORECASE)
_HEADER = re.compile(
    r"^[>\s]*\*?(From|Sent|Date|To|Cc|Subject|Reply-To|差出人|送信日時|送信者|日時|日付|宛先|件名)\*?\s*[:：]\s*(.*)$"
)
_KEYS = {"差出人": "from", "送信者": "from", "送信日時": "date", "sent": "date", "日時": "date", "日付": "date",
         "宛先": "to", "件名": "subject"}  # fmt: skip
_BULLET = re.compile(r"^\s*(?:[-*+•・●○◆]|\d{1,2}[.)]|[①-⑳])\s*(?=\S)")
_RULE = re.compile(r"^\s*[-=_*#~]{4,}\s*$")
_MARKDOWN = re.compile(r"^\s*#{1,6}\s+(.*)$")
#: A short line over a paragraph: "Impact".
_CAPTION = re.compile(r"[^.。,、:：!?！？;]{2,32}")
_CAPITAL = re.compile(r"\s*[A-Z\u3040-\u30ff\u4e00-\u9fff]")
_JAPANESE = re.compile(r"[\u3001\u3002\u3040-\u30ff\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail's parts that matter here. `html` is the body where it is HTML."""

    title: str
    publisher: str
    date: str
    body: str
    html: bool


def mail(data: bytes | str) -> Mail | None:
    """`data` as a mail in MIME form; None where it is none."""
    head = data[:8192].decode("latin-1") if isinstance(data, bytes) else data[:8192]
    if _MIME.match(head.replace("\r\n", "\n")) is None:
        return None
    octets = data if isinstance(data, bytes) else data.encode("utf-8", "replace")
    message = email.message_from_bytes(octets, policy=email.policy.default)
    part = message.get_body(("html", "plain")) if isinstance(message, EmailMessage) else None
    if part is None:
        return None
    try:
        body = part.get_content()
    except (LookupError, ValueError, KeyError):
        payload = part.get_payload(decode=True)
        body = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
    sender = re.sub(r"\s*<[^>]*>|\"", "", str(message.get("From", ""))).strip()
    html = part.get_content_type() == "text/html"
    return Mail(str(message.get("Subject", "")).strip(), sender, str(message.get("Date", "")), str(body), html)


def headers(text: str) -> tuple[dict[str, str], str]:
    """The headers that a copied mail begins with, and the rest."""
    found: dict[str, str] = {}
    lines = text.lstrip("\ufeff\n\r ").splitlines()
    at = 0
    while at < len(lines):
        match = _HEADER.match(lines[at])
        if match is not None:
            key = match[1].lower()
            found.setdefault(_KEYS.get(key, key), match[2].strip())
        elif found and not lines[at].strip(" >"):
            at += 1
            break
        elif not found or not lines[at].startswith((" ", "\t")):
            break
        at += 1
    return (found, "\n".join(lines[at:])) if len(found) >= 2 else ({}, text)


def blocks(text: str) -> Iterator[Block]:
    """Paragraphs, list items and headings of plain text."""
    lines: list[str] = []
    form = Form.TEXT
    for raw in [*text.splitlines(), ""]:
        line = re.sub(r"^(?:\s*>)+\s?", "", raw)
        if re.fullmatch(r"--\s?", line):
            break
        heading = _MARKDOWN.match(line)
        bullet = _BULLET.match(line)
        if lines and (not line.strip() or bullet or heading or _RULE.match(line)):
            yield _block(form, lines)
            lines, form = [], Form.TEXT
        if heading:
            yield Block(Form.HEADING, heading[1].strip(" *#"))
        elif _RULE.match(line):
            yield Block(Form.RULE, "")
        elif line.strip():
            if len(lines) == 1 and form is Form.TEXT and _CAPTION.fullmatch(lines[0].strip()) and _CAPITAL.match(line):
                yield Block(Form.HEADING, lines.pop().strip())
            if bullet:
                form = Form.ITEM
            lines.append(line[bullet.end() :] if bullet else line)
    if lines:
        yield _block(form, lines)


def _block(form: Form, lines: list[str]) -> Block:
    """Lines joined as they read: with a blank, between Japanese letters without."""
    text = ""
    for line in (line.strip() for line in lines):
        glue = "" if not text or (_JAPANESE.match(text[-1]) and _JAPANESE.match(line)) else " "
        text += glue + line
    codes = tuple(re.findall(r"`([^`]+)`", text))
    text = re.sub(r"[*_]{2}([^*_]+)[*_]{2}|`([^`]+)`", lambda m: m[1] or m[2], text)
    shouted = len(lines) == 1 and form is Form.TEXT and len(text) < 120 and not re.search(r"[.。!?:：]\s*$", text)
    return Block(Form.HEADING if shouted and not re.search(r"\d{4}", text) else form, text, codes=codes)
