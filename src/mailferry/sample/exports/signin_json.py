"""Sign-in logs as JSON: the portal's bare list, and the pages of `auditLogs/signIns` as a script saved them.

Leaves to others: which sign-ins there are. Service principals are not in these logs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, Any

from mailferry.sample.events import BLOCKED_BY_CA, Day
from mailferry.sample.exports.base import Export, iso, second_guid
from mailferry.sample.exports.signin_portal import BASIC_APP, EXCHANGE, OAUTH_APP, REASONS
from mailferry.sample.letters import guid
from mailferry.sample.values import Auth, SignIn

PAGE = 1000
_CONTEXT = "https://graph.microsoft.com/v1.0/$metadata#auditLogs/signIns"


class ListSignIns(Export):
    """One array, one record a line."""

    def __init__(self, path: Path, language: str) -> None:
        self._file: IO[str] = path.open("w", encoding="utf-8", newline="\n")
        self._language, self._separator = language, "[\n"

    def day(self, day: Day) -> None:
        if day.archived:
            return
        for signin in day.signins:
            if signin.auth is not Auth.APP_ONLY:
                self._file.write(self._separator + _line(signin, self._language))
                self._separator = ",\n"

    def close(self) -> None:
        self._file.write("\n]\n" if self._separator == ",\n" else "[]\n")
        self._file.close()


class PagedSignIns(Export):
    """`{"value": […]}`, a thousand records a file, each but the last with the address of the next."""

    def __init__(self, folder: Path, language: str) -> None:
        self._folder, self._language = folder, language
        self._page: list[str] = []
        self._pages = 0

    def day(self, day: Day) -> None:
        if day.archived:
            return
        for signin in day.signins:
            if signin.auth is not Auth.APP_ONLY:
                if len(self._page) == PAGE:
                    self._flush(last=False)
                self._page.append(_line(signin, self._language))

    def close(self) -> None:
        self._flush(last=True)

    def _flush(self, *, last: bool) -> None:
        self._pages += 1
        head = f'{{"@odata.context": {json.dumps(_CONTEXT)}'
        if not last:
            following = f"https://graph.microsoft.com/v1.0/auditLogs/signIns?$skiptoken={self._pages:08x}"
            head += f', "@odata.nextLink": {json.dumps(following)}'
        text = head + ', "value": [\n' + ",\n".join(self._page) + "\n]}\n"
        (self._folder / f"signIns-page-{self._pages:04d}.json").write_bytes(text.encode("utf-8"))
        self._page = []


def _line(signin: SignIn, language: str) -> str:
    return json.dumps(record(signin, language), ensure_ascii=False)


def record(signin: SignIn, language: str) -> dict[str, Any]:
    """One `signIn` resource of Graph v1.0."""
    basic = signin.auth is Auth.BASIC
    app, app_id = (signin.app[1], signin.app[0]) if signin.app[0] else EXCHANGE
    city, state, country = signin.place
    return {
        "id": guid(signin.request),
        "createdDateTime": iso(signin.at),
        "userDisplayName": signin.name.of(language),
        "userPrincipalName": signin.user,
        "userId": signin.user_id,
        "appId": app_id,
        "appDisplayName": app,
        "ipAddress": signin.ip,
        "clientAppUsed": BASIC_APP if basic else OAUTH_APP,
        "correlationId": second_guid(signin.request),
        "conditionalAccessStatus": "failure" if signin.error == BLOCKED_BY_CA else "notApplied",
        "isInteractive": basic,
        "resourceDisplayName": EXCHANGE[0],
        "resourceId": EXCHANGE[1],
        "status": {
            "errorCode": signin.error,
            "failureReason": REASONS[signin.error],
            "additionalDetails": None,
        },
        "deviceDetail": {"deviceId": "", "displayName": "", "operatingSystem": "", "browser": ""},
        "location": {"city": city, "state": state, "countryOrRegion": country, "geoCoordinates": {}},
        "appliedConditionalAccessPolicies": [],
    }
