"""Every page of this folder becomes a notice, in both languages, for both kinds of readers, in every form."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest

from mailferry.bulletin import forms, wording
from mailferry.bulletin.compose import compose
from mailferry.bulletin.facts import Announcement, Kind
from mailferry.bulletin.markup import blocks_of
from mailferry.bulletin.notice import Quotes, Reader, plain
from mailferry.bulletin.post import validate
from mailferry.bulletin.read import read
from mailferry.bulletin.rewrite import judged

PAGES = sorted((Path(__file__).parent / "pages").iterdir())


@cache
def announcement(page: Path) -> Announcement:
    return read(page.read_bytes(), page.name)


def name(page: Path) -> str:
    return page.name


@pytest.mark.parametrize("page", PAGES, ids=name)
@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_notice_of_each_page(page: Path, language: str) -> None:
    found = announcement(page)
    for reader in Reader:
        notice = compose(found, reader, language)
        document = json.loads(forms.wordpress(notice))
        validate(document)
        assert blocks_of(document["content"]) == notice.blocks
        assert judged(notice, forms.post(notice), json.dumps(document)) == notice
        for form in forms.TEXTS.values():
            assert notice.title in form(notice)


@pytest.mark.parametrize("page", PAGES, ids=name)
@pytest.mark.parametrize("language", ["ja", "en"])
def test_administrators_read_every_date_and_error(page: Path, language: str) -> None:
    found = announcement(page)
    text = forms.text(compose(found, Reader.ADMINS, language)).lower()
    for phase in found.phases:
        ways = (
            wording.label(phase, language),
            wording.until(phase.period, language),
            wording.said(phase.period, language),
        )
        assert any(way.lower() in text for way in ways), ways
    for mention in (*found.of(Kind.ERROR), *found.of(Kind.ENDPOINT)):
        assert plain(mention.value).lower() in text


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_japanese_stays_japanese(page: Path) -> None:
    """But for names, codes and what is quoted, no sentence is English."""
    found = announcement(page)
    for reader in Reader:
        notice = compose(found, reader, "ja")
        for block in notice.blocks:
            if isinstance(block, Quotes) and block.language == "en":
                continue
            for text in type(notice)("", "ja", reader, (block,)).texts():
                own = re.sub(r"`[^`]*`|「[^」]*」|https?://\S+", "", text).replace(plain(found.title), "")
                own = own.replace(plain(found.publisher), "")
                assert not re.search(r"\b[a-z]+ [a-z]+ [a-z]+\b", own), text
