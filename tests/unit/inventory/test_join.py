"""How facts become clients: places, shared mailboxes, what is nobody, what the report counts beyond."""

from __future__ import annotations

from datetime import date

import pytest

from mailferry.inventory.join.findings import CODES, sentence
from mailferry.inventory.records import Authentication, Client, Fate
from support.exports import Desk, eac, portal, signin


def codes(client: Client) -> list[str]:
    return [finding.code for finding in client.findings]


def test_two_lines_of_one_site_are_one_place(desk: Desk) -> None:
    lines = ("203.0.113.7", "203.0.113.8")
    desk.take(portal(signin(n * 2 + line, f"m{n}@contoso.com", ip=lines[line]) for n in range(4) for line in (0, 1)))
    clients = desk.inventory.clients()
    assert [client.sender for client in clients] == [f"m{number}@contoso.com" for number in range(4)]
    assert all(client.addresses == lines for client in clients)


def test_a_mailbox_of_several_places_is_several_clients_that_share_the_count(desk: Desk) -> None:
    rows = [signin(1, ip="203.0.113.7"), signin(2, ip="198.51.100.4")]
    desk.take(portal(rows), eac([("scan@contoso.com", "Basic", 900)]))
    one, two = desk.inventory.clients()
    assert (one.sender, two.sender) == ("scan@contoso.com", "scan@contoso.com")
    assert one.id != two.id
    assert (one.volume.messages, one.volume.mailbox_messages, one.volume.at_most) == (None, 900, 900)
    assert "shared-mailbox" in codes(one)


def test_what_the_report_counts_and_nothing_explains(desk: Desk) -> None:
    desk.take(
        portal([signin(1, ip="203.0.113.7"), signin(2, ip="198.51.100.4"), signin(3, "ups@contoso.com")]),
        eac([("scan@contoso.com", "Basic", 900), ("scan@contoso.com", "OAuth", 50), ("old@contoso.com", "Basic", 7)]),
    )
    left = [client for client in desk.inventory.clients() if "unattributed" in codes(client)]
    assert [(each.sender, each.addresses, each.authentication.value, each.volume.messages) for each in left] == [
        ("old@contoso.com", (), "basic", 7), ("scan@contoso.com", (), "oauth", 50),
    ]  # fmt: skip


def test_the_id_stays_when_more_is_known_of_a_client(desk: Desk) -> None:
    desk.take(eac([("scan@contoso.com", "Basic", 9)]))
    (before,) = desk.inventory.clients()
    desk.take(portal([signin(1)]))
    (after,) = desk.inventory.clients()
    assert before.id == after.id
    assert after.addresses == ("203.0.113.7",)


def test_guessed_passwords_are_no_client(desk: Desk) -> None:
    rows = [
        signin(1),
        signin(2, ip="192.0.2.66", code=50126),
        signin(3, "boss@contoso.com", ip="192.0.2.66", code=50126),
        signin(4, "anna@contoso.com", code=50126),
    ]
    desk.take(portal(rows), eac([("scan@contoso.com", "Basic", 9)]))
    (client,) = desk.inventory.clients()
    assert (client.addresses, client.failures) == (("203.0.113.7",), 0)


def test_refused_three_times_over_a_day_is_refused_today(desk: Desk) -> None:
    later = [signin(n, when=f"2026-11-2{n}T09:00:00Z", code=50126, reason="Wrong password.") for n in (1, 2, 3)]
    desk.take(portal([signin(9, when="2026-11-20T08:00:00Z"), *later]))
    (client,) = desk.inventory.clients()
    assert client.fate is Fate.BROKEN
    assert sentence(client.findings[0]) == "Its sign-ins are refused already, 3 in a row: 50126 Wrong password."


def test_a_slip_is_no_refusal(desk: Desk) -> None:
    desk.take(portal([signin(9), signin(1, when="2026-11-20T08:00:05Z", code=50126)]))
    assert desk.inventory.clients()[0].fate is Fate.BREAKS


@pytest.mark.parametrize(
    ("agent", "report", "expected"),
    [
        ("", "", Authentication.BASIC),
        ("", "OAuth", Authentication.OAUTH),
        ("BAV2ROPC", "OAuth", Authentication.MIXED),
        ("BAV2ROPC", "Basic", Authentication.BASIC),
    ],
)
def test_what_a_record_says_outright_then_the_report_then_the_app(
    desk: Desk, agent: str, report: str, expected: Authentication
) -> None:
    desk.take(portal([signin(1, agent=agent)]), *([eac([("scan@contoso.com", report, 1)])] if report else []))
    assert desk.inventory.clients()[0].authentication is expected


def test_the_date_decides(desk: Desk) -> None:
    desk.take(portal([signin(1)]))
    assert desk.inventory.clients(date(2026, 12, 1))[0].fate is Fate.CONTINUES
    assert desk.inventory.clients(date(2027, 1, 1))[0].fate is Fate.BREAKS


def test_ipv6_is_known_by_its_network(desk: Desk) -> None:
    desk.take(portal([signin(1, ip="2001:db8::1"), signin(2, ip="2001:db8::2"), signin(3, ip="2001:db8:1::1")]))
    assert {client.addresses for client in desk.inventory.clients()} == {
        ("2001:db8:1::1",), ("2001:db8::1", "2001:db8::2"),
    }  # fmt: skip


def test_every_sentence_speaks_both_languages() -> None:
    for _, text in CODES.values():
        assert text.en
        assert text.ja
