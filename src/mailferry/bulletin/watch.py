"""The watch over configured addresses: asks rarely, keeps what it knows, and speaks only when something changed.

Leaves to others: HTTP (fetch), facts (read), judging (compare), keeping proposals (changes), telling people (alarms).
Invariant: the same page twice is silent; a page that cannot be had is asked for ever more rarely, never more often than
the interval; a restart forgets nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from mailferry.alarms.api import Alarm, AlarmSink, Code, Severity
from mailferry.bulletin import wording
from mailferry.bulletin.changes import Change, Changes, proposals, write_json
from mailferry.bulletin.compare import Comparison, compare
from mailferry.bulletin.facts import Announcement
from mailferry.bulletin.fetch import Fetched, FetchError, Tag
from mailferry.bulletin.read import PageError, read
from mailferry.clock import Clock, utc
from mailferry.m365.facts import Text

_DAY = 86400.0
#: Days without the page after which somebody is told.
_LOST = 3 * _DAY


class Outcome(StrEnum):
    """What a look at an address came to."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"  # the page says something else than last time; the schedule stands
    CONTRADICTED = "contradicted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Look:
    """One look. `fresh` are the proposals that were not known before."""

    address: str
    outcome: Outcome
    comparison: Comparison | None = None
    fresh: tuple[Change, ...] = ()
    cause: str = ""


class Getter(Protocol):
    """What the watch asks pages of; fetch.Fetcher is one."""

    async def get(self, address: str, tag: Tag = ..., now: float = ...) -> Fetched: ...


@dataclass(slots=True)
class _Memory:
    """What is known of one address between looks."""

    etag: str = ""
    modified: str = ""
    facts: str = ""  # digest of what the page said
    failures: int = 0
    good: float = 0.0  # when it was last had
    due: float = 0.0
    alarm: dict[str, Any] = field(default_factory=dict)  # the one that stands, since when


class Watch:
    """Looks at addresses when they are due. `directory` is the gateway's state directory."""

    def __init__(
        self,
        addresses: Sequence[str],
        interval: float,
        directory: Path,
        getter: Getter,
        alarms: AlarmSink,
        clock: Clock,
    ) -> None:
        self._addresses = tuple(dict.fromkeys(addresses))
        self._interval = interval
        self._changes = Changes(directory)
        self._path = _file(directory)
        self._getter = getter
        self._alarms = alarms
        self._clock = clock
        self._memory = _load(self._path)

    async def round(self) -> list[Look]:
        """Look at every address that is due."""
        due = [address for address in self._addresses if self._of(address).due <= self._clock.time()]
        looks = [await self._look(address) for address in due]
        if looks:
            self._save()
        return looks

    def standing(self) -> list[tuple[Alarm, float]]:
        """The alarms that were raised in an earlier run and stand, with when that was."""
        return _standing(self._memory)

    async def rest(self) -> None:
        """Sleep until the next address is due."""
        due = min((self._of(address).due for address in self._addresses), default=self._clock.time() + self._interval)
        await self._clock.sleep(max(1.0, due - self._clock.time()))

    def _of(self, address: str) -> _Memory:
        return self._memory.setdefault(address, _Memory(good=self._clock.time()))

    async def _look(self, address: str) -> Look:
        memory, now = self._of(address), self._clock.time()
        try:
            fetched = await self._getter.get(address, Tag(memory.etag, memory.modified), now)
            page = None if fetched.body is None else read(fetched.body, address, fetched.charset)
        except (FetchError, PageError) as error:
            return self._failed(address, memory, str(error), getattr(error, "retry_after", 0.0))
        memory.failures, memory.good, memory.due = 0, now, now + self._interval
        self._alarms.resolve(Code.BULLETIN, f"unreadable:{address}")
        memory.etag, memory.modified = fetched.tag.etag, fetched.tag.modified
        if page is None or _digest(page) == memory.facts:
            self._settle(address, memory)
            return Look(address, Outcome.UNCHANGED)
        return self._changed(address, memory, page)

    def _changed(self, address: str, memory: _Memory, page: Announcement) -> Look:
        comparison = compare(page)
        found = proposals(comparison, utc(self._clock.time()).date())
        fresh = self._changes.propose(found)
        memory.facts = _digest(page)
        waiting = {change.id for change in self._changes.proposed()}
        undecided = tuple(change for change in found if change.id in waiting)
        if undecided:
            raised = _alarm(address, comparison, undecided)
            self._alarms.raise_(raised)
            memory.alarm = _kept(raised, memory.alarm.get("since", self._clock.time()))
        elif memory.alarm:
            self._alarms.resolve(Code.BULLETIN, f"schedule:{address}")
            memory.alarm = {}
        outcome = Outcome.CONTRADICTED if comparison.contradicts else Outcome.CHANGED
        return Look(address, outcome, comparison, fresh)

    def _settle(self, address: str, memory: _Memory) -> None:
        """End the alarm when a person has accepted or dropped every change it was raised for."""
        if not memory.alarm:
            return
        waiting = {change.id for change in self._changes.proposed()}
        if waiting.isdisjoint(memory.alarm["fields"].get("changes", "").split()):
            self._alarms.resolve(Code.BULLETIN, memory.alarm["key"])
            memory.alarm = {}

    def _failed(self, address: str, memory: _Memory, cause: str, retry_after: float) -> Look:
        """Twice the interval, four times, … a day at most; longer only where the server asks for it."""
        memory.failures += 1
        wait = min(max(_DAY, self._interval), self._interval * 2.0 ** min(memory.failures, 20))
        memory.due = self._clock.time() + max(wait, min(retry_after, 30 * _DAY))
        if self._clock.time() - memory.good >= _LOST:
            self._alarms.raise_(_lost(address, cause))
        return Look(address, Outcome.FAILED, cause=cause)

    def _save(self) -> None:
        known = {address: asdict(self._of(address)) for address in self._addresses}
        write_json(self._path, {"version": 1, "addresses": known})


