"""The watch: silent while nothing changes, an alarm on a contradiction, ever rarer where a page cannot be had."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from pathlib import Path

from mailferry.alarms.api import Alarm, Code, Severity
from mailferry.bulletin.changes import Changes
from mailferry.bulletin.fetch import Fetched, FetchError, Tag
from mailferry.bulletin.watch import Outcome, Watch
from mailferry.clock import ManualClock

HOUR, DAY = 3600.0, 86400.0
PLACE = "https://example.com/timeline"
AGREES = (
    "<html><body><h1>Timeline</h1><p>Published: February 2, 2026</p><p>Basic authentication for SMTP AUTH is disabled "
    "by default for existing tenants at the end of December 2026.</p></body></html>"
)
MOVED = AGREES.replace("December 2026", "March 2027").replace("February 2, 2026", "November 23, 2026")


@dataclass
class Pages:
    """Answers with what it holds; an exception is raised."""

    answer: str | FetchError = AGREES
    asked: list[tuple[str, Tag]] = field(default_factory=list)

    async def get(self, address: str, tag: Tag = Tag(), now: float = 0.0) -> Fetched:  # noqa: B008 - a frozen value
        self.asked.append((address, tag))
        if isinstance(self.answer, FetchError):
            raise self.answer
        etag = f"{len(self.answer)}"
        return Fetched(None if tag.etag == etag else self.answer.encode(), "utf-8", Tag(etag, ""))


@dataclass
class Sink:
    standing: dict[tuple[Code, str], Alarm] = field(default_factory=dict)

    def raise_(self, alarm: Alarm) -> None:
        self.standing[alarm.code, alarm.key] = alarm

    def resolve(self, code: Code, key: str) -> None:
        self.standing.pop((code, key), None)


@dataclass
class World:
    path: Path
    clock: ManualClock
    pages: Pages = field(default_factory=Pages)
    sink: Sink = field(default_factory=Sink)

    def watch(self) -> Watch:
        return Watch([PLACE], 6 * HOUR, self.path, self.pages, self.sink, self.clock)


async def test_nothing_is_said_while_nothing_changes(tmp_path: Path, clock: ManualClock) -> None:
    world = World(tmp_path, clock)
    watch = world.watch()
    assert [look.outcome for look in await watch.round()] == [Outcome.CHANGED]
    assert await watch.round() == []
    clock.advance(6 * HOUR)
    assert [look.outcome for look in await watch.round()] == [Outcome.UNCHANGED]
    assert world.pages.asked[1][1].etag
    assert world.sink.standing == {}
    assert Changes(tmp_path).proposed() == ()


async def test_moved_advertisements_are_no_change(tmp_path: Path, clock: ManualClock) -> None:
    world = World(tmp_path, clock)
    watch = world.watch()
    await watch.round()
    world.pages.answer = AGREES.replace("</body>", "<div class='ad'>Buy now, until May 2029!</div></body>")
    clock.advance(6 * HOUR)
    assert [look.outcome for look in await watch.round()] == [Outcome.UNCHANGED]


async def test_a_changed_schedule_raises_an_alarm_once_and_leaves_a_proposal(
    tmp_path: Path, clock: ManualClock
) -> None:
    world = World(tmp_path, clock)
    watch = world.watch()
    await watch.round()
    world.pages.answer = MOVED
    clock.advance(6 * HOUR)
    (look,) = await watch.round()
    assert look.outcome is Outcome.CONTRADICTED
    (alarm,) = world.sink.standing.values()
    (change,) = Changes(tmp_path).proposed()
    assert (alarm.code, alarm.severity) == (Code.BULLETIN, Severity.ERROR)
    assert "end of March 2027" in alarm.text.en
    assert alarm.text.ja.startswith("「") and "（2027年3月末）" in alarm.text.ja
    assert change.id in alarm.cure.ja
    clock.advance(6 * HOUR)
    again = world.watch()  # restarted
    assert [look.outcome for look in await again.round()] == [Outcome.UNCHANGED]
    assert len(Changes(tmp_path).proposed()) == 1


async def test_the_alarm_ends_when_a_person_has_decided(tmp_path: Path, clock: ManualClock) -> None:
    world = World(tmp_path, clock, Pages(MOVED))
    await world.watch().round()
    (change,) = Changes(tmp_path).proposed()
    Changes(tmp_path).accept(change.id, "tanaka", date(2026, 11, 24))
    clock.advance(6 * HOUR)
    again = world.watch()
    assert [alarm.key for alarm, _ in again.standing()] == [f"schedule:{PLACE}"]
    assert [look.outcome for look in await again.round()] == [Outcome.UNCHANGED]
    assert world.sink.standing == {}
    assert again.standing() == []


async def test_the_alarm_ends_when_the_page_agrees_again(tmp_path: Path, clock: ManualClock) -> None:
    world = World(tmp_path, clock, Pages(MOVED))
    watch = world.watch()
    await watch.round()
    assert world.sink.standing
    world.pages.answer = AGREES
    clock.advance(6 * HOUR)
    assert [look.outcome for look in await watch.round()] == [Outcome.CHANGED]
    assert world.sink.standing == {}


async def test_a_page_that_fails_is_asked_ever_more_rarely(tmp_path: Path, clock: ManualClock) -> None:
    world = World(tmp_path, clock, Pages(FetchError("503")))
    watch = world.watch()
    looked = []
    for hour in range(10 * 24):
        if await watch.round():
            looked.append(hour)
        clock.advance(HOUR)
    gaps = [after - before for before, after in pairwise(looked)]
    assert gaps == sorted(gaps)
    assert gaps[0] == 12
    assert set(gaps[1:]) == {24}
    (alarm,) = world.sink.standing.values()
    assert (alarm.key, alarm.severity) == (f"unreadable:{PLACE}", Severity.WARNING)
    world.pages.answer = AGREES
    clock.advance(DAY)
    await watch.round()
    assert world.sink.standing == {}


async def test_the_server_may_ask_for_more_patience(tmp_path: Path, clock: ManualClock) -> None:
    world = World(tmp_path, clock, Pages(FetchError("429", retry_after=3 * DAY)))
    watch = world.watch()
    await watch.round()
    clock.advance(2 * DAY)
    assert await watch.round() == []
    clock.advance(DAY)
    assert len(await watch.round()) == 1


async def test_a_damaged_memory_costs_one_look(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "bulletin").mkdir()
    (tmp_path / "bulletin" / "watch.json").write_text("[1, 2", encoding="utf-8")
    assert [look.outcome for look in await World(tmp_path, clock).watch().round()] == [Outcome.CHANGED]
