"""An Exchange on premises that relays, and the tenant's MX: who is known, and for what."""

from __future__ import annotations

import pytest

from mailferry.sandbox.mailbox import Folder
from mailferry.sandbox.services import width
from support.sandbox_lab import Lab, Wire
from support.services_lab import HERE, RELAY, reach

ANNA = "anna@contoso.example"
OUTSIDE = "ann@fabrikam.example"
PRINTER = "printer@contoso.example"
NOBODY = frozenset[str]()


def rcpt(wire: Wire, recipient: str, sender: str = PRINTER) -> str:
    wire.say("EHLO printer")
    assert wire.say(f"MAIL FROM:<{sender}>").startswith("250")
    reply = wire.say(f"RCPT TO:<{recipient}>")
    wire.say("RSET")
    return reply


# -- on premises ------------------------------------------------------------------------------------------------------


def test_ehlo_as_observed(lab: Lab) -> None:
    wire = reach(lab, "onprem", HERE)
    assert wire.greeting.startswith("220 mail1.contoso.example Microsoft ESMTP MAIL Service ready at")
    assert wire.say("EHLO printer").splitlines() == [
        "250-mail1.contoso.example Hello [127.0.0.1]",
        "250-SIZE 37748736",
        "250-PIPELINING",
        "250-DSN",
        "250-ENHANCEDSTATUSCODES",
        "250-STARTTLS",
        "250-X-ANONYMOUSTLS",
        "250-AUTH NTLM",
        "250-X-EXPS GSSAPI NTLM",
        "250-8BITMIME",
        "250-BINARYMIME",
        "250-CHUNKING",
        "250-SMTPUTF8",
        "250 XRDST",
    ]
    lab.world.tune(onprem={"smtputf8": False})
    assert "SMTPUTF8" not in wire.say("EHLO printer")


def test_an_address_of_the_relay_connector_sends_anywhere(lab: Lab) -> None:
    wire = reach(lab, "onprem", HERE)
    wire.say("EHLO printer")
    reply = wire.send(PRINTER, ANNA, OUTSIDE, message=b"Message-ID: <7@printer>\r\n\r\nx\r\n")
    assert reply.startswith("250 2.6.0 <7@printer> [InternalId=")
    assert reply.endswith("Queued mail for delivery")
    assert "Hostname=mail1.contoso.example]" in reply
    assert [(m.box, m.folder) for m in lab.world.store] == [(ANNA, Folder.INBOX), (OUTSIDE, Folder.EXTERNAL)]


def test_any_other_address_sends_inside_only(lab: Lab) -> None:
    wire = reach(lab, "onprem")
    assert rcpt(wire, OUTSIDE) == "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain"
    assert rcpt(wire, ANNA).startswith("250")
    assert rcpt(wire, "nobody@contoso.example").startswith("550 5.1.10")


def test_the_most_specific_connector_takes_the_connection(lab: Lab) -> None:
    connectors = {"One printer": {"remote_ip_ranges": ["192.0.2.10"], "accept_any_recipient": True}}
    lab.world.patch({"tenant": {"on_premises": {"receive_connectors": connectors}}})
    assert rcpt(reach(lab, "onprem"), OUTSIDE).startswith("250")
    assert rcpt(reach(lab, "onprem", "192.0.2.11:50000"), OUTSIDE).startswith("550 5.7.54")


def test_without_anonymous_users_mail_is_refused(lab: Lab) -> None:
    connectors = {"Anonymous Relay": {"anonymous_users": False}}
    lab.world.patch({"tenant": {"on_premises": {"receive_connectors": connectors}}})
    wire = reach(lab, "onprem", HERE)
    wire.say("EHLO printer")
    assert wire.say(f"MAIL FROM:<{PRINTER}>").startswith("530 5.7.57 SMTP; Client was not authenticated")


def test_twenty_connections_of_one_source(lab: Lab) -> None:
    wires = [reach(lab, "onprem", f"127.0.0.1:{port}") for port in range(20)]
    assert all(wire.greeting.startswith("220") for wire in wires)
    assert reach(lab, "onprem", "127.0.0.1:21").greeting.startswith("421 4.3.2 The maximum number of concurrent")
    assert reach(lab, "onprem", "127.0.0.2:22").greeting.startswith("220")
    wires[0].session.closed()
    assert reach(lab, "onprem", HERE).greeting.startswith("421"), "the one that was refused still stood in line"


def test_a_frontend_that_drains(lab: Lab) -> None:
    lab.world.patch({"tenant": {"on_premises": {"draining": True}}})
    assert reach(lab, "onprem", HERE).greeting.startswith("421 4.3.2 Service not active")


