"""Forms of a notice: clean, complete, and unmoved by what a page puts into them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from mailferry.bulletin import forms
from mailferry.bulletin.card import TooLarge, card
from mailferry.bulletin.clean import TAGS, checked
from mailferry.bulletin.compose import Signature, compose
from mailferry.bulletin.facts import Announcement, Kind
from mailferry.bulletin.notice import Heading, Items, Link, Notice, Paragraph, Quotes, Reader, Table, pieces
from mailferry.bulletin.post import NoPost, Post, validate
from support.announcements import ADDRESS, ERROR, FIGURES, MENTIONS, PHASES, announcement, mention

HOSTILE = (
    '<script>alert(1)</script> <img src=x onerror=alert(1)> [go](javascript:alert(1)) `code` & "quotes" | *b* \x00\n# h'
)


def notice(language: str = "ja", reader: Reader = Reader.ADMINS, found: Announcement | None = None) -> Notice:
    return compose(found or announcement(), reader, language, FIGURES, Signature("Example & <Co>", HOSTILE))


def hostile() -> Notice:
    """Everything that a page can put into a notice, put there."""
    told = (
        *(mention(kind, HOSTILE) for kind in (Kind.ACTION, Kind.RISK, Kind.ENDPOINT, Kind.ERROR, Kind.ALTERNATIVE)),
        *MENTIONS,
    )
    address = 'https://evil.example/"><script>alert(1)</script>?a=(1)&b= c'
    return notice(found=announcement(PHASES, told, title=HOSTILE, publisher=HOSTILE, address=address))


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("reader", Reader)
def test_wordpress_is_one_object_of_the_schema(language: str, reader: Reader) -> None:
    document = json.loads(forms.wordpress(notice(language, reader)))
    assert list(document) == ["title", "content", "status"]
    validate(document)
    assert document["status"] == "draft"
    assert document["content"] == checked(document["content"])
    assert "`" not in document["title"] + document["content"]
    assert f"<code>{ERROR}</code>" in document["content"]
    assert f'<a href="{ADDRESS}">' in document["content"]


def test_the_status_that_was_asked_for() -> None:
    assert json.loads(forms.wordpress(notice(), "publish"))["status"] == "publish"
    with pytest.raises(NoPost, match=r"status: 'future' is not one of"):
        forms.wordpress(notice(), "future")


def test_nothing_of_a_page_becomes_markup() -> None:
    html = forms.content(hostile())
    found = Tags(html)
    assert found.tags <= TAGS
    assert found.attributes <= {"href", "lang"}
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    page = forms.html(hostile())
    assert Tags(page).tags & {"script", "img"} == set()
    assert not any(name.startswith("on") for name in Tags(page).attributes)


def test_nothing_of_a_page_becomes_markdown() -> None:
    text = re.sub(r"`[^`\n]*`", "", forms.markdown(hostile()))  # code is shown as it is
    assert "](javascript:" not in text.replace("\\](javascript:", "")
    assert "<script>" not in text.replace("\\<script\\>", "")
    assert text.count("\n# ") == 0, "one heading of the first order, at the top"
    links = re.findall(r"(?<!\\)\]\(<([^>]*)>\)", text)
    assert len(links) == 1
    assert links[0].startswith("https://evil.example/")


def test_a_page_needs_nothing_else() -> None:
    page = forms.html(compose(announcement(), Reader.ADMINS, "ja"))
    assert page.startswith('<!DOCTYPE html>\n<html lang="ja">')
    assert "src=" not in page
    assert "@import" not in page
    assert "default-src 'none'" in page
    assert "<h1>Exchange Online：SMTP AUTHの基本認証は2026年12月末に既定で無効になります</h1>" in page


def test_markdown() -> None:
    text = forms.markdown(notice("ja", found=announcement(publisher="Microsoft")))
    assert text.startswith("# Exchange Online：SMTP AUTHの基本認証は2026年12月末に既定で無効になります\n\n")
    assert "| 時期 | 対象 | 内容 |\n|---|---|---|\n| 2026年12月まで |" in text
    assert f"- `{ERROR}`" in text
    assert f"[Updated Exchange Online SMTP AUTH Basic Authentication Deprecation Timeline](<{ADDRESS}>)" in text
    assert "\n\n\n" not in text


def test_text_has_no_marks() -> None:
    text = forms.text(notice("en"))
    assert "`" not in text.replace("'code'", "")
    assert f"- {ERROR}" in text
    assert ADDRESS in text.splitlines()
    title, line = text.splitlines()[:2]
    assert line == "=" * len(title)


def test_the_line_under_a_japanese_title_is_as_wide() -> None:
    title, line = forms.text(notice("ja", Reader.OWNERS)).splitlines()[:2]
    assert len(line) == sum(2 if ord(char) > 0x2000 else 1 for char in title)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_teams_takes_the_card(language: str) -> None:
    message = json.loads(forms.teams(notice(language)))
    assert message["type"] == "message"
    (attachment,) = message["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    content = attachment["content"]
    assert (content["type"], content["version"], content["lang"]) == ("AdaptiveCard", "1.4", language)
    assert {element["type"] for element in content["body"]} == {"TextBlock", "FactSet"}
    assert all(element.get("wrap", True) for element in content["body"])
    assert content["actions"][0]["url"] == ADDRESS
    assert ERROR in json.dumps(message)
    assert "](" not in json.dumps(card(hostile()))


def test_a_card_that_is_too_large_loses_its_quotations_first() -> None:
    long = notice("en")
    quoted = replace(long, blocks=(*long.blocks, Quotes(("x" * 29_000,), "en")))
    assert "x" * 100 not in json.dumps(card(quoted))
    assert ERROR in json.dumps(card(quoted))
    with pytest.raises(TooLarge, match="Teams takes 28672"):
        card(replace(long, blocks=(Paragraph("y" * 29_000),)))


def test_every_form_holds_all_that_is_said() -> None:
    said = Notice(
        "Title",
        "en",
        Reader.ADMINS,
        (
            Heading("Head"),
            Paragraph("Para `code` end"),
            Items(("one", "two"), ordered=True),
            Items(("three",)),
            Quotes(("four", "five"), "ja"),
            Table(("A", "B"), (("six", "seven"), ("eight", "nine"))),
            Link("see ", "ten", "https://example.com/", " eleven"),
        ),
    )
    words = ("Head", "Para", "code", "end", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    for form in (*forms.TEXTS.values(), forms.wordpress):
        text = form(said)
        for word in (*words, "ten", "https://example.com/", "eleven", "Title"):
            assert word in text, f"{word} in {form.__name__}"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("plain", [(False, "plain")]),
        ("a `b` c", [(False, "a "), (True, "b"), (False, " c")]),
        ("`b`", [(True, "b")]),
        ("a ` b", [(False, "a ` b")]),
        ("`a` ` b", [(True, "a"), (False, " ` b")]),
        ("", []),
    ],
)
def test_pieces(text: str, parts: list[tuple[bool, str]]) -> None:
    assert pieces(text) == parts


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"title": "a", "content": "<p>b</p>"}, "'status' is a required property"),
        ({"title": "a", "content": "<p>b</p>", "status": "draft", "notes": "x"}, "Additional properties"),
        ({"title": "", "content": "<p>b</p>", "status": "draft"}, "title"),
        ({"title": "a\nb", "content": "<p>b</p>", "status": "draft"}, "title"),
        ({"title": "<b>a</b>", "content": "<p>b</p>", "status": "draft"}, "title"),
        ({"title": "a", "content": 3, "status": "draft"}, "content: 3 is not of type 'string'"),
        (["title"], "is not of type 'object'"),
    ],
)
def test_what_is_no_post(document: object, reason: str) -> None:
    with pytest.raises(NoPost, match=re.escape(reason)):
        validate(document)


def test_a_post_cannot_be_built_unclean() -> None:
    with pytest.raises(ValueError, match="must not be published"):
        Post("a", "<p onclick='x'>b</p>")
