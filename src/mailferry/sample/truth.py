"""The truth about each client, in one file beside the exports: what an inventory and a plan should find.

Leaves to others: the counts (tally). Invariant: judged from what the client is, by the few plain sentences below, never
by the rules of the inventory or the planner, which are to be held against it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mailferry.sample.events import STRANGERS, Events
from mailferry.sample.exports.base import iso
from mailferry.sample.exports.switches import TENANT_DISABLED, mailbox_switch, policy
from mailferry.sample.organisation import Organisation
from mailferry.sample.tally import Tally, Traced
from mailferry.sample.values import Auth, Client, Pattern, Span, State, Via, Windows

#: Published limits of a mailbox (facts 2.3).
MESSAGES_A_MINUTE, RECIPIENTS_A_DAY = 30, 10_000


def write(
    path: Path,
    organisation: Organisation,
    windows: Windows,
    events: Events,
    head: dict[str, Any],
    language: str,
) -> None:
    """One client a line, so that neither writing nor reading needs all of it at once."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        preface = head | {
            "organisation": organisation.name.of(language),
            "domains": list(organisation.domains),
            "windows": {
                "report": _span(windows.report),
                "archive": _span(windows.archive),
                "signins": _span(windows.signins),
                "trace": _span(windows.trace),
            },
            "tenant": {"smtp_auth_disabled": TENANT_DISABLED, "allow_legacy_tls": True},
            "noise": {"rows": events.noise.rows, "archived_rows": events.noise.archived, "network": STRANGERS},
            "bystanders": events.bystanders,
        }
        file.write(json.dumps(preface, ensure_ascii=False)[:-1] + ', "clients": [\n')
        for index, client in enumerate(organisation.clients):
            entry = judge(client, events.tallies[client.number], language)
            file.write((",\n" if index else "") + json.dumps(entry, ensure_ascii=False))
        file.write("\n]}\n")


def read(path: Path) -> dict[str, Any]:
    truth: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return truth


def judge(client: Client, tally: Tally, language: str) -> dict[str, Any]:
    """One client's line."""
    seen = [at for at in (tally.signed.last, tally.archived.last, tally.traced.last) if at]
    began = [at for at in (tally.signed.first, tally.archived.first, tally.traced.first) if at]
    return {
        **_what(client, tally, language),
        "mailbox": client.mailbox,
        "from": client.sender,
        "addresses": addresses(tally),
        "lan": client.lan,
        "via": client.kind.via.value,
        "authentication": authentication(client),
        "principal": client.principal if client.kind.auth is Auth.APP_ONLY else "",
        "tls": client.tls,
        "site": client.site.name.of(language),
        "owner": client.owner.name.of(language) if client.owner else "",
        "messages": {"basic": tally.basic_messages, "oauth": tally.oauth_messages},
        "signins": {
            "basic": tally.signed.basic,
            "failures": tally.signed.failures,
            "oauth": tally.signed.oauth,
            "oauth_failures": tally.signed.oauth_failures,
            "errors": sorted(tally.signed.errors),
            "archived": tally.archived.basic + tally.archived.failures,
            "archived_failures": tally.archived.failures,
        },
        "trace": _traced(tally.traced),
        "first_seen": iso(min(began)) if began else None,
        "last_seen": iso(max(seen)) if seen else None,
        "switch": mailbox_switch(client) if client.mailbox else None,
        "policy": policy(client),
        "sources": sources(client, tally),
        "fate": fate(client),
        "findings": list(findings(client, tally)),
        "ways": list(ways(client, tally)),
    }


def _what(client: Client, tally: Tally, language: str) -> dict[str, Any]:
    return {
        "id": client.id,
        "kind": client.kind.key,
        "name": client.name.of(language),
        "product": client.product.id,
        "disguise": client.disguise,
        "strong": list(strong(client, tally)),
        "oauth": client.product.oauth,
        "host": client.host,
        "ehlo": client.ehlo,
    }


def addresses(tally: Tally) -> list[str]:
    """Where the exports see it sending mail."""
    return sorted(tally.traced.addresses | tally.signed.addresses | tally.archived.addresses)


