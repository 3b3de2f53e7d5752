"""The tenant in a box on one date, and the planned gateway in front of it.

Leaves to others: who plays (casting) and the play (play). Invariants: the gateway is the real one, built by app from a
configuration file that passes its checks; both clocks run with the machine's and are turned on together, only while
nobody speaks and mail waits for its time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mailferry.app import Gateway
from mailferry.clock import SystemClock
from mailferry.config.load import ConfigurationError, load_config
from mailferry.config.schema import Config
from mailferry.listener.settings import TlsVersion
from mailferry.listener.tls import CertificateFiles, version_works
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics
from mailferry.planner.values import Plan
from mailferry.rehearsal import grants
from mailferry.rehearsal.planned import planned, write
from mailferry.sandbox.certificates import Keys
from mailferry.sandbox.clock import SandboxClock
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.settings import Behaviour, SandboxSettings
from mailferry.sandbox.tenant import Tenant
from mailferry.sandbox.world import State
from mailferry.spool.api import WAITING, Filter, MessageView
from mailferry.spool.api import State as SpoolState

#: One turn of the clocks, and how far they are turned in all while mail waits. Further, tokens that are stamped by the
#: machine's time would look expired.
_TURN, _MOST = 20.0, 2000.0
_POLL = 0.02
_CONFIRM = 3


class PlanRefused(Exception):
    """The planned configuration does not pass its own check; the text is every problem of it."""


class Theatre:
    """`async with Theatre(...) as theatre`: both stand until the block ends. `configuration`: what the plan
    renders."""

    def __init__(
        self, at: date, tenant: Tenant, plan: Plan, configuration: Mapping[str, Any], keys: Keys, directory: Path
    ) -> None:
        self._tenant = tenant
        self._plan = plan
        self._configuration = configuration
        self._directory = directory
        behaviour = Behaviour(
            basic_disabled=plan.cutoff,  # the plan is proven against the day it was made for
            record=False,
            tenant_external_limit=False,
            messages_per_minute=0,
            keep_messages=1_000_000,
        )
        self._behaviour = behaviour
        state = State(tenant=grants.today(tenant), behaviour=behaviour)
        self.box = Sandbox(SandboxSettings(at=at, directory=directory / "box"), state=state, keys=keys)
        self._clock = SandboxClock(SystemClock())
        self.skipped = 0.0
        self.old_tls = False
        self.ports: Mapping[bool, int] = {}
        self.gateway: Gateway

    async def __aenter__(self) -> Self:
        await self.box.start()
        try:
            self.old_tls = version_works(TlsVersion.V1_0, CertificateFiles(self.box.application_certificate, None))
            found = planned(self._configuration, old_tls=self.old_tls)
            self.ports = found.ports
            state = grants.planned(self._tenant, self._plan, dict(found.mailboxes), found.username)
            # The published rate is what the gateway has to keep; of today's clients one message each is played.
            defaults = Behaviour()
            limits = self._behaviour.model_copy(update={"messages_per_minute": defaults.messages_per_minute})
            self._planned = State(tenant=state, behaviour=limits)
            config = _checked(write(found, self._directory, self.box))
            self.gateway = Gateway(config, self._clock, MailLog(_silent, Metrics()), {})
            await self.gateway.start()
        except BaseException:
            await self.box.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.gateway.stop(1.0)
        await self.box.stop()

    def carry_out(self) -> None:
        """From here on the plan is carried out in the tenant."""
        self.box.world.replace(self._planned)

    def time(self) -> float:
        """The simulated time, in seconds: the machine's and what was turned."""
        return self._clock.time()

    async def drained(self, patience: float) -> None:
        """Turn the clocks until nothing waits for its time any more, or for `patience` seconds."""
        turned = 0.0
        while True:
            await self._quiet()
            waiting = await self.gateway.spool.counts()
            if not any(waiting.values()) or turned >= patience or self.skipped >= _MOST:
                return
            turned += _TURN
            self.skipped += _TURN
            self._clock.advance(_TURN)
            self.box.clock.advance(_TURN)

    async def left(self) -> list[MessageView]:
        """What was not delivered: it waits, or was given up. It is taken out, so that others can follow."""
        states = frozenset({*WAITING, SpoolState.HELD, SpoolState.FAILED})
        found = await self.gateway.spool.find(Filter(states=states), limit=1_000_000)
        waiting = Filter(states=states - {SpoolState.FAILED})
        await self.gateway.spool.drop(waiting, self._clock.time(), "rehearsal")
        return found

    async def _quiet(self) -> None:
        """Until the gateway has nothing under way that does not wait for time."""
        still = 0
        before: dict[SpoolState, int] | None = None
        while still < _CONFIRM:
            await asyncio.sleep(_POLL)
            now = await self.gateway.spool.counts()
            if not any(now.values()):
                return
            same = now == before and not any(lane.attempts for lane in self.gateway.scheduler.lanes())
            still, before = (still + 1 if same else 0), now


def _checked(file: Path) -> Config:
    """Raises PlanRefused."""
    try:
        return load_config(file, {})
    except ConfigurationError as error:
        raise PlanRefused(str(error).replace(f"{file}:", "gateway.toml:")) from None


def _silent(level: str, event: str, fields: dict[str, Any]) -> None:
    """The rehearsal's own report says what happened."""
