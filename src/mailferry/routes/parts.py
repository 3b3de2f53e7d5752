"""One message in as many transactions as its route wants: which recipients go at all, and which go together.

Leaves to others: a transaction (smtp, transaction), what the gateway counts against a budget (delivery, which hands
over no more than one transaction takes). Invariant: every recipient is in exactly one part or has a refusal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mailferry.m365.errors import Stage, match
from mailferry.mail.address import domain_of
from mailferry.mail.envelope import Recipient
from mailferry.mail.outcome import Deferred, Outcome
from mailferry.routes.classify import local
from mailferry.smtp.replies import Reply


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom a route reaches: recipients in `domains`, or everybody where it is None."""

    route: str
    domains: frozenset[str] | None = None

    def refusal(self, recipient: Recipient) -> Reply | None:
        """Why `recipient` cannot be reached. RFC 3463 section 3.8: X.7.1, delivery not authorized."""
        if self.domains is None:
            return None
        domain = domain_of(recipient.address)
        if domain in self.domains:
            return None
        return local(550, "5.7.1", f"Route {self.route} delivers within the organisation only, and {domain} is outside")


def once_more(outcomes: Sequence[Outcome]) -> list[Sequence[int]]:
    """Who goes once more at once, and with whom, because the message had more recipients than its mailbox may address:
    a limit that an administrator sets by mailbox, so that only the refusal tells (learn, Set-Mailbox -RecipientLimits).

    Refused at RCPT are those that were too many, while others got further (RFC 5321 section 4.5.3.1.10); at the end of
    data the message is refused for all that are left, who then go by halves.
    """
    if any(isinstance(one, Deferred) and one.lane_fault for one in outcomes):
        return []  # nobody gets further now
    late = [index for index, one in enumerate(outcomes) if _refused(one, Stage.RCPT, "too-many-recipients")]
    whole = [index for index, one in enumerate(outcomes) if _refused(one, Stage.DATA, "recipient-limit")]
    half = (len(whole) + 1) // 2
    groups: list[Sequence[int]] = [whole[:half], whole[half:]] if len(whole) > 1 else []
    return [*groups, late] if 0 < len(late) < len(outcomes) else groups


def _refused(outcome: Outcome, stage: Stage, fact_id: str) -> bool:
    if not isinstance(outcome, Deferred):
        return False
    fact = match(outcome.reply.code, str(outcome.reply), stage)
    return fact is not None and fact.id == fact_id


def parts(indexes: Sequence[int], most: int) -> Iterator[Sequence[int]]:
    """`indexes` in runs of at most `most`; 0 is no limit."""
    step = most or max(1, len(indexes))
    for start in range(0, len(indexes), step):
        yield indexes[start : start + step]
