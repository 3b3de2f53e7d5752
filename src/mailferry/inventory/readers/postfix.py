"""Postfix's mail log, with traditional or RFC 3339 time stamps.

Leaves to others: what happens behind Postfix (the sign-ins of its own mailbox tell). A queue id names a message from
its client= line to its end; the line before it of the same process tells the TLS of the connection.
"""

from __future__ import annotations

import re

from mailferry.inventory.readers.base import Reader, Target
from mailferry.inventory.sample import Sample, Shape
from mailferry.m365.facts import Text

_LINE = re.compile(r"^(?:[A-Z][a-z]{2} +\d+ [\d:]{8}|\d{4}-\d\d-\d\dT\S+) \S+ \S*postfix\S*\[\d+\]: ")


def _fits(sample: Sample) -> bool:
    return any(_LINE.match(line) for line in sample.lines)


READER = Reader(
    kind="postfix",
    label=Text("Postfix log", "Postfix ログ"),
    target=Target.EVENTS,
    shapes=frozenset({Shape.LINES, Shape.CSV, Shape.LIST}),
    fields=(),
    fits=_fits,
    reasons={
        "other-line": Text("line that is no delivery, refusal or login failure", "配送・拒否・認証失敗以外の行"),
        "no-client": Text("delivery whose beginning is not in the file", "開始部分がファイルにない配送"),
        "deferred": Text("delivery that is tried again", "再試行される配送"),
        "bad-time": Text("no date and time that can be read", "日時を読み取れない"),
    },
)
