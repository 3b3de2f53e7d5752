"""The client signs in by OAuth itself, after an update or a setting.

Source: XOAUTH2 for SMTP (Learn, how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth); what a product can,
from the knowledge base; TLS 1.2 at least on smtp.office365.com (blog 2659652).
Leaves to others: what the product is. Invariant: never chosen on a guess, nor where a published limit is exceeded.
"""

from __future__ import annotations

from mailferry.clients.product import Answer
from mailferry.m365.facts import Text
from mailferry.planner import limits, steps
from mailferry.planner.case import Case
from mailferry.planner.judgement import Fits, Judgement, Unfit, say, source
from mailferry.planner.product import Product
from mailferry.planner.rules.overrun import overrun
from mailferry.planner.values import Effort, LimitCheck, Risk, Way

NAME = "own-oauth"

_UNRECOGNISED = Text(
    "It was not recognised well enough to say whether it can do OAuth.",
    "製品を十分に特定できず、OAuth に対応しているか判断できません。",
)
_SEEN = Text(
    "OAuth sign-ins of it were seen beside Basic ones: the change has begun and only needs to be finished.",
    "基本認証と OAuth の両方のサインインが確認されています。移行は始まっており、完了させるだけです。",
)
_FINISH = Text(
    "Owner: find the account or program that still uses the password, and move it to OAuth too.",
    "担当者: まだパスワードを使用しているアカウントまたはプログラムを探し、OAuth に切り替えてください。",
)
_CHOOSE = Text(
    "Owner: choose OAuth (Microsoft 365) in its mail settings and sign in as the mailbox.",
    "担当者: メール設定で OAuth（Microsoft 365）を選択し、メールボックスでサインインしてください。",
)


def judge(case: Case) -> Judgement:
    if Way.OWN_OAUTH not in case.ways or case.anonymous:
        return None
    checks = limits.own(case.mailbox)
    obstacle = _obstacle(case, checks)
    if obstacle is not None:
        return Unfit(Way.OWN_OAUTH, obstacle)
    product = case.product if case.sure else None
    before, after = steps.enable_submission(case), (*steps.raise_size(case, checks), steps.TEST_MESSAGE)
    if product is None or not _able(product):
        done = (*before, _FINISH, *after)
        return Fits(Way.OWN_OAUTH, _SEEN, source("learn-oauth"), done, Effort.SMALL, Risk.MEDIUM, checks)
    return Fits(
        Way.OWN_OAUTH,
        _capable(product),
        product.source or source("learn-oauth"),
        (*before, *_update(product), *after),
        Effort.LARGE if product.code else Effort.MEDIUM,
        Risk.MEDIUM if product.since.en or product.settle.en else Risk.LOW,
        checks,
    )


def _able(product: Product) -> bool:
    return product.oauth is Answer.YES and product.verified


def _obstacle(case: Case, checks: tuple[LimitCheck, ...]) -> Text | None:
    if case.old_tls:
        return say(
            "It speaks TLS {version}; Exchange Online takes TLS 1.2 at least.",
            "TLS {version} を使用しています。Exchange Online では TLS 1.2 以上が必要です。",
            version=case.old_tls,
        )
    broken = limits.broken(checks)
    if broken is not None:
        return overrun(broken)
    product = case.product if case.sure else None
    if case.oauth_seen and (product is None or product.oauth is not Answer.NO):
        return None
    if product is None:
        return _UNRECOGNISED
    return None if _able(product) else _unable(product)


def _unable(product: Product) -> Text:
    match product.oauth:
        case Answer.NO:
            return say("{name} cannot do OAuth.", "{name} は OAuth に対応していません。", name=product.name)
        case Answer.PARTIAL:
            return say(
                "Only some models or versions of {name} can do OAuth; which one this is, is not known.",
                "{name} は一部の機種またはバージョンのみ OAuth に対応しています。該当するか判断できません。",
                name=product.name,
            )
        case Answer.YES:
            return say(
                "{name} is said to do OAuth, but no source confirms it.",
                "{name} は OAuth 対応とされていますが、確認できる資料がありません。",
                name=product.name,
            )
    return say(
        "Whether {name} can do OAuth is not known.",
        "{name} が OAuth に対応しているかどうかは不明です。",
        name=product.name,
    )


def _capable(product: Product) -> Text:
    if not product.since.en:
        return say("{name} can sign in by OAuth.", "{name} は OAuth に対応しています。", name=product.name)
    return say(
        "{name} can sign in by OAuth (since: {since}).",
        "{name} は OAuth に対応しています（対応バージョン: {since}）。",
        name=product.name,
        since=product.since,
    )


def _update(product: Product) -> tuple[Text, ...]:
    """First what is open, then the version, then the setting."""
    setup = product.setup if product.setup.en else _CHOOSE
    settle = (product.settle,) if product.settle.en else ()
    if not product.since.en:
        return (*settle, setup)
    check = say(
        "Owner: check the version ({since}) and update where it is older. What cannot be updated takes the gateway.",
        "担当者: バージョンを確認し（{since}）、古い場合は更新してください。"
        "更新できない場合はゲートウェイ経由に変更します。",
        since=product.since,
    )
    return (*settle, check, setup)
