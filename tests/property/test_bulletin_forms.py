"""Whatever a page holds: the notice's HTML is clean, validates, and comes back as the blocks it was made of."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.bulletin import forms
from mailferry.bulletin.compose import Signature, compose
from mailferry.bulletin.facts import Effect, Kind
from mailferry.bulletin.markup import blocks_of
from mailferry.bulletin.notice import Reader
from mailferry.bulletin.post import validate
from mailferry.bulletin.rewrite import judged
from support.announcements import PHASES, announcement, mention, phase

WORDS = st.sampled_from(
    ["<script>", "</p>", "<!--", "-->", "&amp;", "&#x3c;", "`", "](", "javascript:", "\\", "|", "# ", "日本語", "\x00",
     "\u202e", "\xa0", "\n", "<a href=x>", "550 5.7.30", "2027-01-01"]
)  # fmt: skip
TEXT = st.lists(st.one_of(WORDS, st.text(max_size=5)), min_size=1, max_size=6).map("".join)
ADDRESSES = st.one_of(st.just("page.html"), TEXT.map(lambda text: f"https://example.com/{text}"))


@pytest.mark.timeout(300)
@given(TEXT, TEXT, ADDRESSES, TEXT, st.sampled_from(["ja", "en"]), st.sampled_from(Reader))
def test_nothing_gets_through(title: str, text: str, address: str, contact: str, language: str, reader: Reader) -> None:
    mentions = tuple(mention(kind, text) for kind in Kind)
    odd = phase(PHASES[1].period, Effect.OTHER, PHASES[1].audience, text)
    found = announcement((*PHASES, odd), mentions, title=title, publisher=text, address=address)
    notice = compose(found, reader, language, signature=Signature(title, contact))
    document = json.loads(forms.wordpress(notice))
    validate(document)
    assert blocks_of(document["content"]) == notice.blocks
    assert judged(notice, forms.post(notice), json.dumps(document)) == notice
    for form in forms.TEXTS.values():
        form(notice)
