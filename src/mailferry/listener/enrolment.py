"""Enrolment: the first login of an account nobody knows, in a named network and time, makes it a client.

Leaves to others: the SASL exchange and its replies (login), asking Exchange Online (the verifier handed in), files
(clients.enrolled). Invariants: an account enrols once; it may send as itself alone; outside every window nothing here
happens at all; a password is verified upstream at most `rate` times, and kept as an Argon2id hash only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from mailferry.alarms.api import Alarm, AlarmSink, Code, Severity
from mailferry.clients.enrolled import Enrolled, Register, Status
from mailferry.clock import Clock
from mailferry.listener.accounts import hash_password
from mailferry.listener.enrolment_settings import EnrolmentSettings, Proof
from mailferry.listener.identity import account_key, within
from mailferry.listener.policy import Bucket, Client, Identity, take
from mailferry.listener.settings import ClientSettings
from mailferry.m365.facts import Text
from mailferry.obs.maillog import MailLog

#: Passwords that are verified or hashed at a time.
_AT_A_TIME = 2
_LONGEST = 254  # RFC 5321 section 4.5.3.1.3: a path, without its angle brackets


class Answer(Enum):
    """What a server says of a password."""

    RIGHT = auto()
    WRONG = auto()
    SILENT = auto()  # it could not be asked, or answers passwords no more: nothing is known


class Verifier(Protocol):
    """Asks whether a password is right. The reason goes into the log."""

    async def ask(self, account: str, password: str) -> tuple[Answer, str]: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """`identity` when the account is a client now; else whether the password was wrong, or it is too early to say."""

    identity: Identity | None
    wrong: bool
    reason: str


class Enrolment:
    """The windows of one gateway. `changed` is called when an account became a client."""

    def __init__(
        self,
        windows: Sequence[EnrolmentSettings],
        domains: frozenset[str],
        register: Register,
        verifiers: Mapping[str, Verifier],
        clock: Clock,
        log: MailLog,
        alarms: AlarmSink,
    ) -> None:
        self._windows = tuple(windows)
        self._domains = domains
        self._register = register
        self._verifiers = verifiers
        self._clock = clock
        self._log = log
        self._alarms = alarms
        self._records: dict[str, Enrolled] = {}
        self._stamp: object = None
        self._busy: set[str] = set()
        self._buckets: dict[str, Bucket] = {}
        self._taken: frozenset[str] = frozenset()
        self.changed: Callable[[], None] = lambda: None

    def refresh(self) -> bool:
        """Read the accounts again where files changed; True when they did. Blocks on files."""
        stamp = self._register.stamp()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        self._records = {account_key(one.account): one for one in self._register.all()}
        for record in self._records.values():
            self._tell(record)
        return True

    def clients(self, configured: Sequence[ClientSettings]) -> list[ClientSettings]:
        """The enrolled accounts as clients. A configured client of the same account or name comes first."""
        names = {account_key(one.name) for one in configured}
        names |= {account_key(one.login) for one in configured if one.password is not None}
        self._taken = frozenset(names)
        windows = {one.name: one for one in self._windows}
        return [
            self._client(record, windows[record.window])
            for key, record in self._records.items()
            if record.status is Status.ACTIVE and record.window in windows and key not in self._taken
        ]

    def offer(self, account: str, password: str, address: str) -> asyncio.Future[Outcome] | None:
        """Enrol an account that is no client; None when that is not for this account, address or time."""
        key = account_key(account)
        record = self._records.get(key)
        if record is not None and record.status is Status.REVOKED:
            return None
        window = self._window(key, address)
        if window is None or key in self._taken or not password:
            return None
        loop = asyncio.get_running_loop()
        if record is not None or key in self._busy or len(self._busy) >= _AT_A_TIME:
            done: asyncio.Future[Outcome] = loop.create_future()
            done.set_result(Outcome(None, wrong=False, reason="waits for approval" if record else "enrolment is busy"))
            return done
        self._busy.add(key)
        return loop.create_task(self._enrol(window, key, password, address), name="enrolment")

    def _window(self, key: str, address: str, mine: int = 0) -> EnrolmentSettings | None:
        """The first open window for the account at the address."""
        local, _, domain = key.rpartition("@")
        if not local or len(key) > _LONGEST or not key.isprintable() or any(char in key for char in ' "\\<>,;:()[]%!*'):
            return None
        now = self._clock.time()
        for window in self._windows:
            inside = within(address, window.networks) and domain in (window.domains or self._domains)
            if inside and window.opens.timestamp() <= now < window.closes.timestamp() and self._room(window, mine):
                return window
        return None

    def _room(self, window: EnrolmentSettings, mine: int) -> bool:
        """Whether one more may enrol, `mine` of those under way being the one that asks."""
        used = sum(record.window == window.name for record in self._records.values())
        return used + len(self._busy) - mine < window.limit

    async def _enrol(self, window: EnrolmentSettings, key: str, password: str, address: str) -> Outcome:
        try:
            outcome = await self._refusal(window, key, password)
            if outcome is None:
                outcome = await self._keep(window, key, password, address)
            if outcome.identity is None and key not in self._records:
                self._log.enrolment_refused(window.name, address, key, outcome.reason)
            return outcome
        finally:
            self._busy.discard(key)

    async def _refusal(self, window: EnrolmentSettings, key: str, password: str) -> Outcome | None:
        """Why the account does not enrol now, None when its password is believed."""
        if window.proof is Proof.FIRST_USE:
            return None
        bucket = take(self._buckets.get(window.name), window.rate, self._clock.time())
        if bucket is None:
            return Outcome(None, wrong=False, reason=f"more than {window.rate} passwords to verify")
        self._buckets[window.name] = bucket
        answer, reason = await self._verifiers[window.name].ask(key, password)
        return None if answer is Answer.RIGHT else Outcome(None, wrong=answer is Answer.WRONG, reason=reason)

    async def _keep(self, window: EnrolmentSettings, key: str, password: str, address: str) -> Outcome:
        if self._window(key, address, 1) is None:  # it closed meanwhile
            return Outcome(None, wrong=False, reason="the window has closed")
        hashed = await asyncio.to_thread(hash_password, password)
        status = Status.PENDING if window.approves else Status.ACTIVE
        proof = "verified" if window.proof is Proof.VERIFY else "first-use"
        record = Enrolled(key, hashed, window.name, address, proof, self._clock.time(), status)
        try:
            await asyncio.to_thread(self._register.put, record)
        except OSError as error:
            return Outcome(None, wrong=False, reason=f"cannot be stored: {error.strerror}")
        self._records[key] = record
        self._log.enrolled(window.name, address, key, proof, status.value)
        self._tell(record)
        if status is Status.PENDING:
            return Outcome(None, wrong=False, reason="waits for approval")
        self.changed()
        return Outcome(Identity(Client.of(self._client(record, window)), key), wrong=False, reason="")

    def _client(self, record: Enrolled, window: EnrolmentSettings) -> ClientSettings:
        return ClientSettings(
            name=record.account,
            password=record.password,
            login_from=window.networks,
            senders=(record.account,),
            mailbox=record.account,
            recipients=window.recipients,
            rate=window.message_rate,
            route=window.route,
        )

    def _tell(self, record: Enrolled) -> None:
        """Somebody has to approve what is pending."""
        if record.status is not Status.PENDING:
            self._alarms.resolve(Code.ENROLMENT, record.account)
            return
        text = Text(
            f"{record.account} enrolled from {record.address} and waits for approval.",
            f"{record.account} が {record.address} から登録を要求し、承認を待っています。",
        )
        cure = Text(
            f"Is it a device of yours? `mailferry account approve {record.account}`, or `account revoke`.",
            f"自社の機器なら `mailferry account approve {record.account}`、違えば `account revoke` を実行します。",
        )
        self._alarms.raise_(Alarm(Code.ENROLMENT, record.account, Severity.WARNING, text, cure))
