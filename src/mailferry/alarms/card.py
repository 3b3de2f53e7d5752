"""A report as the message that a Teams Workflows webhook takes: one Adaptive Card.

Source: learn.microsoft.com, "Create Incoming Webhooks" and "Create and send messages" (read 2026-11): the message has
`type` "message" and attachments of application/vnd.microsoft.card.adaptive; Workflows take Adaptive Cards only; about
28 KB for a message. Leaves to others: sending (webhook). Pure.
Invariants: a card stays below the limit, whatever is in the report; texts stand in TextRun elements, which read no
Markdown, so that what a server said shows as it is and makes no link.
"""

from __future__ import annotations

import json
from typing import Any

from mailferry.alarms.report import Change, Notice, Report, ordered, worst
from mailferry.alarms.words import headline, length, summary, when, word

#: Below the published 28 KB, for the envelope that the service adds.
LIMIT = 24_000
_MOST = 10
_TEXT = 700
_STYLES = {"warning": "warning", "error": "attention", "critical": "attention"}


def message(report: Report, language: str) -> dict[str, Any]:
    """The whole request body, with as many alarms written out as fit."""
    notices = ordered(report.notices)
    shown = min(len(notices), _MOST)
    while True:
        made = _envelope(_card(report, notices[:shown], len(notices) - shown + report.more, language))
        if shown <= 1 or len(json.dumps(made)) <= LIMIT:  # as it is sent: other than ASCII takes six octets
            return made
        shown -= 1


def _envelope(card: dict[str, Any]) -> dict[str, Any]:
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _card(report: Report, notices: tuple[Notice, ...], more: int, language: str) -> dict[str, Any]:
    head = summary(report, language)
    level = worst(report)
    colour = {"warning": "Warning", None: "Good"}.get(level.value if level else None, "Attention")
    body: list[dict[str, Any]] = [_text(head, weight="Bolder", size="Medium", color=colour)]
    body += [_notice(each, language) for each in notices]
    if more:
        body.append(_text(word("more", language).format(count=more), isSubtle=True))
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "lang": language,
        "fallbackText": head,
        "msteams": {"width": "Full"},
        "body": body,
    }


def _notice(notice: Notice, language: str) -> dict[str, Any]:
    alarm = notice.alarm
    items = [_text(headline(notice, language), weight="Bolder"), _text(alarm.text.of(language))]
    if notice.bad and alarm.cure.of(language):
        items.append(_text(f"{word('cure', language)}: {alarm.cure.of(language)}"))
    times = f"{word('since', language)}: {when(notice.since)}"
    if notice.change is not Change.RAISED:
        times += f" · {word('lasted', language)}: {length(notice.at - notice.since, language)}"
    items.append(_text(times, isSubtle=True, size="Small"))
    style = _STYLES[alarm.severity.value] if notice.bad else "good"
    return {"type": "Container", "style": style, "spacing": "Medium", "items": items}


def _text(text: str, **looks: Any) -> dict[str, Any]:
    shown = text if len(text) <= _TEXT else text[: _TEXT - 1] + "…"
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": shown, **looks}]}
