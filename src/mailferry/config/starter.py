"""The first configuration: one listener, this machine as a client, Exchange Online or the sandbox as the way out.

Leaves to others: the text (template) and writing it (cli.init). Invariant: what comes out passes load_config, and
nobody but this machine can send before a client is added.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailferry.config.template import Values

SECRET_FILE = "secrets/client-secret.txt"  # noqa: S105 - a file name
#: Stands for an id that is still to be filled in; the check tells it.
NO_ID = "00000000-0000-0000-0000-000000000000"


def exchange_starter(*, host: str, state: str, domain: str, tenant_id: str, client_id: str) -> Values:
    """For a real tenant. `tenant_id` may be a domain of the tenant; `client_id` "" leaves it to be filled in."""
    tenant = {
        "name": "exchange",
        "tenant_id": tenant_id or domain,
        "domains": [domain],
        "client_id": client_id or NO_ID,
        "secret": {"file": SECRET_FILE},
    }
    return _values(host, state, domain, ":587", tenant, {})


def sandbox_starter(endpoints: Mapping[str, Any], *, state: str) -> Values:
    """For a running `mailferry sandbox`; `endpoints` as its control interface tells them."""
    domain = endpoints["domains"][0]
    application = next(app for app in endpoints["applications"] if app["certificates"])
    tenant = {
        "name": "sandbox",
        "tenant_id": endpoints["tenant_id"],
        "domains": list(endpoints["domains"]),
        "client_id": application["client_id"],
        "certificate": {"file": endpoints["application_certificate"]},
        "authority": endpoints["authority_host"],
        "ca_file": endpoints["ca_file"],
    }
    smtp = endpoints["smtp"]
    route = {"host": smtp["host"], "port": smtp["port"], "ca_file": endpoints["ca_file"]}
    return _values(f"gateway.{domain}", state, domain, "127.0.0.1:2587", tenant, route)


def _values(
    host: str, state: str, domain: str, address: str, tenant: Mapping[str, object], route: Mapping[str, object]
) -> Values:
    name = str(tenant["name"])
    return {
        "gateway": [{"hostname": host, "state": state, "postmaster": f"postmaster@{domain}"}],
        "listener": [{"name": "submission", "address": address, "tls": "starttls", "authentication": "optional"}],
        "client": [{"name": "this-machine", "networks": ["127.0.0.1", "::1"], "recipients": "internal"}],
        "tenant": [tenant],
        "route": [{"name": name, "type": "exchange-smtp", "tenant": name, **route}],
        "routing": [{"default_route": name}],
    }
