"""One visit: every check in its order, each finding as it comes.

Leaves to others: the checks, and showing (cli.doctor). Invariant: a check that breaks is a finding; the others run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from mailferry.m365.facts import Text
from mailferry.obs.redact import clean
from mailferry.ops.doctor import letter, looks, machine, targets, tenants, ways
from mailferry.ops.doctor.finding import Finding, Level
from mailferry.ops.doctor.patient import Patient

Check = Callable[[Patient], AsyncIterator[Finding]]

CHECKS: tuple[tuple[str, Check], ...] = (
    ("machine", machine.check),
    ("tenants", tenants.check),
    ("routes", ways.check),
    ("looks", looks.check),
    ("alarms", targets.check),
    ("test message", letter.check),
)


async def visit(patient: Patient) -> AsyncIterator[Finding]:
    """All findings."""
    for name, check in CHECKS:
        try:
            async for finding in check(patient):
                yield finding
        except Exception as error:
            why = clean(repr(error))  # a library may repeat what it was given
            what = Text(f"the check itself failed: {why}", f"診断処理でエラーが発生しました: {why}")
            yield Finding(name, "doctor", Level.FAILED, what)
