"""What a notice says to whom: facts and figures in, whole texts out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from mailferry.bulletin import forms
from mailferry.bulletin.compose import NothingToSay, Signature, compose, deadline
from mailferry.bulletin.facts import Announcement, Audience, Bound, Effect, Kind, Period, Precision
from mailferry.bulletin.figures import Figures
from mailferry.bulletin.notice import Quotes, Reader, Table
from support.announcements import (
    END_2026,
    ERROR,
    FIGURES,
    MENTIONS,
    PHASES,
    announcement,
    mention,
    phase,
)

SIGNATURE = Signature("例示株式会社 情報システム部", "helpdesk@example.com")


def text(
    found: Announcement | None = None, reader: Reader = Reader.ADMINS, language: str = "en", figures: Figures = FIGURES
) -> str:
    return forms.text(compose(found or announcement(), reader, language, figures, SIGNATURE))


def test_administrators_are_told_the_schedule_in_japanese() -> None:
    said = text(language="ja")
    assert said.splitlines()[0] == "Exchange Online：SMTP AUTHの基本認証は2026年12月末に既定で無効になります"
    assert "Microsoftは2026年1月27日、" in said
    schedule = said[said.index("■ スケジュール") : said.index("必要な場合")].split("\n")[2:6]
    assert schedule == [
        "・2026年12月まで（すべてのテナント）：変更はありません。基本認証を引き続き利用できます。",
        "・2026年12月末（既存のテナント）：基本認証が既定で無効になります。",
        "・2026年12月より後（新しいテナント）：基本認証は既定では利用できません。先進認証（OAuth）を使用します。",
        "・2027年後半（すべてのテナント）：基本認証を完全に廃止する時期が発表される予定です。",
    ]
    assert "必要な場合、当面は管理者が基本認証を再び有効にできます。" in said
    assert ERROR in said
    assert "お問い合わせ先：helpdesk@example.com" in said
    assert said.endswith("例示株式会社 情報システム部\n")


def test_administrators_are_told_the_schedule_in_english() -> None:
    said = text()
    assert said.startswith(
        "Exchange Online: Basic authentication for SMTP AUTH is disabled by default at the end of December 2026\n"
    )
    assert "- End of December 2026 (Existing tenants): Basic authentication is disabled by default." in said
    assert "1. List the devices, applications and scripts that send mail by SMTP AUTH." in said
    assert "2. Change clients that can do it to modern authentication (OAuth)." in said
    assert "smtp.office365.com" in said


def test_what_no_rule_knows_is_quoted_in_its_own_language() -> None:
    notice = compose(announcement(), Reader.ADMINS, "ja")
    assert Quotes(("Keep an eye on the Message center.",), "en") in notice.blocks
    assert "Message center" not in " ".join(
        text
        for block in notice.blocks
        if not isinstance(block, Quotes)
        for text in replace(notice, blocks=(block,)).texts()
    )


def test_owners_read_no_terms_of_administrators() -> None:
    for language in ("ja", "en"):
        said = text(reader=Reader.OWNERS, language=language)
        for term in ("SMTP AUTH", "テナント", "tenant", "Azure Communication", "コネクタ"):
            assert term not in said.split("Updated Exchange Online")[0]
    assert "設定は変更しないでください" in text(reader=Reader.OWNERS, language="ja")
    assert "次の窓口までお知らせください：helpdesk@example.com" in text(reader=Reader.OWNERS, language="ja")


def test_owners_are_not_told_about_new_tenants() -> None:
    blocks = compose(announcement(), Reader.OWNERS, "en").blocks
    rows = next(block for block in blocks if isinstance(block, Table)).rows
    assert [row[0] for row in rows] == ["Until December 2026", "End of December 2026", "Second half of 2027"]


def test_figures_are_written_where_there_are_any() -> None:
    said = text(language="ja")
    assert (
        "基本認証に依存している機器やプログラムは、現在14件です。送信に使われているメールボックスは11個です。" in said
    )
    assert said.index("・複合機：9件") < said.index("・スクリプト：5件")
    assert "2026年12月末まで、あと37日です。" in said
    assert "これまでに17件のうち3件（17％）の対応が完了しています。" in said
    without = text(language="ja", figures=Figures())
    assert "当組織の状況" not in without
    assert "件" not in without


@pytest.mark.parametrize(
    ("figures", "sentence"),
    [
        (Figures(breaking=1), "1 device or program still depends on Basic authentication."),
        (Figures(breaking=1, mailboxes=1), "They send from 1 mailbox."),
        (Figures(breaking=0), "None of our devices and programs depends on Basic authentication any more."),
        (Figures(days_left=1), "1 day is left until the end of December 2026."),
        (Figures(done=0, total=4), "So far 0 of 4 are changed (0 %)."),
    ],
)
def test_a_figure_alone(figures: Figures, sentence: str) -> None:
    assert sentence in text(figures=figures)


def test_a_date_that_has_passed_is_not_counted_down() -> None:
    assert "left" not in text(figures=Figures(days_left=0))


def test_a_plan_that_was_replaced_is_no_part_of_the_schedule() -> None:
    old = Period(date(2026, 3, 1), date(2026, 4, 30), Precision.DAY, "")
    replaced = replace(phase(old, Effect.REMOVED, Audience.ALL, "It was to be removed."), superseded=True)
    notice = compose(announcement((*PHASES, replaced)), Reader.ADMINS, "ja")
    assert notice.title.endswith("2026年12月末に既定で無効になります")
    said = forms.text(notice)
    assert "■ 以前の予定（現在は無効）\n\n・2026年3月1日から4月30日まで：基本認証が完全に廃止されます。" in said
    assert "3月1日" not in forms.text(compose(announcement((*PHASES, replaced)), Reader.OWNERS, "ja"))


def test_what_was_over_when_it_was_announced_is_not_its_title() -> None:
    day = Period(date(2028, 6, 30), date(2028, 6, 30), Precision.DAY, "30 June 2028")
    removed = phase(day, Effect.REMOVED, Audience.ALL, "It is removed on 30 June 2028.")
    found = announcement((*PHASES, removed), published=date(2027, 9, 14))
    assert compose(found, Reader.ADMINS, "ja").title.endswith("2028年6月30日に廃止されます")
    assert deadline(found) == date(2028, 6, 30)


def test_a_password_alone_is_no_warning_of_thieves() -> None:
    told = mention(Kind.RISK, "Devices that sign in with a user name and a password will be answered with 550 5.7.30")
    assert "stolen" not in text(announcement(PHASES, (told,)))
    told = mention(Kind.RISK, "Attackers steal the password of a printer.")
    assert "stolen" in text(announcement(PHASES, (told,)))


def test_what_only_the_page_can_say_is_quoted_in_the_schedule() -> None:
    odd = phase(END_2026, Effect.OTHER, Audience.ALL, "Licences of `type` B change.")
    assert "In the words of the announcement: “Licences of 'type' B change.”" in text(announcement((odd,)))


def test_administrators_may_enable_it_again_only_where_the_page_says_so() -> None:
    again = "can enable Basic authentication again"
    assert again in text()
    assert again not in text(announcement(PHASES, ()))


def test_a_report_by_somebody_else_is_told_as_one() -> None:
    found = announcement(publisher="Example IT ニュース", language="ja")
    assert "「Example IT ニュース」は2026年1月27日、" in text(found, language="ja")
    assert "Microsoft published" not in text(found)


def test_facts_that_are_missing_leave_no_hole() -> None:
    bare = announcement((), (mention(Kind.ERROR, ERROR),), title="", publisher="", published=None, address="")
    for language in ("ja", "en"):
        for reader in Reader:
            said = text(bare, reader, language, Figures())
            assert ERROR in said
            assert "None" not in said.replace("None of our", "")
            assert "()" not in said
            assert "（）" not in said
    assert "この発表からは、具体的な時期を読み取れませんでした。" in text(bare, language="ja")


def test_a_page_without_facts_makes_no_notice() -> None:
    with pytest.raises(NothingToSay, match="nothing about the end of Basic"):
        compose(announcement((), ()), Reader.ADMINS, "en")


@pytest.mark.parametrize(
    ("period", "effect", "day"),
    [
        (END_2026, Effect.DISABLED_BY_DEFAULT, date(2026, 12, 31)),
        (Period(date(2026, 3, 1), date(2026, 4, 30), Precision.DAY, ""), Effect.PARTIAL, date(2026, 3, 1)),
        (END_2026, Effect.ANNOUNCEMENT, None),
    ],
)
def test_the_day_that_is_counted_to(period: Period, effect: Effect, day: date | None) -> None:
    assert deadline(announcement((phase(period, effect, Audience.EXISTING),))) == day


def test_every_effect_makes_a_title_and_a_row() -> None:
    for effect in Effect:
        for language in ("ja", "en"):
            for reader in Reader:
                found = announcement((phase(END_2026, effect, Audience.EXISTING, "As it stands."),), MENTIONS)
                notice = compose(found, reader, language)
                assert notice.title
                assert "{" not in " ".join(notice.texts())


def test_what_holds_for_both_kinds_of_tenants_is_said_once() -> None:
    twice = tuple(phase(END_2026, Effect.REMOVED, who) for who in (Audience.NEW, Audience.EXISTING, Audience.UNKNOWN))
    said = text(announcement(twice))
    assert said.count("Basic authentication is removed for good.") == 1
    assert "- End of December 2026 (All tenants): Basic authentication is removed for good." in said


def test_kept_until_a_date_and_then_disabled_is_disabled_on_it() -> None:
    kept = replace(PHASES[1], bound=Bound.UNTIL)
    assert compose(announcement((kept,)), Reader.ADMINS, "ja").title.endswith("2026年12月末に既定で無効になります")
