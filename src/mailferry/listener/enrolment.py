"""Enrolment: the first login of an account nobody knows, in a named network and time, makes it a client.

Leaves to others: the SASL exchange and its replies (login), asking Exchange Online (the verifier handed in) and how
often (attempts), files (clients.enrolled). Invariants: an account enrols once; it may send as itself alone; outside
every window no unknown account gets anywhere; a password is kept as an Argon2id hash only.
"""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from mailferry.alarms.api import Alarm, AlarmSink, Code, Severity
from mailferry.clients.enrolled import Enrolled, Look, Register, Status
from mailferry.clock import Clock
from mailferry.listener import enrolment_texts
from mailferry.listener.accounts import hash_password
from mailferry.listener.attempts import Attempts
from mailferry.listener.enrolment_settings import EnrolmentSettings, Proof
from mailferry.listener.identity import account_key, within
from mailferry.listener.policy import Client, Identity
from mailferry.listener.settings import ClientSettings
from mailferry.m365.facts import Text
from mailferry.obs.maillog import MailLog

#: Passwords that are verified or hashed at a time.
_AT_A_TIME = 2
#: What Microsoft lets a user name hold (V sspr, "userPrincipalName policies"), less what shells and old mail servers
#: read for more than a letter: an administrator copies it from an alarm into a command. ASCII: no two look alike.
_ACCOUNT = re.compile(r"[a-z0-9_][a-z0-9._+'~-]{0,63}@[a-z0-9.-]{1,189}", re.ASCII)


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
        self._broken: frozenset[str] = frozenset()
        self._stamp: object = None
        self._kept = 0
        self._homeless: frozenset[str] = frozenset()
        self._busy: set[str] = set()
        self._attempts = {one.name: Attempts(one.rate, one.wrong_rate, one.account_wrong_rate) for one in windows}
        self._taken: frozenset[str] = frozenset()
        self.changed: Callable[[], None] = lambda: None

    def refresh(self) -> bool:
        """Read the accounts again where files changed; True when one did. Blocks on files, and raises OSError."""
        return self._take(self._register.look(self._stamp))

    async def look(self) -> bool:
        """The same off the event loop; and tell that guessing has ended."""
        now = self._clock.time()
        for name, attempts in self._attempts.items():
            if not attempts.guessed(now):
                self._alarms.resolve(Code.ENROLMENT, f"window {name}")
        kept = self._kept
        seen = await asyncio.to_thread(self._register.look, self._stamp)
        # An account that enrolled meanwhile may be missing in what was seen: the next look has it.
        return self._kept == kept and self._take(seen)

    def _take(self, seen: Look | None) -> bool:
        if seen is None:
            return False
        self._stamp = seen.stamp
        for name in self._broken ^ frozenset(seen.broken):
            self._tell_broken(name, broken=name in seen.broken)
        self._broken = frozenset(seen.broken)
        records = {account_key(one.account): one for one in seen.records}
        for record in (*self._records.values(), *records.values()):
            self._tell(records.get(account_key(record.account)), record)
        changed, self._records = records != self._records, records
        self._tell_homeless()
        return changed

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
        if key in self._taken or not password or not account.isascii():
            return None
        record = self._records.get(key)
        if record is not None:
            return self._known(record, address)
        if self._register.file_of(key) in self._broken:
            return _later("its record is damaged")
        window = self._window(key, address)
        if window is None:
            return None
        if key in self._busy or len(self._busy) >= _AT_A_TIME:
            return _later("enrolment is busy")
        self._busy.add(key)
        return asyncio.get_running_loop().create_task(self._enrol(window, key, password, address), name="enrolment")

    def _known(self, record: Enrolled, address: str) -> asyncio.Future[Outcome] | None:
        """An account on record that is no client of the session's site. While it waits its device keeps its mail,
        though the window be closed or full."""
        window = next((one for one in self._windows if one.name == record.window), None)
        if record.status is Status.REVOKED or window is None or not within(address, window.networks):
            return None
        return _later("waits for approval" if record.status is Status.PENDING else "enrolled a moment ago")

    def _window(self, key: str, address: str, mine: int = 0) -> EnrolmentSettings | None:
        """The first open window for the account at the address."""
        if _ACCOUNT.fullmatch(key) is None:
            return None
        domain = key.rpartition("@")[2]
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
        attempts, now = self._attempts[window.name], self._clock.time()
        if reason := attempts.refusal(key, now):
            self._tell_guessed(window, guessed=attempts.guessed(now))
            return Outcome(None, wrong=False, reason=reason)
        if window.proof is Proof.FIRST_USE:
            return None
        answer, reason = await self._verifiers[window.name].ask(key, password)
        if answer is Answer.WRONG:
            attempts.missed(key, self._clock.time())
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
        self._kept += 1
        self._log.enrolled(window.name, address, key, proof, status.value)
        self._tell(record, record)
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

    def _tell(self, now: Enrolled | None, record: Enrolled) -> None:
        """Somebody has to approve what is pending."""
        if now is None or now.status is not Status.PENDING:
            self._alarms.resolve(Code.ENROLMENT, record.account)
            return
        name = shlex.quote(now.account)
        text = Text(
            f"{now.account} enrolled from {now.address} and waits for approval.",
            f"{now.account} が {now.address} から登録を要求し、承認を待っています。",
        )
        cure = Text(
            f"Is it a device of yours? `mailferry account approve {name}`, or `account revoke`.",
            f"自社の機器なら `mailferry account approve {name}`、違えば `account revoke` を実行します。",
        )
        self._alarms.raise_(Alarm(Code.ENROLMENT, now.account, Severity.WARNING, text, cure))

    def _tell_guessed(self, window: EnrolmentSettings, *, guessed: bool) -> None:
        if not guessed:
            return
        text = Text(
            f"Window {window.name}: more than {window.wrong_rate} wrong passwords; no account is verified for a while.",
            f"登録期間 {window.name}: 誤ったパスワードが {window.wrong_rate} を超えたため、確認を一時停止しています。",
        )
        cure = Text(
            "Somebody may be guessing: look for `enrolment refused` in the log, and at the addresses there.",
            "推測攻撃の可能性があります。ログの `enrolment refused` と送信元アドレスを確認してください。",
        )
        self._alarms.raise_(Alarm(Code.ENROLMENT, f"window {window.name}", Severity.ERROR, text, cure))

    def _tell_homeless(self) -> None:
        """Accounts whose window the configuration no longer has: their devices are locked out."""
        configured = {window.name for window in self._windows}
        active = [record.window for record in self._records.values() if record.status is Status.ACTIVE]
        homeless = frozenset(active) - configured
        for name in self._homeless - homeless:
            self._alarms.resolve(Code.ENROLMENT, f"window {name}")
        for name in sorted(homeless):
            self._alarms.raise_(enrolment_texts.homeless(name, active.count(name)))
        self._homeless = homeless

    def _tell_broken(self, name: str, *, broken: bool) -> None:
        if not broken:
            self._alarms.resolve(Code.ENROLMENT, name)
            return
        self._log.trouble("enrolled account cannot be read", file=name)
        text = Text(
            f"The record enrolled/{name} cannot be read; its device cannot log in and keeps its mail.",
            f"登録情報 enrolled/{name} を読み取れません。該当の機器はログインできず、メールは機器に残ります。",
        )
        cure = Text(
            "Bring the file back, owned by the gateway's user; or `mailferry account forget`, and let it enrol again.",
            "ゲートウェイのユーザー所有のファイルを復元するか、`mailferry account forget` の後に再登録してください。",
        )
        self._alarms.raise_(Alarm(Code.ENROLMENT, name, Severity.ERROR, text, cure))


def _later(reason: str) -> asyncio.Future[Outcome]:
    """It is too early to say."""
    done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    done.set_result(Outcome(None, wrong=False, reason=reason))
    return done
