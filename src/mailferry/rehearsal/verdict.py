"""What the two ways of a client come to, and what a refusal means.

Leaves to others: trying the ways (play), what Microsoft's replies mean (m365.errors). Invariant: pure; a verdict says
that the plan works only where every copy arrived as it was sent.
"""

from __future__ import annotations

from dataclasses import dataclass

from mailferry.m365 import errors
from mailferry.m365.facts import Text
from mailferry.planner.values import Way
from mailferry.rehearsal.casting import Role
from mailferry.rehearsal.values import NO_TEXT, Door, Leg, Row, Stage, Verdict

_OURS = frozenset({Door.GATEWAY, Door.GATEWAY_OLD})
_OWN_REFUSAL = Text(
    "The gateway itself refuses it: the planned configuration does not allow this.",
    "ゲートウェイ自体が拒否しています。計画した設定では許可されていません。",
)
_OWN_CURE = Text(
    "Change [[client]] in gateway.toml as the reply says, or make the plan again with newer exports.",
    "応答の内容に従って gateway.toml の [[client]] を修正するか、新しいエクスポートで計画を作り直してください。",
)
_LOST = Text(
    "It was taken, and not every recipient got it as it was sent.",
    "受け付けられましたが、一部の受信者に元の内容どおり届きませんでした。",
)
_TLS = Text("The TLS handshake failed.", "TLS のハンドシェイクに失敗しました。")
_TLS_CURE = Text(
    "Let it speak TLS 1.2 (firmware), or use a listener for old devices.",
    "ファームウェアを更新して TLS 1.2 を有効にするか、旧機器用のリスナーを使用してください。",
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """Why it was refused and what helps; empty where nothing is known."""

    cause: Text = NO_TEXT
    cure: Text = NO_TEXT


def row(role: Role, today: Leg | None, planned: Leg | None) -> Row:
    """The client's line."""
    verdict = judge(role.item.way, today, planned)
    counts = planned if verdict is Verdict.PLAN_FAILS else today
    meaning = meaning_of(counts) if counts is not None and not counts.good else Meaning()
    return Row(
        client=role.client.id,
        name=role.name,
        product=role.item.product,
        way=role.item.way,
        verdict=verdict,
        today=today,
        planned=planned,
        why=role.why,
        cause=meaning.cause,
        cure=meaning.cure,
        assumed=role.assumed,
    )


def judge(way: Way, today: Leg | None, planned: Leg | None) -> Verdict:
    """The verdict on one client."""
    if planned is not None:
        return Verdict.PLAN_WORKS if planned.good else Verdict.PLAN_FAILS
    if way is Way.ASK:
        return Verdict.DECISION
    if way is Way.RETIRE:
        return Verdict.RETIRES
    if today is None or way is not Way.NOTHING:
        return Verdict.NOT_PLAYED
    return Verdict.WORKS if today.good else Verdict.BREAKS


def meaning_of(leg: Leg) -> Meaning:
    """What is known of a refusal."""
    if leg.taken and leg.stage is not Stage.DELIVERY:
        return Meaning(_LOST)
    if leg.stage is Stage.STARTTLS and errors.reply_code(leg.reply) is None:
        return Meaning(_TLS, _TLS_CURE)
    if leg.door in _OURS and leg.stage is not Stage.DELIVERY:
        return Meaning(_OWN_REFUSAL, _OWN_CURE)
    fact = _fact(leg)
    return Meaning(fact.cause, fact.cure) if fact is not None else Meaning()


def _fact(leg: Leg) -> errors.ErrorFact | None:
    if leg.stage is Stage.TOKEN:
        return errors.token_error(leg.reply)
    code = errors.reply_code(leg.reply)
    if leg.stage is Stage.GRAPH or code is None:
        return next(iter(errors.explain(leg.reply)), None)
    stage = leg.stage.value if leg.stage.value in {one.value for one in errors.Stage} else None
    return errors.match(code, leg.reply, stage)
