"""It does not break: it signs in by OAuth, or does not sign in at all.

Source: the announcement concerns Basic authentication for client submission only (blog 4489835).
Leaves to others: finding out what breaks (inventory). Invariant: concerns clients that continue, and all of them.
"""

from __future__ import annotations

from mailferry.inventory.records import Authentication, Fate
from mailferry.m365.facts import Text
from mailferry.planner.case import Case
from mailferry.planner.judgement import Fits, Judgement, source
from mailferry.planner.values import Way

NAME = "continues"

_OAUTH = Text(
    "It signs in by OAuth already; only Basic authentication ends.",
    "すでに OAuth で認証しています。廃止されるのは基本認証のみです。",
)
_ANONYMOUS = Text(
    "It sends without signing in, by a connector, a relay or Direct Send; only Basic sign-ins end.",
    "サインインせずに送信しています（コネクタ、リレー、または Direct Send）。廃止されるのは基本認証のみです。",
)
_OTHER = Text("It does not break on the date.", "期日以降も影響を受けません。")


def judge(case: Case) -> Judgement:
    if case.client.fate is not Fate.CONTINUES:
        return None
    reasons = {Authentication.OAUTH: _OAUTH, Authentication.ANONYMOUS: _ANONYMOUS}
    reason = reasons.get(case.client.authentication, _OTHER)
    return Fits(Way.NOTHING, reason, source("blog-4489835"))
