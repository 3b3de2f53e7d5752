"""Every kind of export in every shape that administrators have: what is taken, and what is said of the rest."""

from __future__ import annotations

import json

import pytest

from mailferry.inventory.records import Authentication, Client
from support.exports import PORTAL, RELAYED, Desk, eac, guid, portal, receive, signin, text, trace


def only(desk: Desk) -> Client:
    (client,) = desk.inventory.clients()
    return client


def graph(number: int, **changes: object) -> dict[str, object]:
    return {
        "id": guid(number), "createdDateTime": "2026-11-20T08:00:00.1234567Z", "userPrincipalName": "Scan@contoso.com",
        "clientAppUsed": "Authenticated SMTP", "ipAddress": "203.0.113.7", "userAgent": "BAV2ROPC",
        "status": {"errorCode": 0, "failureReason": None, "additionalDetails": None},
    } | changes  # fmt: skip


def test_the_portal_csv_with_its_traps(desk: Desk) -> None:
    (source,) = desk.take("\ufeff" + portal([signin(1), signin(2, app="Browser"), signin(3, when="gone")]))
    assert (source.kind, source.rows, source.taken, source.fresh) == ("signin", 3, 1, 1)
    assert [(skip.reason, skip.count, skip.line) for skip in source.skipped] == [("bad-time", 1, 4), ("not-smtp", 1, 3)]
    client = only(desk)
    assert (client.sender, client.addresses, client.authentication) == (
        "scan@contoso.com", ("203.0.113.7",), Authentication.BASIC,
    )  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        json.dumps([graph(1), graph(2)]).encode(),
        json.dumps({"@odata.context": "x", "value": [graph(1), graph(2)], "@odata.nextLink": "https://x/]"}).encode(),
        json.dumps([graph(1), graph(2)], indent=2).encode("utf-16"),
        "\n".join(json.dumps(graph(number)) for number in (1, 2)).encode(),
        b"\xef\xbb\xbf" + "\r\n".join(json.dumps(graph(number)) for number in (1, 2)).encode(),
        json.dumps(
            [{key[:1].upper() + key[1:]: value for key, value in graph(number).items()} for number in (1, 2)]
        ).encode(),
    ],
    ids=["list", "value", "indented UTF-16", "lines", "lines with mark", "PowerShell's capitals"],
)
def test_json_sign_ins_of_every_form_are_the_same_sign_ins(desk: Desk, content: bytes) -> None:
    assert desk.take(content)[0].taken == 2
    assert desk.take(portal([signin(1), signin(2)]))[0].fresh == 0
    assert only(desk).last_seen.isoformat() == "2026-11-20T08:00:00+00:00"


@pytest.mark.parametrize(
    ("when", "delimiter", "encoding", "note"),
    [
        ("20.11.2026 08:00:00", ";", "utf-8", "dates read as day, month, year"),
        ("11/20/2026 8:00:00 AM", ",", "utf-8", "dates read as month, day, year"),
        ("20/11/2026 08:00:00", ",", "cp1252", "dates read as day, month, year"),
        ("2026/11/20 8:00:00", ",", "cp932", ""),
        ("2026-11-20T17:00:00+09:00", "\t", "utf-16-le", ""),
    ],
)
def test_cultures(desk: Desk, when: str, delimiter: str, encoding: str, note: str) -> None:
    rows = [signin(1, when=when) | {"Location": "東京" if encoding in ("cp932", "utf-16-le") else "Tokyo"}]
    (source,) = desk.take(portal(rows, delimiter).encode(encoding))
    assert (source.taken, source.note) == (1, note)
    assert source.first is not None
    assert source.first.isoformat() == "2026-11-20T08:00:00"


def test_a_day_that_could_be_a_month_follows_the_separator(desk: Desk) -> None:
    (source,) = desk.take(portal([signin(1, when="03.04.2026 08:00:00")], ";"))
    assert source.first is not None
    assert source.first.isoformat() == "2026-04-03T08:00:00"


def test_line_ends_that_change_and_export_csv_head(desk: Desk) -> None:
    content = "#TYPE Selected.Object\n" + portal([signin(1), signin(2)]).replace("\r\n", "\n", 1)
    assert desk.take(content)[0].taken == 2


