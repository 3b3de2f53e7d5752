"""Every check across sections, in one list.

Leaves to others: each check's own matter (checks/), what only this machine can tell (machine).
Invariant: a check sees valid settings only and judges the rest not at all, so that no error has a shadow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mailferry.config.checks import (
    clients,
    console,
    enrolment,
    failover,
    gateway,
    internal,
    listeners,
    names,
    pools,
    relay,
    reports,
    routing,
    tenants,
)
from mailferry.config.checks.finding import Finding
from mailferry.config.document import Document
from mailferry.config.lines import dotted
from mailferry.config.problem import Problem
from mailferry.config.validate import View

_CHECKS = (
    gateway.check,
    names.check,
    listeners.check,
    relay.check,
    clients.check,
    enrolment.check,
    tenants.check,
    routing.check,
    failover.check,
    pools.check,
    reports.check,
    internal.check,
    console.check,
)


def cross_checks(view: View) -> Iterator[Problem]:
    """What is wrong between the sections of a configuration."""
    for check in _CHECKS:
        yield from placed(view.document, check(view))


def placed(document: Document, findings: Iterable[Finding]) -> Iterator[Problem]:
    """Findings with their file and line."""
    for found in findings:
        place = document.place(found.path)
        yield Problem(found.severity, place, dotted(found.path), found.what, found.cure)
