"""What an acs-rest route may be told, and what does not go together there.

Leaves to others: the settings of every route (settings). Invariants: neither a key nor a token goes to an address that
is not https, but for this machine's own; no setting of such a route is ignored in silence.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mailferry.routes.graph_settings import changed, safe_endpoint

if TYPE_CHECKING:
    from mailferry.routes.settings import RouteSettings

#: Settings of other ways that mean nothing here.
_NOT_HERE = frozenset(
    {"host", "port", "tls", "username", "password", "chunking", "pipelining", "request_size", "large", "other_from"}
)
#: The official client, in the extra `acs`.
_PACKAGE = "azure.communication.email"

#: What is wrong and what to do, where it is not there.
MISSING = (
    "acs-rest needs the package azure-communication-email, which is not installed",
    "pip install 'mailferry[acs]'",
)


def acs_rest_problem(settings: RouteSettings) -> str | None:
    """What does not go together in an acs-rest route, in a sentence for whoever wrote it."""
    foreign = changed(settings, _NOT_HERE)
    if foreign:
        return f"`{foreign}` does not belong to an acs-rest route: `endpoint` says where it is"
    if settings.endpoint is None:
        return "an acs-rest route needs `endpoint`, the address of the Communication Services resource"
    # The signature covers host and path; the resource's address has no path of its own.
    if not safe_endpoint(settings.endpoint) or urlsplit(settings.endpoint).path.strip("/"):
        return "`endpoint` is an address such as https://contoso.communication.azure.com (http only on this machine)"
    if (settings.tenant is None) is (settings.access_key is None):
        return (
            "an acs-rest route needs either `access_key` (a key or connection string of the resource) or `tenant`, "
            "whose application fetches the tokens"
        )
    if not settings.verify:
        return "an acs-rest route always verifies the certificate: use `ca_file` for one of your own"
    return None


def missing_package(package: str = _PACKAGE) -> tuple[str, str] | None:
    """MISSING where the client is not installed. Nothing of it is imported."""
    try:
        return None if find_spec(package) is not None else MISSING
    except ModuleNotFoundError:  # not even its parents
        return MISSING