def test_older_csv_without_ids_counts_nothing_twice(desk: Desk) -> None:
    header = ["CreatedDateTime", "UserPrincipalName", "IPAddress", "ClientAppUsed", "ErrorCode", "FailureReason"]
    row = ("2026-11-20T08:00:00Z", "scan@contoso.com", "203.0.113.7", "Authenticated SMTP", "50126", "bad password")
    old = text(header, [row, row, (row[0].replace("08:", "09:"), *row[1:])])
    assert desk.take(old)[0].fresh == 3  # two in one second are two
    assert desk.take(old + "\r\n")[0].fresh == 0
    desk.take(portal([signin(9, when="2026-11-19T08:00:00Z")]))  # what only ever failed would be no client
    assert only(desk).failures == 3
    desk.take(portal([signin(1, code=50126), signin(2, code=50126)]))
    assert only(desk).failures == 3  # those of 08:00 are known with their ids now


def test_report_names_vary(desk: Desk) -> None:
    desk.take(
        text(
            ("Sender", "AuthProtocol", "TLS1.0%", "Message Count"), [("Scan@Contoso.com", "Basic auth", "5 %", "1,200")]
        )
    )
    client = only(desk)
    assert (client.sender, client.tls, client.volume.messages) == ("scan@contoso.com", ("1.0",), 1200)
    assert client.authentication is Authentication.BASIC


def test_trace_fills_the_volume_and_shows_direct_send(desk: Desk) -> None:
    desk.take(
        eac([("scan@contoso.com", "Basic Authentication", 3)]),
        trace([
            ("2026-11-20T08:00:01Z", "scan@contoso.com", "anna@contoso.com", "", 1),
            ("2026-11-20T08:00:02Z", "scan@contoso.com", "eve@fabrikam.com", "", 1),
            ("2026-11-20T08:00:40Z", "scan@contoso.com", "eve@fabrikam.com", "", 2),
            ("2026-11-20T08:00:00Z", "door@contoso.com", "anna@contoso.com", "203.0.113.9", 3),
            ("2026-11-20T08:00:00Z", "spam@fabrikam.com", "anna@contoso.com", "198.51.100.1", 4),
            ("2026-11-20T08:00:00Z", "anna@contoso.com", "eve@fabrikam.com", "", 5),
        ]),
    )  # fmt: skip
    direct, scan = desk.inventory.clients()
    assert (direct.senders, direct.addresses, direct.authentication.value) == (
        ("door@contoso.com",),
        ("203.0.113.9",),
        "anonymous",
    )
    volume = scan.volume
    assert (
        volume.messages,
        volume.peak_minute,
        volume.recipients,
        volume.external_recipients,
        volume.most_recipients,
    ) == (3, 2, 3, 2, 2)


def test_a_receive_log_is_sessions(desk: Desk) -> None:
    refused = (("+", "", ""), ("<", "HELO old", ""), ("<", "MAIL FROM:<scan@contoso.com>", ""),
               ("<", "RCPT TO:<x@fabrikam.com>", ""),
               (">", "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", ""),
               ("-", "", ""))  # fmt: skip
    (one, two, probe) = desk.take(
        receive(RELAYED), receive(refused, "08DE0002"), receive([("+", "", ""), ("<", "QUIT", "")], "08DE0003")
    )
    assert (one.taken, two.taken, probe.taken) == (2, 1, 0)
    assert [(skip.reason, skip.count) for skip in probe.skipped] == [("no-mail", 1)]
    client = only(desk)
    assert (client.addresses, client.names, client.tls) == (("10.1.2.3",), ("old", "printer7"), ("none",))
    assert (client.volume.messages, client.volume.recipients, client.volume.largest, client.failures) == (1, 2, 4096, 1)


def test_a_receive_log_restarted_in_the_middle(desk: Desk) -> None:
    (source,) = desk.take(receive(RELAYED) + receive(RELAYED, "08DE0009", "10.1.2.4:1"))
    assert (source.taken, source.skipped) == (4, ())


