"""The daily watch over what ends: client secrets, certificates, sign-ins; and over secret files that others can read.

Leaves to others: how an alarm reaches anybody (alarms), renewing (broker). Invariants: what goes wrong with one
credential, expected or not, keeps the watch from no other, nor from the next day; what no longer ends soon stops being
an alarm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from mailferry.alarms.api import Alarm, AlarmSink, Code, Severity
from mailferry.clock import Clock
from mailferry.m365.facts import Text
from mailferry.obs.maillog import MailLog
from mailferry.tokens.api import TokenRefused
from mailferry.tokens.credential import Credential, Expiry, Seen
from mailferry.tokens.settings import Kind

_DAY = 86400.0
#: Days after which a sign-in that nothing has renewed is used for its own sake: long before its 90 days are over.
_IDLE_DAYS = 7.0
#: Days before the end at which the alarm becomes louder.
_URGENT_DAYS = 7.0

_NAMES_JA = {
    Kind.SECRET: "クライアント シークレット",
    Kind.CERTIFICATE: "証明書",
    Kind.SIGN_IN: "サインイン情報",
    Kind.FEDERATED_TOKEN: "フェデレーション トークン",
    Kind.MANAGED_IDENTITY: "マネージド ID",
}

_CURES = {
    Kind.SECRET: Text(
        "Make a new client secret in Entra, store it where the configuration says, and set secret_expires.",
        "Entra で新しいクライアント シークレットを作成して設定された場所に保存し、secret_expires を更新してください。",
    ),
    Kind.CERTIFICATE: Text(
        "Make a new certificate, add it to the app registration in Entra, then replace the file.",
        "新しい証明書を作成し、Entra のアプリの登録に追加してから、ファイルを差し替えてください。",
    ),
}


class ExpiryWatch:
    """start() begins it, close() ends it. `keep_alive` uses the sign-in of a credential."""

    def __init__(
        self,
        credentials: Iterable[Credential],
        keep_alive: Callable[[str], Awaitable[None]],
        clock: Clock,
        log: MailLog,
        alarms: AlarmSink,
    ) -> None:
        self._credentials = tuple(credentials)
        self._keep_alive = keep_alive
        self._clock = clock
        self._log = log
        self._alarms = alarms
        self._warned: dict[str, Seen] = {}  # what proved those that end soon, when that was told
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="token expiry watch")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def expiries(self) -> list[Expiry]:
        """When each ends, as far as that can be known."""
        found = [await self._expiry(credential) for credential in self._credentials]
        return [expiry for expiry in found if expiry is not None]

    async def check(self) -> None:
        """One round."""
        for credential in self._credentials:
            try:
                await self._look_at(credential)
            except Exception as error:  # its words may hold what it choked on: its kind must do
                self._log.trouble("expiry watch failed", credential=credential.name, cause=type(error).__name__)

    async def look(self) -> None:
        """What was told to end soon may have been replaced since: its alarm need not wait for the next day."""
        for credential in [one for one in self._credentials if one.name in self._warned]:
            before = self._warned[credential.name]
            if await asyncio.to_thread(credential.seen, before) is not before:
                await self._look_at(credential)

    async def _run(self) -> None:
        while True:
            await self.check()
            await self._clock.sleep(_DAY)

    async def _look_at(self, credential: Credential) -> None:
        if credential.kind is Kind.SIGN_IN and await asyncio.to_thread(self._idle, credential):
            await self._keep_alive(credential.name)
        seen = await asyncio.to_thread(credential.seen)
        expiry = await self._expiry(credential)
        exposed = await asyncio.to_thread(credential.exposed_files)
        if expiry is not None:
            self._judge(credential, expiry, seen)
        for path in exposed:
            self._log.trouble("secret file is readable by others", credential=credential.name, path=str(path))

    def _judge(self, credential: Credential, expiry: Expiry, seen: Seen) -> None:
        days = (expiry.when.timestamp() - self._clock.time()) / _DAY
        self._log.metrics.expiry_days.labels(expiry.what).set(days)
        if days > credential.settings.warn_days:
            self._warned.pop(credential.name, None)
            self._alarms.resolve(Code.EXPIRY, credential.name)
            return
        self._warned[credential.name] = seen
        self._log.expiry_warning(expiry.what, days)
        self._alarms.raise_(_alarm(credential, expiry, days))

    def _idle(self, credential: Credential) -> bool:
        """Whether nothing has used the sign-in for long, or its key is one that should go."""
        try:
            kept = credential.kept()
            idle = self._clock.time() - kept.renewed >= _IDLE_DAYS * _DAY
            return idle or not credential.vault.current(credential.name)
        except TokenRefused:
            return False  # told by _expiry

    async def _expiry(self, credential: Credential) -> Expiry | None:
        try:
            return await asyncio.to_thread(credential.expiry)
        except TokenRefused as error:
            self._log.trouble("credential cannot be read", credential=credential.name, cause=error.cause)
            return None


def _alarm(credential: Credential, expiry: Expiry, days: float) -> Alarm:
    when, name = f"{expiry.when:%Y-%m-%d}", f"{credential.name} の{_NAMES_JA[credential.kind]}"
    if days <= 0:
        text = Text(f"The {expiry.what} has ended ({when}).", f"{name}の有効期限が切れました（{when}）。")
    else:
        left = max(1, round(days))
        text = Text(
            f"The {expiry.what} ends in {left} day{'' if left == 1 else 's'} ({when}).",
            f"{name}の有効期限まであと {left} 日です（{when}）。",
        )
    command = f"mailferry login {credential.name}"
    cure = _CURES.get(credential.kind) or Text(f"Sign in again: {command}", f"再度サインインしてください: {command}")
    severity = Severity.CRITICAL if days <= 0 else Severity.ERROR if days <= _URGENT_DAYS else Severity.WARNING
    fields = {"credential": credential.name, "what": expiry.what, "days": f"{days:.1f}", "when": when}
    return Alarm(Code.EXPIRY, credential.name, severity, text, cure, fields)
