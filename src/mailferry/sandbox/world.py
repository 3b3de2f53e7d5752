"""Everything one sandbox knows and remembers, in one place that its surfaces share.

Leaves to others: listening (exchange, entra, control) and deciding (decide, submission). Invariant: `reset` leads back
to what the sandbox started with, so that a test begins from a known state.
"""

from __future__ import annotations

import json
from datetime import date
from random import Random
from typing import Any

from pydantic import BaseModel, ConfigDict

from mailferry.sandbox.acs_operations import Operations
from mailferry.sandbox.clock import SandboxClock
from mailferry.sandbox.faults import Faults
from mailferry.sandbox.flows import Flows
from mailferry.sandbox.graph_store import GraphStore
from mailferry.sandbox.graph_throttle import GraphThrottles
from mailferry.sandbox.hosts import Hosts
from mailferry.sandbox.mailbox import MailStore
from mailferry.sandbox.recorder import Recorder
from mailferry.sandbox.settings import Behaviour
from mailferry.sandbox.signins import SignIns
from mailferry.sandbox.tenant import Tenant
from mailferry.sandbox.throttle import Throttles
from mailferry.sandbox.traces import Traces


class State(BaseModel):
    """What can be read and written through the control interface and a state file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tenant: Tenant
    behaviour: Behaviour = Behaviour()


class World:
    """The shared state of one sandbox."""

    def __init__(self, initial: State, clock: SandboxClock, seed: int) -> None:
        self.clock = clock
        self.store = MailStore()
        self.drafts = GraphStore()
        self.operations = Operations()
        self.signins = SignIns()
        self.traces = Traces()
        self.throttles = Throttles()
        self.graph_throttles = GraphThrottles()
        self.faults = Faults()
        self.recorder = Recorder()
        self._initial = initial
        self._seed = seed
        self._state = initial
        self.random = Random(seed)  # noqa: S311 - repeatable draws, not secrets
        self.hosts = Hosts(self.random)
        self.flows = Flows(self.random)

    @property
    def state(self) -> State:
        return self._state

    @property
    def tenant(self) -> Tenant:
        return self._state.tenant

    @property
    def behaviour(self) -> Behaviour:
        return self._state.behaviour

    def today(self) -> date:
        return self.clock.now().date()

    def replace(self, state: State) -> None:
        self._state = state

    def patch(self, changes: dict[str, Any]) -> State:
        """Apply a JSON merge patch (RFC 7396) to the state: null removes, which for a tri-state means "inherit".

        Raises pydantic.ValidationError and changes nothing when the outcome is no valid state.
        """
        merged = _merge(json.loads(self._state.model_dump_json()), changes)
        self._state = State.model_validate(merged)
        return self._state

    def tune(self, **changes: Any) -> None:
        """Change settings of the behaviour."""
        self.patch({"behaviour": json.loads(json.dumps(changes, default=str))})

    def reseed(self, seed: int) -> None:
        self.random.seed(seed)

    def forget(self) -> None:
        """Drop mail, drafts, operations, counters, sign-ins, faults and records; keep tenant, sessions and clock."""
        self.store.clear()
        self.drafts.clear()
        self.operations.clear()
        self.signins.clear()
        self.traces.clear()
        self.graph_throttles.clear()
        self.throttles = self.throttles.emptied()
        self.faults.clear()
        self.recorder.clear()

    def reset(self) -> None:
        """Back to the start, but for the clock."""
        self.forget()
        self.flows.clear()
        self._state = self._initial
        self.reseed(self._seed)


def _merge(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge(merged.get(key), value)
    return merged
