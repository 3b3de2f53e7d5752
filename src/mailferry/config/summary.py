"""What a configuration will do, in rows for tables and JSON: listeners, clients, tenants, routes and rules.

Leaves to others: printing (cli.check, console). Invariant: no secret is in a row; what a default decides is shown as
decided.
"""

from __future__ import annotations

from mailferry.config.permissions import tenant_row
from mailferry.config.schema import Config
from mailferry.listener.settings import Authentication, ClientSettings, ListenerSettings, TlsMode
from mailferry.routes import presets
from mailferry.routes.settings import RouteSettings, RouteType, RuleSettings
from mailferry.units import format_size

Row = dict[str, str]


def summary(config: Config) -> dict[str, list[Row]]:
    """Table name to rows; every row of a table has the same keys."""
    tables = {
        "listeners": [_listener(one) for one in config.listeners],
        "clients": [_client(one) for one in config.clients],
        "tenants": [tenant_row(one, config.routes) for one in config.tenants],
        "routes": [_route(config, one) for one in config.routes],
        "rules": [_rule(number, one) for number, one in enumerate(config.rules, 1)],
    }
    default = config.routing.default_route or config.routes[0].name
    tables["rules"].append({"rule": "otherwise", "when": "the client's own route, else", "route": default})
    return tables


def _listener(one: ListenerSettings) -> Row:
    tls = "no TLS" if one.tls is TlsMode.NONE else f"{one.tls}, TLS {one.minimum_tls} and up"
    who = {
        Authentication.REQUIRED: "with a login",
        Authentication.OPTIONAL: "with a login, or known by network",
        Authentication.NONE: "known by network",
    }[one.authentication]
    return {
        "listener": one.name,
        "address": one.address,
        "encryption": tls,
        "takes": who,
        "from": _list(one.networks) or "anywhere",
        "up to": format_size(one.max_size),
    }


def _client(one: ClientSettings) -> Row:
    known = [f"login {one.login}"] if one.password else []
    if one.networks:
        known.append(f"address in {_list(one.networks)}")
    recipients = one.recipients if isinstance(one.recipients, str) else _list(one.recipients)
    return {
        "client": one.name,
        "known by": " or ".join(known),
        "sends as": _list(one.senders) or "any sender",
        "to": recipients,
        "from mailbox": (one.mailbox or "its sender") + (", From rewritten" if one.rewrite_from else ""),
        "at most": str(one.rate) if one.rate else "no limit",
    }


def _route(config: Config, one: RouteSettings) -> Row:
    tenant = next((tenant for tenant in config.tenants if tenant.name == one.tenant), None)
    cloud = tenant.cloud if tenant else "worldwide"
    return {
        "route": one.name,
        "type": one.type.value + (f", {one.preset}" if one.preset else ""),
        "to": f"{presets.host(one, cloud)}:{presets.port(one, cloud)}",
        "encryption": _encryption(one, cloud),
        "as": _login(one),
        "mailbox": one.mailbox or ", ".join(one.mailboxes) or ("the client's" if one.needs_mailbox else "none"),
        "failover": ", ".join(one.failover) or "none",
        "reaches": _list(tuple(sorted(config.reach[one.name]))) if one.internal_only else "anywhere",
    }


def _encryption(one: RouteSettings, cloud: str) -> str:
    if one.type in (RouteType.GRAPH, RouteType.ACS_REST):
        return "https" if presets.endpoint(one, cloud).startswith("https:") else "none (this machine)"
    return one.tls_mode.value + ("" if one.verify else ", not verified")


def _login(one: RouteSettings) -> str:
    if one.type is RouteType.SMARTHOST:
        return one.username or ("its certificate" if one.certificate else "no login")
    if one.password is not None:
        return f"{one.username or one.mailbox} by password"
    if one.access_key is not None:
        return "its access key"
    name = f"{one.username}, " if one.username else ""
    return f"{name}{one.tenant} by OAuth"


def _rule(number: int, one: RuleSettings) -> Row:
    conditions = [
        f"{what} {_list(values)}"
        for what, values in (("client", one.clients), ("sender", one.senders), ("recipient", one.recipients))
        if values
    ]
    return {"rule": str(number), "when": ", ".join(conditions) or "always", "route": one.route}


def _list(values: tuple[object, ...]) -> str:
    shown = ", ".join(str(value).removesuffix("/32").removesuffix("/128") for value in values[:3])
    return shown + (f" and {len(values) - 3} more" if len(values) > 3 else "")
