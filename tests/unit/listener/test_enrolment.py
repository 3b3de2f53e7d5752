"""Who may enrol, when, from where, how often; and what an enrolled account may do."""

from __future__ import annotations

import asyncio
import os
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from mailferry.alarms.api import Alarm, Code
from mailferry.clients.enrolled import Enrolled, Look, Register, Status
from mailferry.clock import ManualClock
from mailferry.listener.enrolment import Answer, Enrolment
from mailferry.listener.enrolment_settings import EnrolmentSettings
from mailferry.listener.policy import recipient, sender
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics

DOMAINS = frozenset({"example.com"})
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
HERE = "10.1.2.3"
SCAN, SECRET = "scan@example.com", "secret"


class Asked:
    """A server that knows some passwords; `gate` holds its answers back."""

    def __init__(self, **passwords: str) -> None:
        self.passwords = passwords
        self.asked: list[str] = []
        self.gate: asyncio.Event | None = None
        self.silent = ""

    async def ask(self, account: str, password: str) -> tuple[Answer, str]:
        self.asked.append(account)
        if self.gate is not None:
            await self.gate.wait()
        if self.silent:
            return Answer.SILENT, self.silent
        right = self.passwords.get(account.partition("@")[0]) == password
        return (Answer.RIGHT, "") if right else (Answer.WRONG, "the server does not know this password")


class Alarms:
    def __init__(self) -> None:
        self.standing: set[str] = set()

    def raise_(self, alarm: Alarm) -> None:
        self.standing.add(alarm.key)

    def resolve(self, code: Code, key: str) -> None:
        self.standing.discard(key)


