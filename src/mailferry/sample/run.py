"""Writes a sample organisation: every export of it, and the truth.

Leaves to others: inventing (organisation, events) and each format (exports).
Invariant: the same request gives the same bytes; memory holds the clients and one day, whatever the size; nothing is
written into a directory that holds something else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from mailferry.sample import truth
from mailferry.sample.events import Events
from mailferry.sample.exports import archive, eac, eml, owners, switches
from mailferry.sample.exports.base import Export
from mailferry.sample.exports.onprem import ReceiveLogs, TrackingLogs
from mailferry.sample.exports.postfix import PostfixLogs
from mailferry.sample.exports.signin_culture import CULTURES, CultureSignIns
from mailferry.sample.exports.signin_json import ListSignIns, PagedSignIns
from mailferry.sample.exports.signin_older import OlderSignIns
from mailferry.sample.exports.signin_portal import PortalSignIns
from mailferry.sample.exports.trace import TraceExtended, TraceV2
from mailferry.sample.letters import Letters
from mailferry.sample.organisation import Organisation, invent
from mailferry.sample.values import Windows

#: The last day of the exports: a closing day, so that the month's runs are among them.
UNTIL = date(2026, 11, 20)
#: Above this size a trace of ten days would be larger than anybody downloads; two is what the cmdlet gives by default.
_LARGE, _TRACE_DAYS, _TRACE_DAYS_LARGE = 10_000, 10, 2

Progress = Callable[[int, int], None]


class NotEmptyError(Exception):
    """The directory holds something."""


@dataclass(frozen=True, slots=True)
class Request:
    size: int
    seed: int
    language: str = "en"
    until: date = UNTIL
    variants: bool = True  # the same sign-ins once more in every other format


@dataclass(frozen=True, slots=True)
class Written:
    """What lies there now."""

    clients: int
    sites: int
    signins: int
    messages: int
    files: int
    octets: int


def write(directory: Path, request: Request, progress: Progress = lambda done, total: None) -> Written:
    """Write the organisation of `request` into `directory`, which is made where it is missing."""
    organisation = invent(request.size, request.seed)
    if directory.exists() and any(directory.iterdir()):
        raise NotEmptyError(directory)
    days = _TRACE_DAYS_LARGE if request.size > _LARGE else _TRACE_DAYS
    windows = Windows.until(request.until, days)
    events = Events(organisation, windows, request.seed, request.language)
    folders = _Folders.make(directory, request.variants)
    with ExitStack() as stack:
        exports = list(_exports(folders, windows, request))
        for export in exports:
            stack.callback(export.close)
        signins = _days(events, exports, windows, progress)
    _papers(folders, organisation, events, request)
    head = {"size": request.size, "seed": request.seed, "language": request.language, "signins": signins}
    truth.write(directory / "truth.json", organisation, windows, events, head, request.language)
    files = [path for path in directory.rglob("*") if path.is_file()]
    messages = sum(tally.traced.messages for tally in events.tallies.values())
    octets = sum(path.stat().st_size for path in files)
    return Written(request.size, len(organisation.sites), signins, messages, len(files), octets)


def _days(events: Events, exports: list[Export], windows: Windows, progress: Progress) -> int:
    """Every day of the longest window, newest first, as downloads are; how many sign-ins there were."""
    signins = 0
    for back in range(windows.report.days):
        made = events.day(windows.report.last - timedelta(days=back))
        if made is not None:
            made.signins.sort(key=lambda signin: (-signin.at, signin.request))
            for messages in made.messages.values():
                messages.sort(key=lambda message: (message.at, message.client.number))
            for export in exports:
                export.day(made)
            signins += len(made.signins)
        progress(back + 1, windows.report.days)
    return signins


@dataclass(frozen=True, slots=True)
class _Folders:
    """Where what lies. `variants` is None where none are wanted."""

    exports: Path
    messages: Path
    variants: Path | None

    @classmethod
    def make(cls, directory: Path, variants: bool) -> _Folders:
        folders = cls(directory / "exports", directory / "messages", directory / "variants" if variants else None)
        for name in ("signins", "trace", "exchange", "postfix", "powershell"):
            (folders.exports / name).mkdir(parents=True)
        folders.messages.mkdir()
        if folders.variants is not None:
            for name in ("older", "list", "pages", "powershell-json", *(culture.name for culture in CULTURES)):
                (folders.variants / name).mkdir(parents=True)
        return folders


def _exports(folders: _Folders, windows: Windows, request: Request) -> Iterator[Export]:
    base, language = folders.exports, request.language
    yield PortalSignIns(base / "signins", windows.signins, language)
    kept = f"signins-kept-{windows.archive.first.isoformat()}.csv"
    yield OlderSignIns(base / "signins" / kept, language, archived=True)
    yield TraceV2(base / "trace" / "MessageTraceV2.csv", language)
    yield TraceExtended(base / "trace" / "MTDetails_extended.csv")
    yield ReceiveLogs(base / "exchange")
    yield TrackingLogs(base / "exchange")
    yield PostfixLogs(base / "postfix")
    variants = folders.variants
    if variants is not None:
        yield OlderSignIns(variants / "older" / "signins.csv", language, archived=False)
        yield ListSignIns(variants / "list" / "signins.json", language)
        yield PagedSignIns(variants / "pages", language)
        for culture in CULTURES:
            yield CultureSignIns(variants / culture.name / "signins.csv", culture, language)


def _papers(folders: _Folders, organisation: Organisation, events: Events, request: Request) -> None:
    """What is not by days."""
    base = folders.exports
    eac.write(base / "SMTP AUTH clients report.csv", organisation, events.tallies)
    switches.write_csv(base / "powershell", organisation)
    owners.write(base / "owners.csv", organisation, request.language)
    noon = datetime(request.until.year, request.until.month, request.until.day, 3, tzinfo=UTC).timestamp()
    letters = Letters(organisation, request.language)
    eml.write(folders.messages, organisation.clients, letters, noon, request.seed, request.language)
    logs = sorted((base / "postfix").iterdir())
    if logs:
        archive.pack(base / "postfix" / "mail-logs.zip", logs)
    if folders.variants is not None:
        eac.write(folders.variants / "report-basic-auth.csv", organisation, events.tallies, "message-centre")
        switches.write_json(folders.variants / "powershell-json", organisation)