def test_postfix_from_client_to_delivery(desk: Desk) -> None:
    log = """\
Nov 20 08:00:00 mx postfix/smtpd[11]: connect from nas.lan[10.1.2.5]
Nov 20 08:00:00 mx postfix/smtpd[11]: Anonymous TLS connection established from nas.lan[10.1.2.5]: TLSv1.2 with cipher X
Nov 20 08:00:01 mx postfix/smtpd[11]: 4F2A91C0A7: client=nas.lan[10.1.2.5], sasl_method=LOGIN, sasl_username=nas
Nov 20 08:00:01 mx postfix/cleanup[12]: 4F2A91C0A7: message-id=<1@nas>
Nov 20 08:00:01 mx postfix/qmgr[13]: 4F2A91C0A7: from=<nas@contoso.com>, size=812, nrcpt=1 (queue active)
Nov 20 08:00:02 mx postfix/smtp[14]: 4F2A91C0A7: to=<a@b.com>, relay=smtp.office365.com[1.2.3.4]:25, status=deferred (b)
Nov 20 08:10:02 mx postfix/smtp[14]: 4F2A91C0A7: to=<a@b.com>, relay=smtp.office365.com[1.2.3.4]:25, status=sent (OK)
Nov 20 08:10:02 mx postfix/qmgr[13]: 4F2A91C0A7: removed
Nov 20 08:11:00 mx sshd[9]: Accepted publickey for root
"""
    (source,) = desk.take(log)
    assert (source.taken, {skip.reason: skip.count for skip in source.skipped}) == (1, {"deferred": 1, "other-line": 1})
    client = only(desk)
    assert (client.sender, client.addresses, client.tls, client.names) == ("nas", ("10.1.2.5",), ("1.2",), ("nas.lan",))
    assert [finding.code for finding in client.findings] == ["behind-relay"]
    assert client.fate.value == "uncertain"


def test_a_stamp_without_a_year_lies_in_the_past(desk: Desk) -> None:
    (source,) = desk.take("Dec 31 23:59:59 mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[10.0.0.1]: 554 5.7.1 no; "
                          "from=<a@contoso.com> to=<b@c.com> proto=SMTP helo=<dev>\n")  # fmt: skip
    assert source.first is not None
    assert source.first.year == 2025


def test_settings_in_every_form_agree(desk: Desk) -> None:
    as_list = (
        "\r\nPrimarySmtpAddress               : scan@contoso.com\r\nSmtpClientAuthenticationDisabled : False\r\n\r\n"
    )
    as_csv = text(
        ("PrimarySmtpAddress", "SmtpClientAuthenticationDisabled"),
        [("scan@contoso.com", "False"), ("x@contoso.com", "")],
    )
    as_json = json.dumps([{"PrimarySmtpAddress": "scan@contoso.com", "SmtpClientAuthenticationDisabled": False}])
    tenant = "SmtpClientAuthenticationDisabled : True\r\nAllowLegacyTLSClients            : \r\n"
    kinds = [source.kind for source in desk.take(as_list, as_csv, as_json, tenant)]
    assert kinds == ["casmailbox", "casmailbox", "casmailbox", "transport"]
    desk.take(eac([("scan@contoso.com", "Basic", 1), ("x@contoso.com", "Basic", 1)]))
    scan, other = desk.inventory.clients()
    assert (scan.switches.disabled, scan.fate.value) == (False, "breaks")
    assert (other.switches.mailbox_disabled, other.switches.disabled, other.fate.value) == (None, True, "broken")


def test_policies_block_passwords_only(desk: Desk) -> None:
    desk.take(
        eac([("scan@contoso.com", "Basic", 5), ("app@contoso.com", "OAuth", 5)]),
        text(("Name", "AllowBasicAuthSmtp"), [("Block", "False")]),
        text(("DefaultAuthenticationPolicy", "RejectDirectSend"), [("Block", "False")]),
    )
    assert {client.sender: client.fate.value for client in desk.inventory.clients()} == {
        "app@contoso.com": "continues", "scan@contoso.com": "broken",
    }  # fmt: skip


def test_owners(desk: Desk) -> None:
    desk.take(portal([signin(1)]), "メールアドレス,担当者,拠点\nscan@contoso.com,高橋,大阪\n".encode("cp932"))
    assert (only(desk).owner, only(desk).site) == ("高橋", "大阪")


def test_the_details_file_beside_a_sign_in_log_is_passed_over(desk: Desk) -> None:
    folder = desk.folder / "download"
    folder.mkdir()
    (folder / "a.csv").write_text(portal([signin(1)]))
    (folder / "b.csv").write_text("Request ID,Authentication method,Succeeded\n1,Password,true\n")
    (folder / "readme.txt").write_text("Downloaded on Friday.\n")
    kinds = [source.kind for source in desk.inventory.import_paths([folder])]
    assert kinds == ["signin", "companion", "unknown"]


def test_the_portals_header_is_the_real_one() -> None:
    assert PORTAL.count("Incoming token type") == 2
    assert {"Application ID ", "Resource ID ", "Autonomous system  number"} <= set(PORTAL)
