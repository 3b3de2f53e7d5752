"""The gateway's configuration for the clients that the plan sends through it, as TOML.

Leaves to others: checking it (`mailferry check`), secrets, and passwords: every login is locked until somebody puts in
what `mailferry account hash` prints. Invariants: whoever is in the plan by way of the gateway is a client of it and
nobody else is; no client may send as another, and none reaches outside that was not seen to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_network

from mailferry.mail.address import check_pattern
from mailferry.planner.case import together
from mailferry.planner.steps import OLD_PORT, PORT
from mailferry.planner.values import THROUGH_GATEWAY, WORLDWIDE, Item, Plan, Way

#: An Argon2id hash that no password is known to have: the login exists and is refused, as "!" does in shadow(5).
LOCKED = "$argon2id$v=19$m=65536,t=3,p=4$bWFpbGZlcnJ5LWxvY2tlZA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
_NO_ID = "00000000-0000-0000-0000-000000000000"
_OLD_TLS = frozenset({"1.0", "1.1"})
_OWNER = re.compile(r"[^@\s<>]+@[^@\s<>]+")
_PRIVATE_PREFIX = {4: 24, 6: 64}
#: Inside a network: RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291. `is_private` would take in the addresses of
#: documentation too, which stand for public ones wherever they are met.
_PRIVATE = tuple(
    map(
        ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "fc00::/7", "fe80::/10"),
    )
)

Values = Mapping[str, object]


def render(plan: Plan) -> bytes:
    items = [item for item in plan.items if item.way in THROUGH_GATEWAY]
    domains = plan.domains or ("example.com",)
    lines = [
        "# Written by `mailferry plan write`. Fill in the application's client_id and the secret, then:",
        "#   mailferry check gateway.toml",
        "# Every login is locked. To open one, put what this prints for its password in place of the client's:",
        "#   mailferry account hash",
        'include = ["clients.d/*.toml"]',
        *_section("gateway", {"hostname": plan.gateway, "postmaster": f"postmaster@{domains[0]}"}, many=False),
        *_listeners(items),
        *_section("tenant", _tenant(domains, plan.cloud)),
    ]
    routes = dict(_routes({item.way for item in items} or {Way.GATEWAY_SMTP}, domains[0]))
    for route in routes.values():
        lines += _section("route", route)
    lines += _section("routing", {"default_route": str(next(iter(routes.values()))["name"])}, many=False)
    for client in _clients(items, {way: str(route["name"]) for way, route in routes.items()}):
        lines += _section("client", client)
    return ("\n".join(lines) + "\n").encode()


def _tenant(domains: Sequence[str], cloud: str) -> Values:
    return {
        "name": "exchange",
        **({} if cloud == WORLDWIDE else {"cloud": cloud}),
        "tenant_id": domains[0],
        "domains": list(domains),
        "client_id": _NO_ID,
        "secret": {"file": "secrets/client-secret.txt"},
    }


def _listeners(items: Sequence[Item]) -> Iterator[str]:
    anonymous = any(not item.client.sender for item in items) or not items
    authentication = "optional" if anonymous else "required"
    base = {"name": "submission", "address": f":{PORT}", "tls": "starttls", "authentication": authentication}
    yield from _section("listener", base)
    old = [item for item in items if _OLD_TLS.intersection(item.client.tls)]
    if old:
        networks = _networks(old) or ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]
        yield ""
        yield "# For those that know no newer TLS; nobody else should reach it."
        yield from _section(
            "listener",
            base | {"name": "old-devices", "address": f":{OLD_PORT}", "minimum_tls": "1.0", "networks": networks},
        )


def _routes(ways: set[Way], domain: str) -> Iterator[tuple[Way, Values]]:
    """A route for each way, with placeholders for what only the organisation knows."""
    made: dict[Way, Values] = {
        Way.GATEWAY_SMTP: {"name": "exchange", "type": "exchange-smtp", "tenant": "exchange"},
        Way.GATEWAY_GRAPH: {"name": "graph", "type": "graph", "tenant": "exchange"},
        Way.GATEWAY_HVE: {"name": "hve", "type": "hve", "tenant": "exchange", "mailbox": f"hve@{domain}"},
        Way.GATEWAY_ACS: {
            "name": "acs",
            "type": "acs-smtp",
            "tenant": "exchange",
            "username": f"mailferry@{domain}",
            "mailbox": f"donotreply@{domain}",
        },
        Way.GATEWAY_ONPREM: {
            "name": "onprem",
            "type": "smarthost",
            "preset": "exchange-relay",
            "host": f"exchange.{domain}",
        },
    }
    yield from ((way, route) for way, route in made.items() if way in ways)


def _clients(items: Sequence[Item], routes: Mapping[Way, str]) -> Iterator[Values]:
    """One client for each mailbox, as which devices log in today; one for each that does not log in."""
    groups: dict[str, list[Item]] = {}
    for item in sorted(items, key=lambda item: item.client.id):
        groups.setdefault(item.client.sender or item.client.id, []).append(item)
    for name, members in sorted(groups.items()):
        if members[0].client.sender:
            yield _account(name, members, routes)
        elif any(is_ip(address) for address in members[0].client.addresses):
            yield _known_by_address(name, members[0], routes)
    if not items:
        yield {"name": "this-machine", "networks": ["127.0.0.1", "::1"], "recipients": "internal"}


def _account(sender: str, members: Sequence[Item], routes: Mapping[Way, str]) -> Values:
    first = members[0]
    client: dict[str, object] = {"name": sender, "password": LOCKED}
    networks = _networks(members)
    if networks:
        client["login_from"] = networks
    if is_address(sender):
        client |= {"senders": [sender], "mailbox": sender}
    return client | _common(members, routes[first.way])


def _known_by_address(name: str, item: Item, routes: Mapping[Way, str]) -> Values:
    addresses = [address for address in item.client.addresses if is_ip(address)]
    return {"name": name, "networks": addresses, **_common([item], routes[item.way])}


def _common(members: Sequence[Item], route: str) -> dict[str, object]:
    outside = together([item.client.volume for item in members]).external_recipients
    common: dict[str, object] = {"recipients": "internal" if outside == 0 else "anywhere", "route": route}
    owner = next((item.owner for item in members if _OWNER.fullmatch(item.owner)), None)
    return common | ({"owner": owner} if owner else {})


def _networks(items: Sequence[Item]) -> list[str]:
    """The private networks that they were seen in; [] when one of them was seen only from outside."""
    found = set()
    for item in items:
        seen = [ip_address(text) for text in item.client.addresses if is_ip(text)]
        if not seen or not all(any(address in network for network in _PRIVATE) for address in seen):
            return []  # behind a public address nobody knows the one in here
        found |= {ip_network(f"{address}/{_PRIVATE_PREFIX[address.version]}", strict=False) for address in seen}
    return [str(network) for network in sorted(found, key=lambda network: (network.version, network))]


def is_ip(text: str) -> bool:
    """Whether an export's address is one."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_address(text: str) -> bool:
    """Whether a sender is one exact mail address."""
    try:
        return "@" in text and check_pattern(text) == text
    except ValueError:
        return False


def _section(name: str, values: Values, *, many: bool = True) -> Iterator[str]:
    yield ""
    yield f"[[{name}]]" if many else f"[{name}]"
    for key, value in values.items():
        yield f"{key} = {_toml(value)}"


def _toml(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    # A JSON string is a TOML basic string, but for DEL, which TOML wants escaped.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
