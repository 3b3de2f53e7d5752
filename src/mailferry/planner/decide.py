"""One decision per client: the first rule that fits, and why the other ways were not taken.

Leaves to others: judging (rules), dates (waves). Invariant: pure; every case gets exactly one way, and every other way
that is available a reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from mailferry.m365.facts import Text
from mailferry.planner.case import Case
from mailferry.planner.judgement import Fits, Judgement, Unfit
from mailferry.planner.rules import nowhere, ordered
from mailferry.planner.values import Refused, Risk, Way

_LATER = Text(
    "It would do as well, but stands behind the chosen way in the order of preference.",
    "この方法でも送信できますが、優先順位は選択した方法より下です。",
)
_ONCE_KNOWN = Text(
    "It could be the way once the open question is answered.",
    "未確認事項が解決すれば、この方法を選択できる可能性があります。",
)
#: After these no way is looked for.
_SETTLED = (Way.NOTHING, Way.RETIRE)


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done with a client, by which rule, and why nothing else."""

    rule: str
    fits: Fits
    refused: tuple[Refused, ...]
    evidence: tuple[str, ...]
    risk: Risk


def decide(case: Case) -> Decision:
    """The decision about one client."""
    chosen: tuple[str, Fits] | None = None
    refused: list[Refused] = []
    for name, judge in ordered(case.settings.prefer):
        judgement: Judgement = judge(case)
        if isinstance(judgement, Unfit):
            refused.append(_refused(judgement.way, name, judgement.reason))
        elif judgement is not None and chosen is None:
            chosen = name, judgement
            if judgement.way in _SETTLED:
                break
        elif judgement is not None:
            waits = chosen is not None and chosen[1].way is Way.ASK
            refused.append(_refused(judgement.way, name, _ONCE_KNOWN if waits else _LATER))
    rule, fits = chosen or (nowhere.NAME, nowhere.judge(case))
    return Decision(rule, fits, tuple(refused), _evidence(case), _risk(case, fits))


@lru_cache(maxsize=1024)
def _refused(way: Way, rule: str, reason: Text) -> Refused:
    """One value for the many clients that are refused a way for the same reason."""
    return Refused(way, rule, reason)


def _risk(case: Case, fits: Fits) -> Risk:
    """A client of which neither product nor volume is known is no small risk."""
    unknown = case.product is None and case.client.volume.at_most is None
    return Risk.MEDIUM if unknown and fits.risk is Risk.LOW and fits.way not in _SETTLED else fits.risk


def _evidence(case: Case) -> tuple[str, ...]:
    """What the decision rests on, as "key: value"; the reports translate the keys."""
    client, volume = case.client, case.client.volume
    lines = [f"authentication: {client.authentication.value}"]
    if case.product is not None:
        lines.append(f"product: {case.product.name.en} ({client.confidence:.0%})")
    if volume.at_most is not None:
        window = f" / {volume.window_days:g} d" if volume.window_days else ""
        lines.append(f"messages: {'≤ ' if volume.messages is None else ''}{volume.at_most:,}{window}")
    if volume.external_recipients is not None:
        lines.append(f"external recipients: {volume.external_recipients:,}")
    if client.tls:
        lines.append(f"TLS: {', '.join(client.tls)}")
    if client.last_seen is not None:
        lines.append(f"last seen: {client.last_seen.date().isoformat()}")
    if client.errors:
        lines.append(f"refusal: {client.errors[0]}")
    if case.shared > 1:
        lines.append(f"clients of the mailbox: {case.shared}")
    if client.sources:
        lines.append(f"sources: {', '.join(client.sources)}")
    return (*lines, *client.evidence)