def authentication(client: Client) -> str:
    return Auth.OAUTH.value if client.kind.auth is Auth.APP_ONLY else client.kind.auth.value


def sources(client: Client, tally: Tally) -> list[str]:
    """Which exports know it: none, where it sent nothing while they were looking."""
    found = []
    if tally.basic_messages or tally.oauth_messages:
        found.append("report")
    if tally.signed.last or tally.archived.last:
        found.append("signins")
    if tally.signed.oauth:
        found.append("principals" if client.kind.auth is Auth.APP_ONLY else "tokens")
    if tally.traced.messages:
        found.append("trace" if client.kind.via in (Via.SUBMISSION, Via.DIRECT) else client.kind.via.value)
    return found


def strong(client: Client, tally: Tally) -> Iterator[str]:
    """What the exports show of it that alone tells its product: traces and logs know names, Message-IDs and subjects,
    sign-ins and the report none of them."""
    if not tally.traced.messages:
        return
    postfix = client.kind.via is Via.POSTFIX
    if "host" in client.product.strong and (postfix or client.product.ehlo == "{host}"):
        yield "host"
    if "message_id" in client.product.strong:
        yield "message_id"
    if "subject" in client.product.strong and not postfix:
        yield "subject"


def fate(client: Client) -> str:
    """What the date does to it: Basic ends, OAuth and what never signs in go on, what is refused is refused already."""
    if client.kind.auth in (Auth.OAUTH, Auth.APP_ONLY, Auth.ANONYMOUS):
        return "continues"
    return "breaks" if client.kind.state is State.SOUND else "broken"


def silent(client: Client, tally: Tally) -> bool:
    """Nothing of it in the window of sign-ins."""
    return client.kind.via is Via.SUBMISSION and not tally.signed.last and not tally.traced.last


def findings(client: Client, tally: Tally) -> Iterator[str]:
    """In plain words; an inventory has codes of its own."""
    verdict = fate(client)
    if verdict != "continues":
        yield verdict
    if client.tls in ("1.0", "1.1"):
        yield "old-tls"
    if client.kind.auth is Auth.MIXED:
        yield "mixed"
    if silent(client, tally):
        yield "not-seen-lately" if tally.archived.last else "report-only"
    if client.owner is None:
        yield "no-owner"
    if tally.traced.peak_minute > MESSAGES_A_MINUTE:
        yield "over-message-rate"
    if tally.traced.peak_recipients_day > RECIPIENTS_A_DAY:
        yield "over-recipient-rate"


def ways(client: Client, tally: Tally) -> Iterator[str]:
    """What a plan may do with it, the likeliest first."""
    if fate(client) == "continues":
        yield "nothing"
        return
    if silent(client, tally):
        yield from ("retire", "ask") if client.kind.pattern is Pattern.STALE else ("ask", "retire")
        return
    internal = not client.kind.external
    if tally.traced.peak_recipients_day > RECIPIENTS_A_DAY:  # the mailbox's limit, whoever signs in to it
        # Azure's first quota is far below; until it is raised a person must decide.
        yield from ("gateway-hve",) if internal else ("gateway-onprem", "gateway-acs", "ask")
        return
    if client.product.oauth == "yes" and client.tls not in ("1.0", "1.1"):
        yield "own-oauth"
    if client.product.oauth == "graph":
        yield "own-graph"
    yield "gateway-smtp"
    yield "gateway-graph"
    if internal:
        yield "gateway-hve"


def _traced(traced: Traced) -> dict[str, int]:
    return {
        "messages": traced.messages,
        "recipients": traced.recipients,
        "external": traced.external,
        "octets": traced.octets,
        "largest": traced.largest,
        "most_recipients": traced.most_recipients,
        "peak_minute": traced.peak_minute,
        "peak_hour": traced.peak_hour,
        "peak_day": traced.peak_day,
        "peak_recipients_day": traced.peak_recipients_day,
    }


def _span(span: Span) -> list[str]:
    return [span.first.isoformat(), span.last.isoformat()]
