"""A transport that keeps to what its tenant may send outside: recipients that may not be written to now are held back,
and the others of the message go.

Leaves to others: how many may go (quota), when a refusal is over (closure), what becomes of what is held back (decide).
Invariants: nothing is asked of a service that is known to refuse it; what is held back costs no budget and no attempt;
a message that goes to all its recipients at once (Graph) is held back whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mailferry.clock import Clock
from mailferry.delivery.budget import HOUR
from mailferry.delivery.closure import Closure
from mailferry.delivery.external_texts import held_text
from mailferry.delivery.quota import Quota
from mailferry.mail.address import domain_of
from mailferry.mail.body import Body
from mailferry.mail.envelope import Recipient
from mailferry.mail.message import Message
from mailferry.mail.outcome import Deferred, Delivered, Outcome, Unknown
from mailferry.routes.api import Limits, Result, Transport
from mailferry.routes.classify import local
from mailferry.routes.faults import Fault

#: Addresses that Microsoft gives a tenant; what they may send outside is less.
OWN = ".onmicrosoft.com"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a tenant may send outside: `limit` in 24 hours, 0: not known; `own` of it from onmicrosoft.com addresses;
    `pace` the share of it from which on the rest is spread; `proof` seconds until a refusal would have been heard."""

    limit: int = 0
    own: int = 0
    pace: float = 1.0
    proof: float = 60.0


class Tenant:
    """One tenant: its quota, and whether the service refuses."""

    def __init__(self, name: str, allowance: Allowance) -> None:
        self.quota = Quota(name, allowance.limit, allowance.own, allowance.pace)
        self.closure = Closure(allowance.proof)
        self._hearsay: dict[str, float] = {}

    def told(self, now: float, sent: float, domain: str) -> None:
        """A report says that mail to `domain`, handed over at `sent`, was refused for the limit. Whoever got a message
        can write such a report about it: one domain alone is believed only where it is no surprise."""
        self._hearsay = {each: at for each, at in self._hearsay.items() if at > now - HOUR} | {domain: now}
        if self.closure.since is not None or len(self._hearsay) > 1 or self.quota.forecast(now).near(now):
            self.closure.refused(now, sent)


class Outward:
    """`internal`: the domains that do not count."""

    def __init__(self, transport: Transport, tenant: Tenant, internal: frozenset[str], clock: Clock) -> None:
        self._transport = transport
        self._tenant = tenant
        self._internal = internal
        self._clock = clock

    @property
    def limits(self) -> Limits:
        return self._transport.limits

    async def close(self) -> None:
        await self._transport.close()

    async def deliver(self, message: Message, body: Body, recipients: Sequence[Recipient]) -> Result:
        outside = [index for index, to in enumerate(recipients) if self._outside(to)]
        if not outside:
            return await self._transport.deliver(message, body, recipients)
        own = message.mailbox.lower().endswith(OWN)
        taken = self._take(message, len(outside), own)
        if taken == len(outside):
            return await self._send(message, body, recipients, taken, own)
        held: Outcome = self._held(message, len(outside) - taken, own)
        back = frozenset(range(len(recipients)) if self.limits.whole else outside[taken:])
        going = [index for index in range(len(recipients)) if index not in back]
        if not going:
            return Result((held,) * len(recipients), handed_over=False)
        result = await self._send(message, body, [recipients[index] for index in going], taken, own)
        answers = dict(zip(going, result.outcomes, strict=True))
        return replace(result, outcomes=tuple(answers.get(index, held) for index in range(len(recipients))))

    def _outside(self, to: Recipient) -> bool:
        return domain_of(to.address) not in self._internal

    def _take(self, message: Message, outside: int, own: bool) -> int:
        """How many of the outside recipients may be written to now."""
        now = self._clock.time()
        if self._tenant.closure.blocks(now):
            return 0
        return self._tenant.quota.take(message.id, outside, now, whole=self.limits.whole, own=own)

    def _held(self, message: Message, waiting: int, own: bool) -> Deferred:
        """What becomes of recipients that may not be written to now."""
        now, tenant = self._clock.time(), self._tenant
        since = tenant.closure.again(now)
        again = tenant.quota.place(message.id, waiting, now, since, whole=self.limits.whole, own=own)
        text = held_text(tenant.quota.forecast(now), closed=tenant.closure.since is not None)
        return Deferred(local(450, "4.7.0", text), again - now, Fault.EXTERNAL)

    async def _send(
        self, message: Message, body: Body, recipients: Sequence[Recipient], taken: int, own: bool
    ) -> Result:  # fmt: skip
        """Hand over to `recipients`, of which `taken` are outside."""
        quota, closure, began, sent = self._tenant.quota, self._tenant.closure, self._clock.time(), taken
        if taken:
            closure.sent(began)
        try:
            result = await self._transport.deliver(message, body, recipients)
            pairs = zip(recipients, result.outcomes, strict=False)
            sent = sum(self._outside(to) and isinstance(one, Delivered | Unknown) for to, one in pairs)
        finally:  # of an attempt that was cut off nobody knows: it counts
            quota.done(taken, sent, self._clock.time(), own=own)
        if any(_refused(one) for one in result.outcomes):
            closure.refused(self._clock.time(), began)
            return self._put_off(message, recipients, result, own)
        if taken and not sent:
            closure.back(began)
        return result

    def _put_off(self, message: Message, recipients: Sequence[Recipient], result: Result, own: bool) -> Result:
        """The service refused them for the limit: those outside wait, those inside go at once without them."""
        held = self._held(message, sum(map(self._outside, recipients)), own)
        outcomes: list[Outcome] = []
        for to, one in zip(recipients, result.outcomes, strict=True):
            if isinstance(one, Deferred) and _refused(one):
                outcomes.append(replace(one, retry_after=held.retry_after if self._outside(to) else 1.0))
            else:
                outcomes.append(one)
        return replace(result, outcomes=tuple(outcomes))


def _refused(outcome: Outcome) -> bool:
    return isinstance(outcome, Deferred) and outcome.lane_fault == Fault.EXTERNAL
