"""The rules in the order in which they are asked; the first that fits decides.

Leaves to others: each rule's own matter (one file each). `nowhere`, which concerns every client, is asked when
none of them fits.
Invariant: the order depends on nothing but what is preferred.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from mailferry.planner.case import Case
from mailferry.planner.judgement import Judgement
from mailferry.planner.rules import (
    connector,
    continues,
    direct_send,
    gateway_acs,
    gateway_graph,
    gateway_hve,
    gateway_onprem,
    gateway_smtp,
    idle,
    own_graph,
    own_oauth,
    refused_only,
    unattributed,
    uncertain,
)
from mailferry.planner.settings import Prefer

Rule = tuple[str, Callable[[Case], Judgement]]

#: Whether there is anything to do, and whether enough is known to do it.
_BEFORE: tuple[Rule, ...] = tuple(
    (rule.NAME, rule.judge) for rule in (continues, refused_only, idle, unattributed, uncertain)
)
_OWN: tuple[Rule, ...] = tuple((rule.NAME, rule.judge) for rule in (own_oauth, own_graph))
#: What changes least for the recipients comes first.
_GATEWAY: tuple[Rule, ...] = tuple(
    (rule.NAME, rule.judge) for rule in (gateway_smtp, gateway_graph, gateway_hve, gateway_onprem, gateway_acs)
)
_AFTER: tuple[Rule, ...] = tuple((rule.NAME, rule.judge) for rule in (connector, direct_send))


@cache
def ordered(prefer: Prefer) -> tuple[Rule, ...]:
    """All rules but the last, those of the preferred kind of way first."""
    ways = _OWN + _GATEWAY if prefer is Prefer.CLIENT else _GATEWAY + _OWN
    return _BEFORE + ways + _AFTER
