"""Clean HTML back into blocks: the inverse of what the templates write."""

from __future__ import annotations

import pytest

from mailferry.bulletin import forms
from mailferry.bulletin.clean import Unclean
from mailferry.bulletin.compose import Signature, compose
from mailferry.bulletin.markup import Shapeless, blocks_of
from mailferry.bulletin.notice import Heading, Items, Paragraph, Reader
from support.announcements import FIGURES, announcement


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("reader", Reader)
def test_the_way_back(language: str, reader: Reader) -> None:
    notice = compose(announcement(), reader, language, FIGURES, Signature("A & B <C>", "it@example.com"))
    assert blocks_of(forms.content(notice)) == notice.blocks


def test_white_space_and_emphasis_do_not_matter() -> None:
    html = "\n<h2>\n One\n two </h2>\n\n<ul><li>a <strong>b</strong> c&nbsp;d</li>\n</ul><p><code>x</code>: y</p>"
    assert blocks_of(html) == (Heading("One two"), Items(("a b c d",)), Paragraph("`x`: y"))


@pytest.mark.parametrize(
    "html",
    [
        "text alone",
        "<p>a</p> and text",
        "<ul><li>a<ul><li>b</li></ul></li></ul>",
        "<ul>a<li>b</li></ul>",
        '<ul><li><a href="https://example.com/">a</a></li></ul>',
        '<p><a href="https://example.com/">a</a> <a href="https://example.com/">b</a></p>',
        '<h2><a href="https://example.com/">a</a></h2>',
        "<blockquote>a</blockquote>",
        "<table><tbody><tr><td>a</td><td>b</td></tr></tbody></table>",
        "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>c</td></tr></tbody></table>",
        "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>c</td></tr></tbody></table>",
        "<p><strong><code>a</code></strong></p>",
    ],
)
def test_what_has_no_block_is_an_error(html: str) -> None:
    with pytest.raises(Shapeless):
        blocks_of(html)


def test_what_is_unclean_does_not_get_that_far() -> None:
    with pytest.raises(Unclean):
        blocks_of("<p>a</p><script>b</script>")
