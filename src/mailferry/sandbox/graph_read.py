"""Finding and reading messages: lists with $filter, $select, $search and paging, one message, its MIME.

Leaves to others: JSON of a message (graph_resource), OData (graph_odata). Invariant: a mailbox shows its own folders
and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from mailferry.sandbox import graph_errors as errors
from mailferry.sandbox import graph_odata as odata
from mailferry.sandbox.graph_access import user_id
from mailferry.sandbox.graph_call import Answer, Call, Operation
from mailferry.sandbox.graph_errors import GraphRefused, not_implemented
from mailferry.sandbox.graph_mime import render
from mailferry.sandbox.graph_resource import EMPTY_FOLDERS, FOLDERS, Item, stored_id
from mailferry.sandbox.graph_store import Draft
from mailferry.sandbox.graph_submit import own_address
from mailferry.sandbox.mailbox import Folder, Message
from mailferry.sandbox.tenant import Mailbox
from mailferry.sandbox.world import World

#: V user-list-messages.md; the table of permissions names ReadBasic too, which shows less.
READ = ("Mail.Read", "Mail.ReadWrite")

_PAGE = 10


class Reading:
    """The handlers."""

    def __init__(self, world: World) -> None:
        self._world = world

    def operations(self) -> Iterable[Operation]:
        for base in ("/v1.0/users/{user}", "/v1.0/users/{user}/mailFolders/{folder}"):
            yield Operation("GET", f"{base}/messages", "listMessages", self.listed)
            yield Operation("GET", f"{base}/messages/{{message}}", "getMessage", self.get)
            yield Operation("GET", f"{base}/messages/{{message}}/$value", "getMime", self.mime)

    async def listed(self, call: Call) -> Answer:
        mailbox = call.may(*READ)
        query = call.query
        odata.only(query, "$filter", "$select", "$top", "$skip", "$orderby", "$search", "$expand")
        top = odata.number(query, "$top", _PAGE, least=1, most=1000)
        skip = odata.number(query, "$skip", 0, least=0, most=10_000_000)
        select = odata.selected(query)
        found = self._chosen(call, self._items(call, mailbox))
        expand = _expanded(query)
        page = [item.resource(select) | item.extended(expand) for item in found[skip : skip + top]]
        names = "" if select is None else f"({','.join(select)})"
        name = quote(user_id(self._world.tenant, mailbox))
        value: dict[str, object] = {
            "@odata.context": f"{call.base_url}/v1.0/$metadata#users('{name}')/messages{names}",
            "value": page,
        }
        if skip + top < len(found):
            value["@odata.nextLink"] = next_link(call, {"$skip": str(skip + top)})
        return Answer(200, value)

    async def get(self, call: Call) -> Answer:
        mailbox = call.may(*READ)
        odata.only(call.query, "$select")
        return Answer(200, self._item(call, mailbox).resource(odata.selected(call.query)))

    async def mime(self, call: Call) -> Answer:
        """V outlook-get-mime-message.md."""
        mailbox = call.may(*READ)
        source = self._source(call, mailbox)
        raw = source.delivered if isinstance(source, Message) else self._draft_mime(mailbox, source)
        return Answer(200, raw=raw, content_type="text/plain")

    def _draft_mime(self, mailbox: Mailbox, draft: Draft) -> bytes:
        if draft.mime is not None:
            return draft.mime
        author = draft.composed.author or own_address(mailbox)
        return render(
            draft.composed,
            draft.attachments,
            author=author,
            sender=None,
            now=draft.modified,
            message_id=draft.composed.message_id,
        )

    # Choosing

    def _items(self, call: Call, mailbox: Mailbox) -> Iterable[Item]:
        """Newest first."""
        name, text = call.path.get("folder", "").lower(), _wants_text(call.headers)
        if name and name not in FOLDERS and name not in EMPTY_FOLDERS:
            raise not_implemented(f"the mail folder {call.path['folder']!r}; known are {', '.join(FOLDERS)}")
        sources: list[Message | Draft] = []
        for folder in (Folder.INBOX, Folder.SENT):
            if not name or FOLDERS.get(name) is folder:
                found = self._world.store.find(box=mailbox.address, folder=folder)
                late = self._world.behaviour.sent_items_delay if folder is Folder.SENT else 0.0
                until = self._world.clock.time() - late
                sources += [one for one in found if not late or one.received.at <= until]
        if not name or name == "drafts":
            sources += self._world.drafts.of(mailbox.address)
        items = [Item(mailbox, source, text_body=text) for source in reversed(sources)]
        return sorted(items, key=lambda item: item.at, reverse=True)

    def _chosen(self, call: Call, items: Iterable[Item]) -> list[Item]:
        query = call.query
        order = odata.ordering(query)
        if search := query.get("$search"):
            if "$filter" in query:
                raise GraphRefused(errors.SEARCH_WITH_FILTER)
            if order:
                raise not_implemented("$orderby beside $search")
            return [item for item in items if _matches(item, search)]
        chosen = list(items)
        if text := query.get("$filter"):
            wanted = odata.Filter(text)
            _check_order(order, wanted)
            chosen = [item for item in chosen if wanted.test(item.look)]
        for name, down in reversed(order):
            chosen.sort(key=lambda item, name=name: str(item.look(name)), reverse=down)  # type: ignore[misc]
        return chosen

    def _source(self, call: Call, mailbox: Mailbox) -> Message | Draft:
        id, folder = call.path["message"], call.path.get("folder", "").lower()
        draft = self._world.drafts.get(id, mailbox.address)
        if draft is not None and folder in ("", "drafts"):
            return draft
        message = self._world.store.get(stored_id(id))
        if message is None or message.box != mailbox.address.lower() or message.folder is Folder.EXTERNAL:
            raise GraphRefused(errors.ITEM_NOT_FOUND)
        if folder and FOLDERS.get(folder) is not message.folder:
            raise GraphRefused(errors.ITEM_NOT_FOUND, "it is in another folder")
        return message

    def _item(self, call: Call, mailbox: Mailbox) -> Item:
        return Item(mailbox, self._source(call, mailbox), text_body=_wants_text(call.headers))


_CLASS = re.compile(r"singleValueExtendedProperties\(\$filter=id eq 'String 0x001A'\)", re.IGNORECASE)


def _expanded(query: Mapping[str, str]) -> bool:
    """Whether the message class is asked for; no other property is known here."""
    text = query.get("$expand")
    if text is None:
        return False
    if not _CLASS.fullmatch(text.strip()):
        raise not_implemented(f"$expand={text}")
    return True


def next_link(call: Call, changes: Mapping[str, str]) -> str:
    """The same request with other paging; option names stay readable, as in the documented examples."""
    query = {**call.query, **changes}
    return f"{call.url}?" + "&".join(f"{quote(k, safe='$')}={quote(v, safe='')}" for k, v in query.items())


def _wants_text(headers: Mapping[str, str]) -> bool:
    """V: bodies are HTML unless Prefer asks for text."""
    return 'outlook.body-content-type="text"' in headers.get("Prefer", "").replace(" ", "").lower()


def _check_order(order: list[tuple[str, bool]], wanted: odata.Filter) -> None:
    """V user-list-messages.md, "Using filter and orderby in the same query"."""
    names = [name.lower() for name, _ in order]
    if names and [name.lower() for name in dict.fromkeys(wanted.properties)][: len(names)] != names:
        raise GraphRefused(errors.INEFFICIENT_FILTER)


def _matches(item: Item, search: str) -> bool:
    """A minimum of KQL: one word or phrase, or property:phrase for subject, from, to, cc and body."""
    text = search.strip().strip('"').strip()
    name, colon, phrase = text.partition(":")
    fields = {"subject": str(item.look("subject")), "body": str(item.look("body")["content"])}
    for key in ("from", "to", "cc"):
        value = item.look("from" if key == "from" else f"{key}Recipients")
        fields[key] = str(value)
    if colon and name.lower() in fields:
        return phrase.strip().strip('"').lower() in fields[name.lower()].lower()
    if colon or any(word in text.split() for word in ("AND", "OR", "NOT")):
        raise not_implemented(f"this $search: {search}")
    return any(text.lower() in value.lower() for value in fields.values())
