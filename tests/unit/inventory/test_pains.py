"""Who still uses Basic authentication: the pain of finding them, by its number in the survey of issue threads."""

from __future__ import annotations

from mailferry.inventory.records import Authentication, Fate
from support.exports import Desk, eac, portal, signin, text


def test_pain_40_the_reports_senders_get_their_addresses_and_inherited_switches(desk: Desk) -> None:
    """The report knows no address and the sign-ins no volume; joined they name sender, device and count. What a mailbox
    leaves blank it has from the organisation, which a script that reads mailboxes alone takes for allowed."""
    desk.take(
        eac([("scan@contoso.com", "Basic", 900), ("ups@contoso.com", "Basic", 40), ("app@contoso.com", "OAuth", 7)])
    )
    assert [client.addresses for client in desk.inventory.clients()] == [(), (), ()]
    desk.take(
        portal([signin(1), signin(2, "ups@contoso.com", ip="198.51.100.4", code=50126)]),
        text(
            ("PrimarySmtpAddress", "SmtpClientAuthenticationDisabled"),
            [("scan@contoso.com", "False"), ("ups@contoso.com", ""), ("app@contoso.com", "")],
        ),
        "SmtpClientAuthenticationDisabled : True\r\nAllowLegacyTLSClients            : \r\n",
    )
    found = {client.sender: client for client in desk.inventory.clients()}
    scan, ups, app = (found[f"{name}@contoso.com"] for name in ("scan", "ups", "app"))
    assert (scan.addresses, scan.volume.messages, scan.authentication) == (("203.0.113.7",), 900, Authentication.BASIC)
    assert (scan.switches.mailbox_disabled, scan.switches.disabled, scan.fate) == (False, False, Fate.BREAKS)
    assert (ups.switches.mailbox_disabled, ups.switches.disabled, ups.fate) == (None, True, Fate.BROKEN)
    assert (app.switches.disabled, app.fate) == (True, Fate.BROKEN), "the switch stops OAuth too"
