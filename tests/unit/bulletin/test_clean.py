"""The allow-list: what is not on it is refused, never quietly removed."""

from __future__ import annotations

import pytest

from mailferry.bulletin.clean import Unclean, checked


@pytest.mark.parametrize(
    "html",
    [
        "<p>a &lt;b&gt; &amp; “c” 'd' \"e\"</p>",
        "<p>a &#34;b&#34; &#39;c&#39;</p>",
        '<p><a href="https://example.com/?a=1&amp;b=2">x</a></p>',
        '<p><a href="mailto:it@example.com">x</a></p>',
        '<blockquote lang="en"><p>x</p></blockquote>',
        "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>b</td></tr></tbody></table>",
        "<ol>\n<li>日本語</li>\n</ol>\n",
    ],
)
def test_clean_html_passes(html: str) -> None:
    assert checked(checked(html)) == checked(html)


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<p onclick='x()'>a</p>",
        "<p style='color:red'>a</p>",
        "<p class='x'>a</p>",
        "<img src='https://example.com/x.png'>",
        "<a href='javascript:alert(1)'>a</a>",
        "<a href='JaVaScRiPt:alert(1)'>a</a>",
        "<a href='data:text/html,x'>a</a>",
        "<a href='/wp-admin/'>a</a>",
        "<a href='//evil.example/'>a</a>",
        "<a href='https://example.com' target='_blank'>a</a>",
        "<iframe src='https://example.com'></iframe>",
        "<p>a<!-- note --></p>",
        "<!DOCTYPE html><p>a</p>",
        "<?php echo 1 ?>",
        "<p>a</p></div>",
        "<p>a",
        "<svg><script>1</script></svg>",
        "<math><mi xlink:href='data:x'>a</mi></math>",
        "<h1>a</h1>",
        "<form action='https://example.com'><input></form>",
        "<p>a <b>b</p></b>",
    ],
)
def test_everything_else_is_refused(html: str) -> None:
    with pytest.raises(Unclean):
        checked(html)
