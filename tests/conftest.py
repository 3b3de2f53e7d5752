"""What every suite shares: lanes, foreign tools, the length of property tests.

--require-tools makes a missing foreign program a failure instead of a skip (CI and `make test` set it);
--long runs the long forms (`make full`).
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from mailferry.clock import ManualClock

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile("short", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", max_examples=3000, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("long" if os.environ.get("MAILFERRY_LONG") else "short")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--require-tools", action="store_true", help="a missing foreign program fails its tests")
    parser.addoption("--long", action="store_true", help="run the long forms as well")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long forms out, rather than count them as skipped: a skip is a test that should have run."""
    if config.getoption("--long"):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


#: Whether the test ran out of its time, and seconds that what it left behind may take then.
_TORN = pytest.StashKey[bool]()
_TEARDOWN = 30.0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    if call.excinfo is not None and "from pytest-timeout" in str(call.excinfo.value):
        item.stash[_TORN] = True
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """A test that is ended by its time limit is torn out of the midst of something: a callback never ran to its end,
    and a fixture that waits for it would wait for ever, with no limit left to end it and nothing to say which test."""
    if not item.stash.get(_TORN, False):
        return (yield)

    def give_up(*_: object) -> None:
        pytest.fail(f"what {item.nodeid} left behind did not end within {_TEARDOWN:g} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, _TEARDOWN)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that the test moves by hand."""
    return ManualClock()


@pytest.fixture
def long(request: pytest.FixtureRequest) -> bool:
    """Whether the long form is asked for."""
    return bool(request.config.getoption("--long"))


@pytest.fixture(scope="session")
def tool(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """The path of a foreign program; fails (or, without --require-tools, skips) where it is missing."""

    def find(name: str) -> str:
        places = [shutil.which(name), f"/usr/sbin/{name}", str(ROOT / ".deps" / name)]
        for place in places:
            if place and Path(place).exists():
                return place
        message = f"{name} is not installed; `sh tools/foreign.sh` installs it"
        if request.config.getoption("--require-tools"):
            pytest.fail(message)
        pytest.skip(message)

    return find