class Site:
    """One enrolment with its surroundings."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        self.clock = ManualClock(NOON)
        self.server = Asked(scan="secret", ups="power")
        self.alarms = Alarms()
        self.lines: list[tuple[str, dict[str, Any]]] = []
        self.changes = 0
        self.settings = {
            "name": "move", "networks": ["10.1.0.0/16"], "opens": "2026-12-01T00:00:00Z",
            "closes": "2026-12-03T00:00:00Z", **settings,
        }  # fmt: skip
        self.register = Register(directory / "enrolled")
        self.made = self.start()

    def start(self) -> Enrolment:
        log = MailLog(lambda level, event, fields: self.lines.append((event, fields)), Metrics())
        window = EnrolmentSettings.model_validate(self.settings)
        made = Enrolment([window], DOMAINS, self.register, {window.name: self.server}, self.clock, log, self.alarms)
        made.refresh()
        made.clients(())
        made.changed = self.changed
        return made

    def changed(self) -> None:
        self.changes += 1

    async def login(self, account: str = SCAN, password: str = SECRET, address: str = HERE) -> str:
        """none, wrong, later, or the name of the client."""
        future = self.made.offer(account, password, address)
        if future is None:
            return "none"
        outcome = await future
        if outcome.identity is not None:
            return outcome.identity.client.name
        return "wrong" if outcome.wrong else "later"


def _records(site: Site) -> list[Enrolled]:
    look = site.register.look()
    return list(look.records) if look is not None else []


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


async def test_a_verified_account_is_a_client_and_may_send_as_itself(site: Site) -> None:
    future = site.made.offer("Scan@Example.com", "secret", HERE)
    assert future is not None
    identity = (await future).identity
    assert identity is not None
    assert sender(identity, "scan@example.com") is None
    assert sender(identity, "boss@example.com") is not None
    assert sender(identity, "") is None, "reports of the device itself"
    assert recipient(identity, "a@example.com", DOMAINS) is None
    assert recipient(identity, "a@elsewhere.example", DOMAINS) is not None
    assert identity.client.mailbox == "scan@example.com"
    assert site.changes == 1
    [record] = _records(site)
    assert (record.status, record.proof, record.address) == (Status.ACTIVE, "verified", HERE)
    assert PasswordHasher().verify(record.password, "secret")
    assert "secret" not in f"{record!r}{site.lines}"
    assert [event for event, _ in site.lines] == ["enrolled"]
    [file] = (site.register._directory).iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_accounts_whose_window_is_no_longer_configured_are_told(site: Site) -> None:
    """Who takes the section out when the move is over locks out every device that enrolled by it."""
    await site.login()
    site.settings["name"] = "another"
    again = site.start()
    assert again.clients(()) == []
    assert site.alarms.standing == {"window move"}
    site.register.forget(SCAN)
    assert await again.look()
    assert site.alarms.standing == set()


async def test_it_is_there_after_a_restart(site: Site) -> None:
    await site.login()
    again = site.start()
    [client] = again.clients(())
    assert (client.login, client.senders, str(client.login_from[0])) == (
        "scan@example.com", ("scan@example.com",), "10.1.0.0/16",
    )  # fmt: skip
    assert again.offer("scan@example.com", "other", HERE) is not None, "known, but no client of this site yet"
    assert site.server.asked == ["scan@example.com"]


@pytest.mark.parametrize(
    ("account", "address", "hours"),
    [
        ("a`reboot`@example.com", HERE, 0),
        ("a$(reboot)@example.com", HERE, 0),
        ("a&b@example.com", HERE, 0),
        ("--config=x@example.com", HERE, 0),
        ("ſcan@example.com", HERE, 0),  # long s: scan@example.com when folded
        ("scаn@example.com", HERE, 0),  # Cyrillic a: another account that looks the same
        ("scan@example.com", "10.2.0.1", 0),
        ("scan@example.com", "", 0),
        ("scan@example.com", HERE, 36),
        ("scan@example.com", HERE, -13),
        ("scan@elsewhere.example", HERE, 0),
        ("scan", HERE, 0),
        ("@example.com", HERE, 0),
        ("*@example.com", HERE, 0),
        ("a%b@example.com", HERE, 0),
        ("a b@example.com", HERE, 0),
        ("a\n@example.com", HERE, 0),
        ("x" * 300 + "@example.com", HERE, 0),
    ],
)
async def test_outside_nothing_happens(site: Site, account: str, address: str, hours: float) -> None:
    site.clock.advance(hours * 3600)
    assert await site.login(account, "secret", address) == "none"
    assert site.server.asked == []
    assert _records(site) == []


async def test_a_wrong_password_is_a_failed_login(site: Site) -> None:
    assert await site.login(password="guess") == "wrong"
    assert await site.login(password="") == "none"
    assert _records(site) == []
    assert [event for event, _ in site.lines] == ["enrolment refused"]


async def test_a_server_that_does_not_say_decides_nothing(site: Site) -> None:
    site.server.silent = "Basic authentication is disabled."
    assert await site.login() == "later"
    assert site.lines[-1][1]["reason"] == "Basic authentication is disabled."
    site.server.silent = ""
    assert await site.login() == "scan@example.com"


async def test_the_server_is_asked_seldom(tmp_path: Path) -> None:
    site = Site(tmp_path, rate="3/minute")
    answers = [await site.login(password=f"guess{number}") for number in range(6)]
    assert answers == ["wrong"] * 3 + ["later"] * 3
    site.clock.advance(20)
    assert await site.login() == "scan@example.com"
    assert len(site.server.asked) == 4


async def test_a_window_closes_by_number(tmp_path: Path) -> None:
    site = Site(tmp_path, limit=1)
    site.server.gate = asyncio.Event()
    first, second = (
        site.made.offer("scan@example.com", "secret", HERE),
        site.made.offer("ups@example.com", "power", HERE),
    )
    assert first is not None
    assert second is None, "the one under way counts"
    site.server.gate.set()
    assert (await first).identity is not None
    assert await site.login("ups@example.com", "power") == "none"
    site.register.change("scan@example.com", Status.REVOKED)
    site.made.refresh()
    assert await site.login("ups@example.com", "power") == "none", "a revoked one has used its place"


async def test_a_window_that_closes_while_the_server_thinks_takes_nobody(site: Site) -> None:
    site.server.gate = asyncio.Event()
    future = site.made.offer("scan@example.com", "secret", HERE)
    assert future is not None
    await asyncio.sleep(0)
    site.clock.advance(3 * 86400)
    site.server.gate.set()
    assert (await future).identity is None
    assert _records(site) == []


async def test_few_at_a_time_and_one_per_account(site: Site) -> None:
    site.server.gate = asyncio.Event()
    futures = [site.made.offer(f"{name}@example.com", "x", HERE) for name in ("scan", "scan", "ups", "erp")]
    waiting = [future for future in futures if future is not None]
    assert [future.done() for future in waiting] == [False, True, False, True]
    site.server.gate.set()
    await asyncio.gather(*waiting)
    assert site.server.asked == ["scan@example.com", "ups@example.com"]


async def test_first_use_waits_for_approval(tmp_path: Path) -> None:
    site = Site(tmp_path, proof="first-use")
    assert await site.login(password="whatever") == "later"
    assert await site.login(password="another") == "later"
    assert (site.server.asked, site.changes) == ([], 0)
    assert site.alarms.standing == {"scan@example.com"}
    assert site.made.clients(()) == []
    site.register.change("SCAN@example.com", Status.ACTIVE)
    assert site.made.refresh()
    assert not site.made.refresh()
    [client] = site.made.clients(())
    assert PasswordHasher().verify(client.password or "", "whatever")
    assert site.alarms.standing == set()


async def test_a_revoked_account_does_not_come_back(site: Site) -> None:
    await site.login()
    site.register.change("scan@example.com", Status.REVOKED)
    site.made.refresh()
    assert site.made.clients(()) == []
    assert await site.login() == "none"


async def test_a_configured_client_comes_first(site: Site) -> None:
    from mailferry.listener.settings import ClientSettings

    hashed = PasswordHasher(1, 8, 1).hash("x")
    configured = [ClientSettings(name="scanner", account="Scan@example.com", password=hashed)]
    site.made.clients(configured)
    assert await site.login() == "none"


async def test_a_disk_that_takes_nothing_enrols_nobody(site: Site, tmp_path: Path) -> None:
    (tmp_path / "enrolled").write_text("a file where the directory should be")
    assert await site.login() == "later"
    assert site.changes == 0
    assert "cannot be stored" in site.lines[-1][1]["reason"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2}', '{"version": 1, "account": "x"}', "\u0000"])
async def test_what_is_no_record_is_passed_over(site: Site, text: str) -> None:
    await site.login()
    (site.register._directory / "evil@example.com.json").write_text(text)
    assert [one.account for one in _records(site)] == ["scan@example.com"]
    look = site.register.look()
    assert look is not None
    assert look.broken == ("evil@example.com.json",)


def test_a_name_never_leaves_the_directory(tmp_path: Path) -> None:
    register = Register(tmp_path / "enrolled")
    for account in ("../../etc/x@example.com", "/etc/passwd", "..", "a/../../b"):
        assert register._path(account).parent == tmp_path / "enrolled"


BAD = '"window": "move", "address": "10.1.2.3", "proof": "verified", "status": "active"'


@pytest.mark.parametrize(
    "rest",
    [
        f'"password": "clear", "at": 1, {BAD}',
        f'"password": 5, "at": 1, {BAD}',
        f'"password": "HASH", "at": NaN, {BAD}',
        f'"password": "HASH", "at": 1, {BAD.replace(chr(34) + "move" + chr(34), "[]")}',
        f'"password": "HASH", "at": 1, {BAD}, "more": 1',
    ],
)
async def test_a_damaged_record_reaches_no_client_and_its_account_is_not_up_for_grabs(site: Site, rest: str) -> None:
    site.server.passwords["ups"] = "power"
    text = f'{{"version": 1, "account": "ups@example.com", {rest}}}'.replace("HASH", PasswordHasher(1, 8, 1).hash("x"))
    site.register._directory.mkdir(exist_ok=True)
    (site.register._directory / "ups@example.com.json").write_text(text)
    assert not site.made.refresh()
    assert site.made.clients(()) == []
    assert await site.login("UPS@example.com", "power") == "later", "the device keeps its mail"
    assert site.server.asked == []
    assert site.alarms.standing == {"ups@example.com.json"}
    assert site.register.forget("ups@example.com")
    site.made.refresh()
    assert site.alarms.standing == set()
    assert await site.login("ups@example.com", "power") == "ups@example.com"


def test_a_record_is_of_the_account_that_its_file_is_named_after(tmp_path: Path) -> None:
    register = Register(tmp_path / "enrolled")
    register.put(_record("scan@example.com"))
    (tmp_path / "enrolled/scan@example.com.json").rename(tmp_path / "enrolled/boss@example.com.json")
    look = register.look()
    assert look is not None
    assert (look.records, look.broken) == ((), ("boss@example.com.json",))
    assert register.get("boss@example.com") is None


def test_links_are_not_followed(tmp_path: Path) -> None:
    register, other = Register(tmp_path / "enrolled"), Register(tmp_path / "elsewhere")
    register.put(_record("scan@example.com"))
    other.put(_record("boss@example.com"))
    (tmp_path / "enrolled/boss@example.com.json").symlink_to(tmp_path / "elsewhere/boss@example.com.json")
    look = register.look()
    assert look is not None
    assert look.broken == ("boss@example.com.json",)


def test_long_accounts_have_files_of_their_own(tmp_path: Path) -> None:
    register = Register(tmp_path / "enrolled")
    accounts = ["\u3042" * 60 + f"{number}@example.com" for number in (1, 2)]
    for account in accounts:
        register.put(_record(account))
    assert [one.account for one in map(register.get, accounts) if one] == accounts


def test_a_directory_that_may_not_be_read_is_not_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "enrolled").write_text("")
    with pytest.raises(OSError, match="Not a directory"):
        Register(tmp_path / "enrolled").look()


def test_two_changes_within_one_tick_are_two(tmp_path: Path) -> None:
    register = Register(tmp_path / "enrolled")
    register.put(_record("scan@example.com"))
    first = register.look()
    assert first is not None
    stamp = (tmp_path / "enrolled/scan@example.com.json").stat()
    register.change("scan@example.com", Status.REVOKED)
    os.utime(tmp_path / "enrolled/scan@example.com.json", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert register.look(first.stamp) is not None


async def test_guessing_at_one_account_ends_before_microsoft_locks_it(site: Site) -> None:
    answers = [await site.login(password=f"guess{number}") for number in range(6)]
    assert answers == ["wrong"] * 4 + ["later"] * 2
    assert await site.login("ups@example.com", "power") == "ups@example.com", "the others go on"
    site.clock.advance(86_400 / 4)
    assert await site.login() == SCAN


async def test_one_password_at_many_accounts_ends_soon_and_is_told(tmp_path: Path) -> None:
    site = Site(tmp_path, wrong_rate="3/hour", limit=100)
    answers = [await site.login(f"user{number}@example.com", "Winter2026!") for number in range(5)]
    assert answers == ["wrong"] * 3 + ["later"] * 2
    assert site.server.asked == [f"user{number}@example.com" for number in range(3)]
    assert site.alarms.standing == {"window move"}
    assert await site.login() == "later", "nobody is asked"
    await site.made.look()
    assert site.alarms.standing == {"window move"}
    site.clock.advance(1200)
    await site.made.look()
    assert site.alarms.standing == set()
    assert await site.login() == SCAN


async def test_first_use_has_a_rate_too(tmp_path: Path) -> None:
    site = Site(tmp_path, proof="first-use", rate="2/minute")
    for number in range(5):
        await site.login(f"junk{number}@example.com", "x")
    assert len(_records(site)) == 2


@pytest.mark.parametrize("hours", [0, 48])
async def test_who_waits_for_approval_keeps_its_mail_though_the_window_be_full_or_closed(
    tmp_path: Path, hours: int
) -> None:
    site = Site(tmp_path, proof="first-use", limit=1)
    assert await site.login() == "later"
    site.clock.advance(hours * 3600)
    assert await site.login() == "later", "a 535 would lose the mail, and lock the address"
    assert await site.login(address="10.2.0.1") == "none"
    assert await site.login("other@example.com") == "none"


async def test_an_account_that_enrols_while_files_are_read_is_not_forgotten(site: Site) -> None:
    gate, seen = threading.Event(), site.register.look()

    def slow(known: object = None) -> Look | None:
        gate.wait(10)
        return seen

    site.register.look = slow  # type: ignore[method-assign]
    looking = asyncio.ensure_future(site.made.look())
    assert await site.login() == SCAN
    gate.set()
    await looking
    assert site.made.offer(SCAN, "another", HERE) is not None
    assert site.server.asked == [SCAN]


def test_domains_are_compared_as_domains(tmp_path: Path) -> None:
    site = Site(tmp_path, domains=["Bücher.Example"])
    assert site.made._window("a@xn--bcher-kva.example", HERE) is not None


def _record(account: str) -> Enrolled:
    return Enrolled(account, PasswordHasher(1, 8, 1).hash("x"), "move", HERE, "verified", 1.0, Status.ACTIVE)
