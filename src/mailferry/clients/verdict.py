"""The OAuth verdict on a recognition: can it, from which version, by which flows, and what would settle the doubt.

Leaves to others: recognising, and what is done about it (planner). Invariant: candidates that differ give no
certainty: the verdict on them is in part or not known, and `settle` says what to look at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailferry.clients.product import NO_TEXT, Answer, Category, Confidence, Flow, Product
from mailferry.clients.recognise import Decision, Recognition
from mailferry.m365.facts import Text


@dataclass(frozen=True, slots=True)
class Verdict:
    """`smtp`: OAuth over SMTP. `graph`: a Graph sender of its own. `settle` is "" where nothing is open."""

    smtp: Answer
    graph: Answer
    confidence: Confidence
    since: Text = NO_TEXT
    flows: tuple[Flow, ...] = ()
    settle: Text = NO_TEXT

    def text(self, language: str) -> str:
        """The verdict in a sentence."""
        return _sentence(self, language)


def verdict(recognition: Recognition) -> Verdict:
    """On what was recognised."""
    products = [candidate.product for candidate in recognition.candidates]
    if recognition.decision is Decision.NONE:
        return Verdict(Answer.UNKNOWN, Answer.UNKNOWN, Confidence.LOW, settle=_MORE_SIGNS)
    if recognition.decision is Decision.PRODUCT:
        return verdict_of(products[0])
    settle = _WHICH_ONE
    if recognition.decision is Decision.FAMILY and recognition.family is not None and recognition.family.settle.en:
        settle = recognition.family.settle
    return Verdict(
        _joint([product.oauth.smtp for product in products]),
        _joint([product.oauth.graph for product in products]),
        min((product.oauth.confidence for product in products), key=_ORDER.index),
        settle=settle,
    )


def verdict_of(product: Product) -> Verdict:
    """On one product."""
    oauth = product.oauth
    return Verdict(oauth.smtp, oauth.graph, oauth.confidence, oauth.since, oauth.flows, _settle(product))


_ORDER = (Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH)


def _joint(answers: Sequence[Answer]) -> Answer:
    """The answer for one of several: theirs where they agree; in part where some can."""
    if len(set(answers)) == 1:
        return answers[0]
    return Answer.PARTIAL if {Answer.YES, Answer.PARTIAL} & set(answers) else Answer.UNKNOWN


_MORE_SIGNS = Text(
    "A message from it with a whole header, its host name, or the make and model from your inventory.",
    "ヘッダーがすべて残ったメール、ホスト名、または資産台帳のメーカー名と型番があれば判定できます。",
)
_WHICH_ONE = Text(
    "Look up which of these products runs at its address.",
    "該当アドレスで動作している製品が候補のどれに当たるかをご確認ください。",
)
_DEVICES = frozenset(
    (
        Category.PRINTER,
        Category.SCANNER,
        Category.NAS,
        Category.UPS,
        Category.CAMERA,
        Category.NETWORK,
        Category.HARDWARE,
    )
)
_LOOK_DEVICE = Text(
    "Look at the mail settings of its web page: is there OAuth 2.0 or modern authentication? If not, ask {vendor} with "
    "model and firmware version.",
    "機器の Web 画面のメール設定に OAuth 2.0（先進認証）の項目があるかをご確認ください。ない場合は、型番と"
    "ファームウェアのバージョンを添えて {vendor} にお問い合わせください。",
)
_LOOK_MODEL = Text(
    "Model and firmware version: {vendor} says which can.",
    "型番とファームウェアのバージョンを {vendor} の公開情報と照合してください。",
)
_LOOK_VERSION = Text(
    "Look at the outgoing mail settings of the installed version: is there OAuth 2.0? If not, ask {vendor}.",
    "導入済みバージョンの送信メール設定に OAuth 2.0 の項目があるかをご確認ください。"
    "ない場合は {vendor} にお問い合わせください。",
)
_WHO_REFRESHES = Text(
    "Find out who fetches and renews the token: the product itself does not, or not in every version.",
    "アクセス トークンの取得と更新を何が行うかをご確認ください。製品自体では行わないか、一部のバージョンに限られます。",
)
_TRY = Text(
    "This is not confirmed by a first-hand source: send one test message with OAuth before relying on it.",
    "一次資料で確認できていません。切り替え前に OAuth で試験送信を行ってください。",
)


def _settle(product: Product) -> Text:
    """What would settle what is open about it."""
    answer, device = product.oauth.smtp, product.category in _DEVICES
    if answer is Answer.UNKNOWN:
        text = _LOOK_DEVICE if device else _LOOK_VERSION
    elif answer is Answer.PARTIAL:
        text = _LOOK_MODEL if device else _WHO_REFRESHES
    elif answer is Answer.YES and product.oauth.confidence is not Confidence.HIGH:
        text = _TRY
    else:
        return NO_TEXT
    vendor = (product.vendor, product.vendor) if product.vendor != "various" else ("its maker", "メーカー")
    return Text(text.en.format(vendor=vendor[0]), text.ja.format(vendor=vendor[1]))


_SAYS = {
    Answer.YES: ("OAuth over SMTP: yes", "SMTP での OAuth: 対応"),
    Answer.PARTIAL: ("OAuth over SMTP: in part", "SMTP での OAuth: 一部対応"),
    Answer.NO: ("OAuth over SMTP: no", "SMTP での OAuth: 非対応"),
    Answer.UNKNOWN: ("OAuth over SMTP: not known", "SMTP での OAuth: 不明"),
}


_GRAPH = ("it can send by Microsoft Graph itself", "Microsoft Graph での送信: 対応")


def _sentence(found: Verdict, language: str) -> str:
    """Version and flows stand with what they belong to: SMTP, or Graph where SMTP cannot."""
    japanese = language == "ja"
    smtp, details = _SAYS[found.smtp][japanese], _details(found, japanese=japanese)
    if found.graph is not Answer.YES:
        return smtp + details + ("。" if japanese else ".")
    over_smtp = found.smtp in (Answer.YES, Answer.PARTIAL)
    parts = (smtp + details, _GRAPH[japanese]) if over_smtp else (smtp, _GRAPH[japanese] + details)
    return "。".join((*parts, "")) if japanese else "; ".join(parts) + "."


def _details(found: Verdict, *, japanese: bool) -> str:
    flows = [flow.label("ja" if japanese else "en") for flow in found.flows]
    since = found.since.ja if japanese else found.since.en
    if japanese:
        return (f"（{since} 以降）" if since else "") + (f"、方式: {'、'.join(flows)}" if flows else "")
    return (f", from {since} on" if since else "") + (f", by {', '.join(flows)}" if flows else "")
