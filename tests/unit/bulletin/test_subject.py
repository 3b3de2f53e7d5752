"""A page about something else gives no facts, however many dates and requests it has."""

from __future__ import annotations

import pytest

from mailferry.bulletin.read import read

PIE = (
    "<h1>Grandma's apple pie</h1><p>Published 3 March 2026. Remove the core from the apples. Please preheat the oven. "
    "Without butter the crust will fail. On 24 December 2026 we serve it by default, ovens disabled.</p>"
)
STEW = (
    "<h1>肉じゃがの作り方</h1><p>2026年12月末までにお試しください。皮を削除し、火を停止します。失敗しないコツは火加減を"
    "確認することです。</p>"
)
GIT = (
    "<h1>Git host drops passwords</h1><p>Basic authentication is removed on 13 November 2026 for all tenants of our "
    "Git service. Please move to tokens.</p>"
)
LICENCES = "<h1>Exchange Online prices</h1><p>Microsoft 365 plans cost more from 1 July 2026. Please plan for it.</p>"


@pytest.mark.parametrize("page", [PIE, STEW, GIT, LICENCES], ids=["pie", "stew", "git", "licences"])
def test_a_page_about_something_else(page: str) -> None:
    found = read(page)
    assert found.phases == ()
    assert found.mentions == ()


def test_its_dates_are_listed() -> None:
    assert any("13 November 2026" in sentence for sentence in read(GIT).unread)
