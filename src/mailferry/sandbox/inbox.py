"""The mailboxes as pages: which boxes there are, what is in them, one message with headers and source.

Leaves to others: changing anything (control). Invariant: nothing of a message reaches the page unescaped, and the
policy sent along allows no script, no picture and no other site.
"""

from __future__ import annotations

from collections.abc import Iterable
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import escape
from importlib import resources
from urllib.parse import quote

from aiohttp import web

from mailferry.clock import utc
from mailferry.sandbox.graph_store import Draft
from mailferry.sandbox.mailbox import Folder, Message, header, header_block
from mailferry.sandbox.world import World

_PAGE = 200
_SHOWN = 200_000

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Inbox:
    """Renders the pages."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._css = resources.files(__package__).joinpath("static", "inbox.css").read_text(encoding="utf-8")

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/inbox", self._list)
        app.router.add_get("/inbox/style.css", self._style)
        app.router.add_get("/inbox/drafts", self._drafts)
        app.router.add_get("/inbox/message/{id}", self._view)
        app.router.add_get("/inbox/message/{id}/source", self._source)

    async def _style(self, _: web.Request) -> web.Response:
        return web.Response(text=self._css, content_type="text/css", headers=_HEADERS)

    async def _list(self, request: web.Request) -> web.Response:
        box, name = request.query.get("box"), request.query.get("folder")
        folder = Folder(name) if name in set(Folder) else None
        found = self._world.store.find(box=box, folder=folder)
        title = " · ".join(part for part in (box or "All boxes", folder) if part)
        note = f"<p class=links>The newest {_PAGE} of {len(found)}.</p>" if len(found) > _PAGE else ""
        content = f"<h2>{escape(title)}</h2>{_table(found[: -_PAGE - 1 : -1])}{note}"
        return self._page(title, content, box, folder, refresh=True)

    async def _drafts(self, request: web.Request) -> web.Response:
        """Drafts that Graph made and nobody has sent."""
        box = request.query.get("box", "")
        title = " · ".join(part for part in (box, "Drafts") if part)
        drafts = [draft for draft in self._world.drafts if not box or draft.box == box.lower()]
        return self._page(title, f"<h2>{escape(title)}</h2>{_draft_table(drafts)}", box or None, None, refresh=True)

    async def _view(self, request: web.Request) -> web.Response:
        message = self._world.store.get(request.match_info["id"])
        if message is None:
            return self._page("No such message", "<p class=empty>No such message.</p>", None, None, status=404)
        title = _subject(message)
        return self._page(title, _message(message, title), message.box, message.folder)

    async def _source(self, request: web.Request) -> web.Response:
        message = self._world.store.get(request.match_info["id"])
        if message is None:
            return web.Response(status=404, text="No such message.", headers=_HEADERS)
        return web.Response(body=message.delivered, content_type="text/plain", charset="utf-8", headers=_HEADERS)

    def _page(
        self,
        title: str,
        content: str,
        box: str | None,
        folder: Folder | None,
        *,
        status: int = 200,
        refresh: bool = False,
    ) -> web.Response:
        now = self._world.clock.now()
        meta = '<meta http-equiv="refresh" content="10">' if refresh else ""
        text = (
            f"<!doctype html><html lang=en><head><meta charset=utf-8>{meta}<title>{escape(title)}</title>"
            '<meta name=viewport content="width=device-width, initial-scale=1">'
            '<link rel=stylesheet href="/inbox/style.css"></head><body>'
            f"<header><h1><a href=/inbox>{escape(self._world.tenant.name)}</a></h1>"
            f"<p>The sandbox's clock: <time>{now:%Y-%m-%d %H:%M:%S} UTC</time></p>"
            "<span class=badge>sandbox – nothing leaves this machine</span></header>"
            f"<main><nav aria-label=Mailboxes><h2>Mailboxes</h2>{self._navigation(box, folder)}</nav>"
            f"<section>{content}</section></main></body></html>"
        )
        return web.Response(text=text, content_type="text/html", status=status, headers=_HEADERS)

    def _navigation(self, box: str | None, folder: Folder | None) -> str:
        counts = self._world.store.boxes()
        addresses = sorted({*counts, *(b.address.lower() for b in self._world.tenant.mailboxes.values())})
        items = [_link("/inbox", "All boxes", len(self._world.store), current=box is None and folder is None)]
        for address in addresses:
            folders = counts.get(address, {})
            shown = [f for f in Folder if folders.get(f) or (f is Folder.INBOX and self._world.tenant.mailbox(address))]
            for each in shown:
                href = f"/inbox?box={quote(address)}&folder={quote(each)}"
                label = address if each is Folder.INBOX else f"{address} – {each}"
                current = address == (box or "").lower() and folder is each
                items.append(_link(href, label, folders.get(each, 0), current=current))
            if drafts := len(self._world.drafts.of(address)):
                items.append(_link(f"/inbox/drafts?box={quote(address)}", f"{address} – Drafts", drafts, current=False))
        return f"<ul>{''.join(items)}</ul>"


def _draft_table(drafts: Iterable[Draft]) -> str:
    rows = "".join(
        f"<tr><td class=when>{utc(d.modified):%m-%d %H:%M:%S}</td><td>{escape(d.box)}</td>"
        f"<td>{escape(', '.join(one.address for one in d.composed.recipients))}</td>"
        f"<td>{escape(d.composed.subject or '(no subject)')}</td><td class=size>{d.size:,}</td></tr>"
        for d in drafts
    )
    if not rows:
        return "<p class=empty>There is no draft.</p>"
    head = "<tr><th>Changed<th>Box<th>Recipients<th>Subject<th class=size>Octets</tr>"
    return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"


def _link(href: str, label: str, count: int, *, current: bool) -> str:
    mark = " aria-current=page" if current else ""
    return f'<li><a href="{escape(href)}"{mark}><span>{escape(label)}</span><span class=count>{count}</span></a></li>'


def _subject(message: Message) -> str:
    parsed = message_from_bytes(header_block(message.raw), policy=policy.default)
    return str(parsed.get("Subject") or "(no subject)")


def _table(messages: Iterable[Message]) -> str:
    rows = "".join(
        f"<tr><td class=when>{utc(m.received.at):%m-%d %H:%M:%S}</td>"
        f"<td>{escape(m.received.sender or '<>')}</td><td>{escape(m.box)}</td>"
        f'<td><a href="/inbox/message/{m.id}">{escape(_subject(m))}</a></td>'
        f"<td class=size>{len(m.raw):,}</td></tr>"
        for m in messages
    )
    if not rows:
        return "<p class=empty>Nothing has arrived here.</p>"
    head = "<tr><th>Received<th>From (envelope)<th>Box<th>Subject<th class=size>Octets</tr>"
    return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"


def _message(message: Message, title: str) -> str:
    received = message.received
    fields = {
        "Box": f"{message.box} – {message.folder}",
        "Envelope from": received.sender or "<>",
        "Envelope to": ", ".join(received.recipients),
        "Logged in as": f"{received.user} ({received.mechanism})" if received.user else "",
        "Application": received.client_id,
        "Service": received.surface,
        "Came from": " ".join(part for part in (received.remote, received.tls) if part),
        "Received": f"{utc(received.at):%Y-%m-%d %H:%M:%S} UTC",
        **{name: header(header_block(message.raw), name) or "" for name in ("From", "To", "Cc", "Date", "Message-ID")},
    }
    rows = "".join(f"<tr><th class=name>{n}<td>{escape(v)}</tr>" for n, v in fields.items() if v)
    source = message.delivered[:_SHOWN].decode("utf-8", "replace")
    return (
        f"<h2>{escape(title)}</h2><table class=fields><tbody>{rows}</tbody></table>"
        f"<div class=body><pre>{escape(_text(message))}</pre></div>{_attachments(message)}"
        f"<details><summary>Source ({len(message.raw):,} octets)</summary><pre>{escape(source)}</pre></details>"
        f'<p class=links><a href="/inbox/message/{message.id}/source">Whole source as text</a></p>'
    )


def _parsed(message: Message) -> EmailMessage:
    return message_from_bytes(message.raw, policy=policy.default)


def _text(message: Message) -> str:
    """The readable part; HTML is shown as its source, never rendered."""
    try:
        part = _parsed(message).get_body(preferencelist=("plain", "html"))
        return str(part.get_content())[:_SHOWN] if part is not None else ""
    except (LookupError, ValueError, AttributeError, TypeError):
        return message.raw[:_SHOWN].decode("utf-8", "replace")


def _attachments(message: Message) -> str:
    try:
        parts = [
            (part.get_filename() or "(no name)", part.get_content_type())
            for part in _parsed(message).iter_attachments()
        ]
    except (LookupError, ValueError, AttributeError, TypeError):
        return ""
    if not parts:
        return ""
    rows = "".join(f"<tr><th class=name>{escape(kind)}<td>{escape(name)}</tr>" for name, kind in parts)
    return f"<table class=fields><tbody>{rows}</tbody></table>"
