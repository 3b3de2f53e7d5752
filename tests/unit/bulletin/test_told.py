"""Dates that are no dates of the change: when it was said, by when to be ready, what is only claimed or tried."""

from __future__ import annotations

import pytest

from mailferry.bulletin.phases import phases, reenabling
from mailferry.bulletin.sentences import Sentence
from support.bulletin_pages import phase_text


@pytest.mark.parametrize(
    "text",
    [
        "2026年1月27日、Microsoftは基本認証を廃止すると発表した。",
        "Microsoftは2026年1月27日に、SMTP AUTHの基本認証を既定で無効にすると発表した。",
        "On January 27, 2026, Microsoft announced that Basic authentication will be removed.",
        "It is not true that Basic authentication is removed in June 2026.",
        "Rumours say Basic authentication will be removed in June 2026.",
        "基本認証は2026年12月末に廃止されるわけではありません。",
        "2026年12月末に基本認証が廃止されるという報道は誤りです。",
        "The public library removes its old terminals on 1 June 2026.",
        "Please finish the migration by 30 November 2026, before Basic authentication is disabled by default.",
        "2026年11月30日までに移行してください。基本認証は既定で無効になります。",
        "移行は2026年11月30日までに完了してください（既定で無効になる前に）。",
        "We will test disabling Basic authentication by default in our lab on 3 June 2026.",
        "Windows 10 reached end of support on 14 October 2025.",
        "Send us the SMTP AUTH report before our webinar on 3 July 2026.",
        "Basic authentication is disabled by default around New Year.",
        "年末をもって基本認証が既定で無効になります。",
        "Since the blog post of 27 January 2026 we know that Basic authentication will be off by default.",
        "The survey of 5 May 2026 found that many use Basic authentication, which will be disabled by default.",
        "Our tenant was created on 3 February 2019, so Basic authentication is disabled by default for us, too.",
        "2026年5月の調査では、6割が基本認証を使っており、既定で無効になることを知らなかった。",
        "2019年2月に作成したテナントなので、既定で無効になる対象です。",
        "本サービスは2027年3月末で終了しますが、SMTP AUTHの廃止とは関係ありません。",
        "2026年12月20日（日）はサーバー停止のためメールが使えません。",
    ],
)
def test_no_date_of_the_change(text: str) -> None:
    assert phases(Sentence(text)).phases == ()


@pytest.mark.parametrize(
    "text",
    [
        "Rumours say Basic authentication will be removed in June 2026.",
        "Please finish the migration by 30 November 2026, before Basic authentication is disabled by default.",
        "Basic authentication is disabled by default around New Year.",
        "年末をもって基本認証が既定で無効になります。",
        "The public library removes its old terminals on 1 June 2026.",
    ],
)
def test_what_is_not_understood_is_said_to_be(text: str) -> None:
    assert not phases(Sentence(text)).understood


@pytest.mark.parametrize(
    ("text", "phase"),
    [
        (
            "Microsoft said on January 27, 2026 that Basic authentication is disabled by default at the end of "
            "December 2026.",
            "2026-12-21..2026-12-31 disabled-by-default unknown",
        ),
        (
            "Update the firmware before Basic authentication is disabled by default at the end of December 2026.",
            "2026-12-21..2026-12-31 disabled-by-default unknown",
        ),
        ("廃止される日は2027年7～12月に告知される。", "2027-07-01..2027-12-31 announcement unknown"),
        (
            "完全に使えなくなる日は、2027年の下期に発表されるとのことです。",
            "2027-07-01..2027-12-31 announcement unknown",
        ),
        (
            "The removal of Basic authentication will be announced in the second half of 2027.",
            "2027-07-01..2027-12-31 announcement unknown",
        ),
        (
            "Microsoft dropped the plan to remove Basic auth in September 2025.",
            "2025-09-01..2025-09-30 removed unknown earlier",
        ),
    ],
)
def test_the_date_of_what(text: str, phase: str) -> None:
    assert [phase_text(one) for one in phases(Sentence(text)).phases] == [phase]


def test_a_date_given_up_has_the_effect_of_the_one_in_force() -> None:
    text = (
        "Basic authentication will be turned off by default for existing tenants on March 31, 2027, "
        "rather than at the end of December 2026."
    )
    assert [phase_text(one) for one in phases(Sentence(text)).phases] == [
        "2027-03-31..2027-03-31 disabled-by-default existing-tenants",
        "2026-12-21..2026-12-31 disabled-by-default existing-tenants earlier",
    ]


def test_another_protocol_in_the_clause_of_a_date_has_that_date() -> None:
    text = (
        "Basic authentication for POP was removed on 1 October 2022, SMTP AUTH follows at the end of December 2026 "
        "when it is disabled by default."
    )
    assert [phase_text(one) for one in phases(Sentence(text)).phases] == [
        "2022-10-01..2022-10-01 other unknown",
        "2026-12-21..2026-12-31 disabled-by-default unknown",
    ]


def test_off_is_off_by_default_where_the_next_sentence_lets_it_be_switched_on_again() -> None:
    text = Sentence("At the end of December 2026 Microsoft will switch off Basic authentication.")
    again = "The switch can be flipped back by an administrator."
    assert [phase_text(one) for one in phases(text, again).phases] == [
        "2026-12-21..2026-12-31 disabled-by-default unknown"
    ]
    assert phases(text, "Nobody can switch it back.").phases == ()


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("Administrators may turn it on if they need it.", True),
        ("ただし、管理者が設定すれば元に戻せます。", True),
        ("管理者は再び有効にできます。", True),
        ("It can no longer be enabled again.", False),
        ("You will not be able to re-enable it.", False),
        ("管理者が再び有効にすることはできません。", False),
        ("It is disabled by default.", False),
    ],
)
def test_switching_on_again(text: str, may: bool) -> None:
    assert reenabling(text) is may
