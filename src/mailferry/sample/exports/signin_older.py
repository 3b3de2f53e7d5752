"""Sign-in logs in the older CSV that begins with CreatedDateTime, as an administrator's script kept them.

Leaves to others: which sign-ins there are. It holds the days of the archive: before the portal's thirty days.
"""

from __future__ import annotations

from pathlib import Path

from mailferry.sample.events import Day
from mailferry.sample.exports.base import Export, Table, iso
from mailferry.sample.exports.signin_portal import BASIC_APP, EXCHANGE, OAUTH_APP, REASONS
from mailferry.sample.values import Auth

HEADER = (
    "CreatedDateTime",
    "UserPrincipalName",
    "UserDisplayName",
    "AppDisplayName",
    "AppId",
    "IPAddress",
    "ClientAppUsed",
    "IsInteractive",
    "ConditionalAccessStatus",
    "Status",
    "ErrorCode",
    "FailureReason",
    "City",
    "State",
    "CountryOrRegion",
)


class OlderSignIns(Export):
    """`archived`: the days of the archive, or else those of the window."""

    def __init__(self, path: Path, language: str, *, archived: bool) -> None:
        self._table = Table(path, HEADER, mark=False)
        self._language, self._archived = language, archived

    def day(self, day: Day) -> None:
        if day.archived is not self._archived:
            return
        for signin in day.signins:
            if signin.auth is Auth.APP_ONLY:
                continue
            app, app_id = (signin.app[1], signin.app[0]) if signin.app[0] else EXCHANGE
            basic = signin.auth is Auth.BASIC
            row = [iso(signin.at), signin.user, signin.name.of(self._language), app, app_id, signin.ip]
            row += [BASIC_APP if basic else OAUTH_APP, str(basic), "notApplied"]
            row += ["Failure" if signin.error else "Success", str(signin.error)]
            row += [REASONS[signin.error] if signin.error else "", *signin.place]
            self._table.write(row)

    def close(self) -> None:
        self._table.close()
