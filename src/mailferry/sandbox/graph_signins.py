"""GET /auditLogs/signIns, of v1.0 and beta.

Leaves to others: what happened (signins). Invariant: newest first, at most 1,000 a page (V signin-list.md); only
interactive sign-ins unless a filter names another kind, which only beta knows (V beta/resources/signin.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mailferry.clock import utc
from mailferry.sandbox import graph_errors as errors
from mailferry.sandbox import graph_odata as odata
from mailferry.sandbox.graph_access import require_reports, user_id
from mailferry.sandbox.graph_call import Answer, Call, Operation
from mailferry.sandbox.graph_errors import GraphRefused
from mailferry.sandbox.graph_read import next_link
from mailferry.sandbox.signins import SignIn
from mailferry.sandbox.tenant import Tenant
from mailferry.sandbox.world import World

_TYPE = "microsoft.graph.signIn"
_PAGE = 1000


class SignInLog:
    """The handler."""

    def __init__(self, world: World) -> None:
        self._world = world

    def operations(self) -> Iterable[Operation]:
        for version in ("v1.0", "beta"):
            yield Operation("GET", f"/{version}/auditLogs/signIns", "listSignIns", self.listed)

    async def listed(self, call: Call) -> Answer:
        world, beta = self._world, call.url.startswith(f"{call.base_url}/beta/")
        require_reports(world.tenant, world.behaviour, call.bearer)
        odata.only(call.query, "$filter", "$top", "$skiptoken", "$orderby", "$select")
        top = odata.number(call.query, "$top", _PAGE, least=1, most=_PAGE)
        last = call.query.get("$skiptoken")
        chosen = self._chosen(call, beta)
        if last is not None:
            place = next((n for n, event in enumerate(chosen) if event.id == last), None)
            if place is None:
                raise GraphRefused(errors.QUERY_INVALID, problem="the skip token is not known")
            chosen = chosen[place + 1 :]
        page = chosen[:top]
        value: dict[str, Any] = {
            "@odata.context": f"{call.base_url}/{'beta' if beta else 'v1.0'}/$metadata#auditLogs/signIns",
            "value": [self._shown(call, event, beta) for event in page],
        }
        if len(chosen) > top:
            value["@odata.nextLink"] = next_link(call, {"$skiptoken": page[-1].id})
        return Answer(200, value)

    def _chosen(self, call: Call, beta: bool) -> list[SignIn]:
        """Newest first, without what is older than the retention."""
        world = self._world
        oldest = world.clock.time() - 86_400 * world.behaviour.signins_retention_days
        wanted = odata.Filter(call.query["$filter"]) if call.query.get("$filter") else None
        properties = [name.lower() for name in wanted.properties] if wanted else []
        by_kind = beta and "signineventtypes" in properties
        order = odata.ordering(call.query)
        if order and [name.lower() for name, _ in order] != ["createddatetime"]:
            raise GraphRefused(errors.QUERY_INVALID, problem="$orderby takes createdDateTime only")
        chosen = []
        for event in world.signins:
            if event.at < oldest or not (by_kind or event.kind == "interactiveUser"):
                continue
            if wanted is None or wanted.test(_looker(world.tenant, event, beta)):
                chosen.append(event)
        chosen.sort(key=lambda event: event.at)
        if not order or order[0][1]:
            chosen.reverse()
        return chosen

    def _shown(self, call: Call, event: SignIn, beta: bool) -> dict[str, Any]:
        resource = _resource(self._world.tenant, event, beta)
        select = odata.selected(call.query)
        if select is None:
            return resource
        return {name: value for name, value in resource.items() if name.lower() in {s.lower() for s in (*select, "id")}}


def _looker(tenant: Tenant, event: SignIn, beta: bool) -> Callable[[str], Any]:
    resource = _resource(tenant, event, beta)

    def look(path: str) -> Any:
        value: Any = resource
        for name in path.split("/"):
            if not isinstance(value, Mapping):
                raise GraphRefused(errors.UNKNOWN_PROPERTY, name=name, type=_TYPE)
            found = [k for k in value if k.lower() == name.lower()]
            if not found:
                raise GraphRefused(errors.UNKNOWN_PROPERTY, name=name, type=_TYPE)
            value = value[found[0]]
        return value

    return look


def _resource(tenant: Tenant, event: SignIn, beta: bool) -> dict[str, Any]:
    """V resources/signin.md; what the sandbox cannot know is null or hidden, as for a tenant without P2."""
    mailbox = tenant.mailbox(event.user)
    value: dict[str, Any] = {
        "id": event.id,
        "createdDateTime": f"{utc(event.at):%Y-%m-%dT%H:%M:%S}.{utc(event.at).microsecond:06d}0Z",
        "userDisplayName": event.display_name,
        "userPrincipalName": event.user.lower(),
        "userId": user_id(tenant, mailbox) if mailbox is not None else "00000000-0000-0000-0000-000000000000",
        "appId": event.app_id,
        "appDisplayName": event.app_name,
        "ipAddress": event.ip,
        "clientAppUsed": event.client_app,
        "correlationId": event.correlation_id,
        "conditionalAccessStatus": "failure" if event.error == 53003 else "notApplied",
        "isInteractive": event.kind == "interactiveUser",
        "riskDetail": "hidden",
        "riskLevelAggregated": "hidden",
        "riskLevelDuringSignIn": "hidden",
        "riskState": "none",
        "riskEventTypes": [],
        "riskEventTypes_v2": [],
        "resourceDisplayName": event.resource,
        "resourceId": event.resource_id,
        "status": {
            "errorCode": event.error,
            "failureReason": event.reason or ("Other." if event.error else None),
            "additionalDetails": None,
        },
        "deviceDetail": dict.fromkeys(
            ("displayName", "operatingSystem", "browser", "isCompliant", "isManaged", "trustType"), None
        )
        | {"deviceId": ""},
        "location": {"city": None, "state": None, "countryOrRegion": None, "geoCoordinates": {}},
        "appliedConditionalAccessPolicies": [],
    }
    return value | _beta(event) if beta else value


def _beta(event: SignIn) -> dict[str, Any]:
    return {
        "userAgent": event.user_agent,
        "authenticationProtocol": "ropc" if event.kind == "interactiveUser" else "none",
        "authenticationRequirement": "singleFactorAuthentication",
        "clientCredentialType": event.credential,
        "servicePrincipalId": event.service_principal,
        "servicePrincipalName": event.app_name if event.service_principal else "",
        "signInEventTypes": [event.kind],
    }