def test_an_address_that_no_connector_holds(lab: Lab) -> None:
    lab.world.patch({"tenant": {"on_premises": {"receive_connectors": {"Default Frontend": None}}}})
    assert reach(lab, "onprem").greeting.startswith("421")


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        (("192.0.2.7",), 1),
        (("192.0.2.0/24",), 256),
        (("192.0.2.1-192.0.2.9",), 9),
        (("0.0.0.0/0", "192.0.2.0-192.0.2.7"), 8),
        (("192.0.2.8",), None),
        (("::/0",), None),
    ],
)
def test_remote_ip_ranges(ranges: tuple[str, ...], expected: int | None) -> None:
    assert width(ranges, "192.0.2.7") == expected


# -- the MX -----------------------------------------------------------------------------------------------------------


def test_the_mx_offers_no_login(lab: Lab) -> None:
    wire = reach(lab, "mx")
    assert ".mail.protection.outlook.com Microsoft ESMTP MAIL Service ready at" in wire.greeting
    hello = wire.say("EHLO printer")
    assert "SIZE 157286400" in hello
    assert "AUTH" not in hello
    assert wire.say("AUTH LOGIN")[0] == "5"


def test_direct_send_reaches_the_organisation_only(lab: Lab) -> None:
    wire = reach(lab, "mx")
    wire.say("EHLO printer")
    assert wire.send(PRINTER, ANNA).startswith("250 2.6.0 <")
    assert rcpt(wire, OUTSIDE).startswith("550 5.7.64 TenantAttribution; Relay Access Denied [")
    assert rcpt(wire, "nobody@contoso.example").startswith("550 5.4.1 Recipient address rejected: Access denied")


def test_reject_direct_send(lab: Lab) -> None:
    lab.world.patch({"tenant": {"reject_direct_send": True}})
    wire = reach(lab, "mx")
    assert rcpt(wire, ANNA).startswith(
        "550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources"
    )
    assert rcpt(wire, ANNA, sender="partner@fabrikam.example").startswith("250"), "ordinary mail from outside"
    assert rcpt(reach(lab, "mx", names=RELAY), ANNA).startswith("250"), "a connector knows it"


def test_a_certificate_relays(lab: Lab) -> None:
    assert rcpt(reach(lab, "mx", names=RELAY), OUTSIDE).startswith("250")
    assert rcpt(reach(lab, "mx", names=frozenset({"relay.fabrikam.example"})), OUTSIDE).startswith("550 5.7.64")
    other = rcpt(reach(lab, "mx", names=RELAY), OUTSIDE, sender="app@elsewhere.example")
    assert other.startswith("250"), "the certificate's domain is the tenant's"


def test_a_wildcard_certificate_fits_its_names(lab: Lab) -> None:
    assert rcpt(reach(lab, "mx", names=frozenset({"*.contoso.example"})), OUTSIDE).startswith("250")


def test_an_address_relays_over_tls(lab: Lab) -> None:
    connector = {"enabled": True, "sender_ip_addresses": ["192.0.2.10"]}
    lab.world.patch({"tenant": {"inbound_connectors": {"Relay by address": connector}}})
    assert rcpt(reach(lab, "mx", names=NOBODY), OUTSIDE).startswith("250")
    assert rcpt(reach(lab, "mx", "192.0.2.11:1", NOBODY), OUTSIDE).startswith("550 5.7.64")
    foreign = rcpt(reach(lab, "mx", names=NOBODY), OUTSIDE, sender="app@elsewhere.example")
    assert foreign.startswith("550 5.7.64"), "neither envelope nor certificate is the tenant's"
    clear = reach(lab, "mx")
    clear.say("EHLO printer")
    assert clear.say(f"MAIL FROM:<{PRINTER}>").startswith("451 5.7.3 STARTTLS is required")


def test_a_banned_address(lab: Lab) -> None:
    lab.world.patch({"tenant": {"banned_addresses": ["192.0.2.10"]}})
    assert rcpt(reach(lab, "mx"), ANNA).startswith("550 5.7.606 Access denied, banned sending IP [192.0.2.10]")


def test_two_hundred_recipients(lab: Lab) -> None:
    lab.world.tune(mx={"recipients": 2})
    wire = reach(lab, "mx")
    wire.say("EHLO printer")
    wire.say(f"MAIL FROM:<{PRINTER}>")
    assert [wire.say(f"RCPT TO:<{ANNA}>")[:3] for _ in range(3)] == ["250", "250", "452"]
