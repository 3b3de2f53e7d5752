"""Dates on which something is said rather than done: "announced on 27 January 2026", "will be announced in 2027", and
dates that are no more than claimed, tried out or asked of the reader.

Leaves to others: what happens on a date (phases). Invariant: of two readings none is chosen; the caller then lists the
sentence as not understood.
"""

from __future__ import annotations

import re

from mailferry.bulletin.facts import Bound, Precision
from mailferry.bulletin.periods import Found
from mailferry.bulletin.rules import effect_cue

#: "the final removal date": a date is spoken of, which is none of the removal unless it follows at once.
_DATE_NOUN = re.compile(
    r"\b(?:(?:removal|retirement|final|end|exact|shutdown)\s+(?:removal\s+|retirement\s+)?(?:date|day|timeline|schedule)s?"
    r"|(?:date|day)s?\s+(?:of|for|on\s+which|when|at\s+which)\b)|(?:削除|廃止|終了|停止|(?:なくな|止ま|終わ)る)(?:(?:され|す|にな)る)?(?:日|の?(?:日程|時期|日付|期日))",
    re.IGNORECASE,
)
_FOLLOWS = re.compile(
    r"(?:[\s:,(=-]|は|が|を|に|\b(?:is|was|are|will|be|has|been|of|on|moves?|moved|set|fixed|now|to|for|the|in|at|by|from|expected"
    r"|planned|again|postponed|scheduled|removal|retirement|basic|authentication|final|smtp|auth)\b)*",
    re.IGNORECASE,
)


_WILL_BE_SAID_JA = re.compile(
    r"\s*(?:中|頃|ごろ)?(?:に|にも|には|までに|、)?\s*(?:改めて|正式に|別途|詳細を)?\s*"
    r"(?:発表|公表|告知|案内|公開|アナウンス|通知|お知らせ|連絡|周知)(?!し?た|され(?:た|て|まし)|しまし|して|済)"
)
_WILL_BE_SAID_EN = re.compile(
    r"\b(?:to|will|be|is|are)\s+(?:be\s+)?(?:announced?|published?|made\s+public|reveal(?:ed)?|communicated?|disclosed?)\s+"
    r"(?:\w+\s+){0,3}$",
    re.IGNORECASE,
)
#: "On 27 January 2026 Microsoft announced that …", "2026年1月27日、…と発表した": when it was said.
_SAID_EN = re.compile(
    r"[,\s]+(?:\S+\s+){1,6}?(?:has\s+)?(?:announced|said|published|stated|confirmed|wrote|reported|informed|told)\b",
    re.IGNORECASE,
)
_SAID_JA = re.compile(
    r"(?:と|ことを|旨を)(?:正式に|改めて)?(?:発表|公表|明らかに|告知|案内|公開|述べ|報じ|通知)(?:し(?:た|まし|て)|され(?:た|て|まし)|た)"
)


#: "the blog post of …", "our tenant was created on …", "…の調査", "…に作成した": the date of a thing.
_THING_EN = re.compile(
    r"\b(?:posts?|survey|study|report|article|mail|letter|message|announcement|statement|release|poll|entry|version)\s+"
    r"(?:of|from|dated)\s+(?:the\s+)?$|\b(?:was|were|been)\s+(?:\w+\s+)?(?:created|opened|founded|bought|installed)\s+"
    r"(?:on|in|at)\s+(?:the\s+)?$",
    re.IGNORECASE,
)
_THING_JA = re.compile(
    r"\s*(?:付(?:け)?)?の\s*(?:調査|投稿|発表|記事|報告|通知|ブログ|レポート|アンケート|資料|お知らせ)|\s*に(?:作成|開設|契約|購入|導入)した"
)


def of_a_thing(plain: str, date: Found) -> bool:
    """Whether the date belongs to a paper or to when something was made."""
    if _THING_JA.match(plain, date.end):
        return True
    return date.bound is not Bound.FROM and _THING_EN.search(plain[max(0, date.start - 60) : date.start]) is not None


def will_be_said(plain: str, date: Found) -> bool:
    """Whether something is to be announced on this date, whatever else the sentence tells."""
    return (
        _WILL_BE_SAID_JA.match(plain, date.end) is not None
        or _WILL_BE_SAID_EN.search(plain[max(0, date.start - 60) : date.start]) is not None
    )


def when_said(plain: str, date: Found) -> bool:
    """Whether the date opens a sentence that reports what somebody said that day."""
    if date.period.precision is not Precision.DAY or not re.fullmatch(r"\W*(?:on\s+)?", plain[: date.start], re.I):
        return False
    if _SAID_EN.match(plain, date.end):
        return True
    return re.match(r"\s*(?:、|に、|付けで、?|\([^)]*\))", plain[date.end :]) is not None and (
        _SAID_JA.search(plain, date.end) is not None
    )


def said_or_done(plain: str, date: Found) -> bool:
    """ "1月27日に廃止すると発表した" is the day of the one or of the other."""
    return (
        date.period.precision is Precision.DAY
        and date.bound is Bound.IN
        and not date.moved
        and _SAID_JA.search(plain, date.end) is not None
        and re.match(r"\s*(?:に|、)", plain[date.end :]) is not None
    )


def names_a_date(plain: str, date: Found) -> bool:
    noun = next((match for match in _DATE_NOUN.finditer(plain) if match.end() <= date.start), None)
    return noun is not None and _FOLLOWS.fullmatch(plain, noun.end(), date.start) is None


def background(text: str) -> bool:
    return effect_cue("history").search(text) is not None


def tells_history(plain: str, date: Found, sign: tuple[int, int], clause: str) -> bool:
    """Whether the date is when it was said: "announced on 27 January 2026", with the effect elsewhere."""
    cue = effect_cue("history").search(clause)
    if cue is None or effect_cue("superseded").search(clause):
        return False
    if _SAID_JA.search(clause):
        return False  # "…へ変更すると発表した": the date is part of what was said
    inside = clause.find(plain[sign[0] : sign[1]])
    if inside < 0:
        return True
    place = plain.find(clause)
    at = date.start - place
    return abs(at - cue.start()) < abs(at - inside)


_DEADLINE_JA = re.compile(
    r"\s*(?:まで|迄)に[^。、(]{0,24}(?:移行|完了|対応|適用|切り替え|切替|更新|知らせ|連絡|提出|確認|準備|済ませ|終え|申請)"
)
_DEADLINE_EN = re.compile(
    r"\b(?:please|must|should|needs?\s+to|ha(?:ve|s)\s+to|finish\w*|complet\w*|deadline|ask\w*|urge\w*)\b[^.;]{0,80}"
    r"\b(?:by|before|until|no\s+later\s+than)\s+(?:the\s+)?$",
    re.IGNORECASE,
)


def deadline(plain: str, date: Found, sign: int) -> bool:
    """Whether the reader is asked to be ready by this date, which may be any day before the change named at `sign`."""
    asked = _DEADLINE_JA.match(plain, date.end)
    if asked is not None and not date.start <= sign < asked.end():
        return True
    same = re.match(r"\s*,?\s*when\b", plain[date.end :], re.IGNORECASE) is not None
    return not same and _DEADLINE_EN.search(plain[max(0, date.start - 120) : date.start]) is not None