def standing(directory: Path) -> list[tuple[Alarm, float]]:
    """The alarms of a watch over this state directory, whether it runs or not, with when each was raised: those whose
    changes wait for a person still."""
    waiting = {change.id for change in Changes(directory).proposed()}
    found = _standing(_load(_file(directory)))
    return [(alarm, since) for alarm, since in found if not waiting.isdisjoint(alarm.fields.get("changes", "").split())]


def _file(directory: Path) -> Path:
    return directory / "bulletin" / "watch.json"


def _standing(known: dict[str, _Memory]) -> list[tuple[Alarm, float]]:
    return [_remembered(memory.alarm) for memory in known.values() if memory.alarm]


def _load(path: Path) -> dict[str, _Memory]:
    """What was known before; a damaged file costs one look at each page and nothing else."""
    try:
        entries: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["addresses"]
        return {address: _Memory(**entry) for address, entry in entries.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _kept(alarm: Alarm, since: float) -> dict[str, Any]:
    kept = asdict(alarm)
    del kept["code"]
    return {**kept, "fields": dict(alarm.fields), "since": since}


def _remembered(kept: dict[str, Any]) -> tuple[Alarm, float]:
    text, cure = Text(**kept["text"]), Text(**kept["cure"])
    alarm = Alarm(Code.BULLETIN, kept["key"], Severity(kept["severity"]), text, cure, kept["fields"])
    return alarm, kept["since"]


def _digest(page: Announcement) -> str:
    """Of what is said about the schedule: a page may move its advertisements as it likes."""
    said = [
        (phase.period.first, phase.period.last, phase.effect, phase.audience, phase.bound, phase.superseded)
        for phase in page.phases
    ]
    named = sorted((mention.kind, mention.value) for mention in page.mentions)
    return hashlib.sha256(repr((page.title, sorted(map(repr, said)), named)).encode()).hexdigest()


def _alarm(address: str, comparison: Comparison, found: tuple[Change, ...]) -> Alarm:
    first = found[0]
    page = comparison.announcement
    who = page.publisher or address
    days = wording.label(first.phase, "ja")
    return Alarm(
        code=Code.BULLETIN,
        key=f"schedule:{address}",
        severity=Severity.ERROR if comparison.contradicts else Severity.WARNING,
        text=Text(
            f"{who} says of the end of Basic authentication: {first.sentence} (the schedule has: {first.schedule})",
            f"「{who}」に、基本認証の終了時期（{days}）について、スケジュールと異なる記載があります: {first.sentence}",
        ),
        cure=Text(
            f"Read {address}; if it is right, `mailferry bulletin accept {first.id}`",
            f"{address} を確認し、正しければ `mailferry bulletin accept {first.id}` を実行してください",
        ),
        fields={
            "address": address,
            "changes": " ".join(change.id for change in found),
            "effect": first.effect.value,
            "first": first.first.isoformat(),
            "last": first.last.isoformat(),
            "title": page.title,
        },
    )


def _lost(address: str, cause: str) -> Alarm:
    return Alarm(
        code=Code.BULLETIN,
        key=f"unreadable:{address}",
        severity=Severity.WARNING,
        text=Text(
            f"the watched page cannot be read for three days: {cause}",
            f"監視対象のページを 3 日間取得できていません: {cause}",
        ),
        cure=Text(
            "open it in a browser; write its new address under [bulletin] addresses",
            "ブラウザーで開いて確認し、新しいアドレスを [bulletin] の addresses に記入してください",
        ),
        fields={"address": address},
    )
