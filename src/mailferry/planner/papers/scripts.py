"""The scripts that set up, at Microsoft, the routes that the plan uses: filled with the plan's mailboxes and domains.

Leaves to others: the scripts themselves (m365.setup) and running them. Invariants: a script names the mailboxes of its
way and no others; what the plan does not know is left open, and the script refuses to run with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from mailferry.m365.setup import Values, script
from mailferry.planner.papers.gateway import is_address, is_ip
from mailferry.planner.papers.view import View
from mailferry.planner.values import Item, Way

#: The set-up of each way; what clients do by themselves needs none of ours.
_ROUTES = {
    Way.GATEWAY_SMTP: "smtp-rbac",
    Way.GATEWAY_GRAPH: "graph",
    Way.GATEWAY_HVE: "hve",
    Way.GATEWAY_ACS: "acs",
    Way.GATEWAY_ONPREM: "onprem",
    Way.CONNECTOR: "connector",
    Way.DIRECT_SEND: "direct-send",
}


def write(view: View) -> Iterator[tuple[str, bytes]]:
    """Every script with its file name, in the order in which they are run."""
    items: dict[Way, list[Item]] = {}
    for item in view.busy:
        if item.way in _ROUTES:
            items.setdefault(item.way, []).append(item)
    for way in sorted(items):
        route = _ROUTES[way]
        for one in script(route, _values(view, way, items[way]), view.words.language):
            # Windows PowerShell 5.1 reads UTF-8 only with a byte order mark, a shell only without.
            encoding = "utf-8-sig" if one.name.endswith(".ps1") else "utf-8"
            yield f"scripts/{route}.{view.words.language}/{one.name}", one.text.encode(encoding)


def _values(view: View, way: Way, items: list[Item]) -> Values:
    domains = view.plan.domains
    domain = domains[0] if domains else ""
    return Values(
        tenant_id=domain,
        mailboxes=tuple(sorted({item.client.sender for item in items if is_address(item.client.sender)})),
        domains=domains,
        addresses=_public(items) if way is Way.CONNECTOR else (),
        hve_account=f"hve@{domain}" if domain else "",
        domain=domain,
        sender="donotreply",
        cloud=view.plan.cloud,
    )


def _public(items: list[Item]) -> tuple[str, ...]:
    """The public IPv4 addresses that they were seen at: a connector takes no others."""
    seen = {address for item in items for address in item.client.addresses if is_ip(address)}
    return tuple(sorted(address for address in seen if ":" not in address and ip_address(address).is_global))
