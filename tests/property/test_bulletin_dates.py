"""Properties of dates and pages: periods are whole, formats come back, and no text is an exception."""

from __future__ import annotations

import calendar
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from mailferry.bulletin.decode import decode
from mailferry.bulletin.extract import extract
from mailferry.bulletin.facts import Precision
from mailferry.bulletin.periods import dates
from mailferry.bulletin.read import PageError, read
from mailferry.bulletin.sentences import Block, Form, sentences, split

DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))
WORDS = st.sampled_from(
    [
        *(
            "2026",
            "年",
            "12",
            "月",
            "末",
            "日",
            "から",
            "まで",
            "～",
            "令和",
            "8",
            "同年",
            "翌",
            "「",
            "」",
            "。",
            "20",
        ),
        *("December", "end of", "the", "second half of", "Q3", "H2", "until", "from", "to", "and", "between", "not"),
        *("removal date", "announced", "disabled by default", "existing tenants", "既定で無効", "新規テナント"),
        *("550 5.7.30", "'", '"', ". ", ", ", "-", "/"),
    ]
)
TEXTS = st.one_of(
    st.text(max_size=300), st.lists(WORDS, max_size=40).map("".join), st.lists(WORDS, max_size=40).map(" ".join)
)

ENGLISH = (
    "{0:%B} {0.day}, {0.year}",
    "{0.day} {0:%B} {0.year}",
    "{0:%b} {0.day}, {0.year}",
    "{0:%Y-%m-%d}",
    "{0:%A}, {0:%B} {0.day}, {0.year}",
)
JAPANESE = (
    "{0.year}年{0.month}月{0.day}日",
    "{0.year} 年 {0.month} 月 {0.day} 日",
    "{0.year}年{0.month}月{0.day}日（月）",
)


@given(DAYS, st.sampled_from(ENGLISH + JAPANESE))
def test_a_day_comes_back_from_every_way_of_writing_it(day: date, form: str) -> None:
    found = dates(form.format(day)).found
    assert [(each.period.first, each.period.last, each.period.precision) for each in found] == [
        (day, day, Precision.DAY)
    ]


@given(
    DAYS,
    st.sampled_from(
        ("end of {0:%B} {0.year}", "late {0:%b} {0.year}", "{0.year}年{0.month}月末", "{0.year}年{0.month}月下旬")
    ),
)
def test_the_end_of_a_month_comes_back(day: date, form: str) -> None:
    (found,) = dates(form.format(day)).found
    length = calendar.monthrange(day.year, day.month)[1]
    assert (found.period.first, found.period.last) == (day.replace(day=21), day.replace(day=length))


@given(st.integers(2000, 2099), st.sampled_from(("second half of {}", "H2 {}", "{}年後半", "{}年下半期")))
def test_the_second_half_of_a_year_comes_back(year: int, form: str) -> None:
    (found,) = dates(form.format(year)).found
    assert (found.period.first, found.period.last) == (date(year, 7, 1), date(year, 12, 31))


@given(DAYS, DAYS)
def test_a_range_comes_back_in_both_languages(one: date, other: date) -> None:
    first, last = sorted((one, other))
    for text in (
        f"from {first:%B} {first.day}, {first.year} to {last:%B} {last.day}, {last.year}",
        f"{first.year}年{first.month}月{first.day}日から{last.year}年{last.month}月{last.day}日まで",
    ):
        (found,) = dates(text).found
        assert (found.period.first, found.period.last) == (first, last)


@given(TEXTS)
def test_every_period_is_whole_and_stands_in_the_text(text: str) -> None:
    for found in dates(text).found:
        assert found.period.first <= found.period.last
        assert found.period.text == text[found.start : found.end]


@given(TEXTS)
def test_no_letter_is_lost_between_sentences(text: str) -> None:
    assert "".join("".join(split(text)).split()) == "".join(text.split())


@given(TEXTS)
def test_facts_of_any_text(text: str) -> None:
    found = extract(sentences([Block(Form.TEXT, text)]))
    for phase in found.phases.values():
        assert phase.sentence in text
    for mention in found.mentions.values():
        assert mention.sentence in text


@given(st.one_of(st.binary(max_size=400), TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read(data)
    except PageError as error:
        assert str(error)


@given(
    st.lists(
        st.sampled_from(
            [
                "<p>",
                "</p>",
                "<table>",
                "<tr>",
                "<td>",
                "<div style='display:none'>",
                "</div>",
                "<h2>",
                "Related",
                "```json\n",
                '{"title":',
                "<think>",
                "</think>",
                "<html>",
                "<script>",
                "2026年12月末",
                "<!--",
                "text ",
            ]
        ),
        max_size=40,
    )
)
def test_any_markup_is_read_or_refused(pieces: list[str]) -> None:
    try:
        read("".join(pieces))
    except PageError as error:
        assert str(error)


JAPANESE_TEXT = "メール送信の基本認証は、２０２６年１２月末に既定で無効になります。複合機の設定を確認してください。"


@given(
    st.sampled_from(("utf-8", "cp932", "euc_jp", "iso2022_jp", "utf-16")),
    st.sampled_from(("", "utf-8", "shift_jis", "euc-jp", "nonsense", "utf-7")),
    st.integers(0, 3),
)
def test_japanese_is_read_whatever_the_declared_charset(real: str, declared: str, cut: int) -> None:
    data = (JAPANESE_TEXT * 3).encode(real)
    text = decode(data[: len(data) - cut], declared)
    assert text.startswith(JAPANESE_TEXT * 2)
