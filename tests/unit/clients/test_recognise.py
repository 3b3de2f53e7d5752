"""Recognition and its verdict, on signs as they are met."""

from __future__ import annotations

import pytest

from mailferry.clients.base import knowledge
from mailferry.clients.message import signs_of
from mailferry.clients.product import Answer, Confidence, Flow, Weight
from mailferry.clients.recognise import Decision, Recogniser, Recognition
from mailferry.clients.signs import Kind, Signs
from mailferry.clients.verdict import verdict, verdict_of

RECOGNISER = Recogniser(knowledge())


def of(**signs: str) -> Recognition:
    return RECOGNISER.recognise(Signs.of(signs))


def ids(found: Recognition) -> list[str]:
    return [one.product.id for one in found.candidates]


def test_a_strong_sign_decides() -> None:
    found = of(x_mailer="Canon MFP")
    assert found.decision is Decision.PRODUCT
    assert found.product is not None
    assert found.product.id == "canon-imagerunner"
    assert found.confidence == pytest.approx(0.95)
    assert found.candidates[0].evidence[0].text("en") == "X-Mailer: Canon MFP"


def test_strong_signs_that_agree_are_surer_and_weak_ones_add_a_little() -> None:
    one = of(hostname="RNP002673A1B2C3").confidence
    two = of(hostname="RNP002673A1B2C3", subject='Message from "RNP002673A1B2C3"').confidence
    canon, more = of(x_mailer="Canon MFP").confidence, of(x_mailer="Canon MFP", subject="Attached Image").confidence
    assert one < two <= 0.99
    assert canon < more < 0.99


@pytest.mark.parametrize("name", ["RNP002673A1B2C3", "rnp002673a1b2c3.contoso.example"])
def test_a_device_that_greets_by_its_name_is_known_by_it(name: str) -> None:
    assert ids(of(ehlo=name)) == ["ricoh-mfp"]
    assert of(ehlo=name).confidence == of(ehlo=name, hostname=name).confidence  # one name is one sign


@pytest.mark.parametrize(
    "name",
    ["RNP002673A1B2", "XRNP002673A1B2C3", "RNP-002673A1B2C3", "NPI4C3A2F0", "my-npi4c3a2f", "[10.0.0.1]", "HPSERVER"],
)
def test_a_name_that_is_only_similar_is_nobodys(name: str) -> None:
    assert of(ehlo=name, hostname=name).candidates == ()


@pytest.mark.parametrize(
    "signs",
    [
        {"x_mailer": "My own mailer 1.0"},
        {"message_id": "<20261124.12345678@host>"},
        {"message_id": "<4711@contoso.example>"},
        {"boundary": "000000000000a1b2c305f0"},
        {"boundary": "===============1=="},
        {"user_agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/120.0"},
        {"subject": "Message from accounting"},
        {"subject": "Scan from a Xerox WorkCentre"},  # imitated by malware: supports only
        {"subject": "[FIRING:1] DiskFull"},  # Grafana and Alertmanager
        {"ehlo": "localhost", "subject": "Attached Image", "hostname": "Canon9A3C10"},
    ],
)
def test_signs_that_decide_nothing(signs: dict[str, str]) -> None:
    found = of(**signs)
    assert found.decision is Decision.NONE
    assert (found.product, found.family, found.best, found.confidence) == (None, None, None, 0.0)
    assert all(hint.confidence <= 0.4 for hint in found.hints)
    assert verdict(found).smtp is Answer.UNKNOWN
    assert verdict(found).settle.en
    assert verdict(found).settle.ja


def test_a_family_comes_out_as_its_members_with_what_would_settle_it() -> None:
    found = of(hostname="NPI4C3A2F")
    assert found.decision is Decision.FAMILY
    assert found.product is None
    assert set(ids(found)) == {"hp-futuresmart", "hp-futuresmart-legacy", "hp-laserjet-pro-m428-m479"}
    assert sum(one.confidence for one in found.candidates) == pytest.approx(found.confidence, abs=0.001)
    said = verdict(found)
    assert said.smtp is Answer.PARTIAL
    assert "5.7" in said.settle.en


def test_a_weak_sign_tells_the_members_of_a_family_apart_but_does_not_decide() -> None:
    found = of(hostname="XRX9C934E5F1A2B", subject="Scan from a Xerox WorkCentre 7835")
    assert ids(found) == ["xerox-workcentre-legacy", "xerox-connectkey-current"]
    assert found.decision is Decision.FAMILY


def test_a_member_with_weak_signs_only_is_among_its_family() -> None:
    boundary = "--boundary_1_1b4e28ba-2fa1-11d2-883f-b9a761bde3fb"
    found = of(boundary=boundary, subject="SQL Server Job System: 'nightly' completed on SQL01")
    assert "sql-server-database-mail" in ids(found)
    assert verdict(found).smtp is Answer.NO  # whichever it is


def test_strong_signs_of_two_products_are_a_conflict_and_both_are_shown() -> None:
    found = of(x_mailer="Canon MFP", hostname="RNP002673A1B2C3")
    assert found.decision is Decision.CONFLICT
    assert (found.product, found.family, found.best, found.confidence) == (None, None, None, 0.0)
    assert set(ids(found)) == {"canon-imagerunner", "ricoh-mfp"}
    assert all(one.confidence <= 0.5 for one in found.candidates)
    assert verdict(found).settle.en


def test_a_product_is_named_before_the_library_it_is_built_on() -> None:
    message_id = "<123456789012345.1732459000.123456789012345-openerp-42-sale.order@odoo01>"
    found = of(message_id=message_id, boundary="===============7330845974216740156==")
    assert ids(found) == ["odoo"]
    assert {sign.kind for sign in found.candidates[0].evidence} == {Kind.MESSAGE_ID, Kind.BOUNDARY}


def test_a_library_is_named_with_what_may_be_built_on_it() -> None:
    found = of(boundary="----=_Part_12_1944702841.1732459000123", message_id="<JIRA.1.2.3@jira.contoso.example>")
    assert ids(found) == ["jakarta-mail"]
    assert [hint.product.id for hint in found.hints] == ["jira-dc", "jira-legacy"]


def test_a_remark_is_no_product() -> None:
    found = of(user_agent="BAV2ROPC")
    assert found.decision is Decision.NONE
    assert [remark.id for remark in found.remarks] == ["entra-basic"]
    assert [remark.id for remark in of(auth_mechanism="XOAUTH2", tls="1.1").remarks] == ["old-tls", "own-oauth"]
    assert of(tls="1.2").remarks == ()


def test_each_distinct_set_of_signs_is_judged_once() -> None:
    recogniser = Recogniser(knowledge())
    one, two, three = recogniser.recognise_many([Signs(ehlo="app01"), Signs(x_mailer="Canon MFP"), Signs(ehlo="app01")])
    assert one is three
    assert two.product is not None


@pytest.mark.parametrize(
    ("signs", "product"),
    [
        ({"message_id": "<5G8ZB7YQ5LU4.8W2K1N5T0V2K3@app01>"}, "mailkit-mimekit"),
        ({"message_id": "<1732459000123456789.5577006791947779410@prom01>"}, "prometheus-alertmanager"),
        ({"user_agent": "Thunderbird for Android"}, "k9-thunderbird-android"),
        (
            {"user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:102.0) Gecko/20100101 Thunderbird/102.15.1"},
            "thunderbird",
        ),
        (
            {"x_mailer": "Microsoft Outlook 16.0", "boundary": "----=_NextPart_000_0012_01DB3E5A.7C2F4B10"},
            "outlook-pop-imap",
        ),
        ({"x_mailer": "Microsoft CDO for Windows 2000"}, "ms-cdo"),
        ({"boundary": "--_NmP-3f9a1c2b4d5e6f70-Part_1"}, "nodemailer"),
        ({"x_mailer": "sendEmail-1.56", "message_id": "<481937.204158123-sendEmail@batch01>"}, "sendemail-perl"),
    ],
)
def test_programs_by_what_they_send(signs: dict[str, str], product: str) -> None:
    assert ids(of(**signs)) == [product]


MESSAGES = {
    "jira-dc": b"X-JIRA-FingerPrint: 9e107d9d372bb6826bd81d3542a419d6\nMessage-ID: <JIRA.10233.1732459000000@jira>\n"
    b'Content-Type: multipart/alternative; boundary="----=_Part_12_1944702841.1732459000123"\n\nx',
    "gitlab": b"X-GitLab-Project: website\nX-GitLab-NotificationReason: mentioned\n"
    b'Content-Type: multipart/alternative; boundary="--==_mimepart_6743412f1c2a_5e8c"\n\nx',
    "konica-minolta-bizhub-i": b"Received: from KMBT1C2D3E ([10.0.0.8]) by mx with SMTP; 24 Nov 2026 14:33:12 +0900\n"
    b"Subject: Message from KM_C258\n\nx",
    "truenas-legacy": b"Subject: TrueNAS nas01.contoso.example: Alerts\n\nx",
    "osticket": b"X-Mailer: osTicket Mailer\n\nx",
    "phpmailer": b"X-Mailer: PHPMailer 6.9.1 (https://github.com/PHPMailer/PHPMailer)\n"
    b"Message-ID: <qT7YwZ3mKp9LrX2vNc8BsD4fGh6JtR1eQaWu5iOy@www.contoso.example>\n\nx",
}


@pytest.mark.parametrize("product", MESSAGES)
def test_whole_messages(product: str) -> None:
    found = RECOGNISER.recognise(signs_of(MESSAGES[product]))
    assert product in ids(found)
    assert found.best is not None
    assert found.confidence >= (0.5 if product == "truenas-legacy" else 0.85)


def test_a_subject_alone_is_never_more_than_likely() -> None:
    """Anybody can write one, and malware does."""
    assert of(subject='Message from "RNP002673A1B2C3"').confidence == pytest.approx(0.5)
    assert of(subject="Message from KM_C258").confidence == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["NPI240117", "ET202411", "EPSON000231", "ET202411250001", "HP789327"])
def test_an_inventory_number_is_no_makers_name(name: str) -> None:
    """Whatever letters the organisation put before it; a MAC address is seldom all decimal."""
    for found in (of(hostname=name), of(ehlo=f"{name}.contoso.example")):
        assert (found.decision, found.best) == (Decision.NONE, None)
        assert found.hints
    assert of(hostname=name, subject="Message from KM_C258").family == of(subject="Message from KM_C258").family


@pytest.mark.parametrize(
    "name", ["KMBT_SCAN", "LXKSRV01", "EPSON-PC3", "BRN-GATEWAY", "XRX-PRINT01", "RNP-SERVER", "SECURITY"]
)
def test_a_server_named_after_a_maker_is_not_its_machine(name: str) -> None:
    assert of(hostname=name).decision is Decision.NONE


@pytest.mark.parametrize("name", ["KMBT_C258", "KMBT_423", "KMBT_C3350i", "LXK1C2D3E"])
def test_names_that_a_maker_gives(name: str) -> None:
    assert of(hostname=name).best is not None


def test_the_verdict_on_a_product_says_from_when_and_how() -> None:
    said = verdict_of(knowledge().products["lexmark-fw24"])
    assert (said.smtp, said.since.en, said.flows) == (Answer.YES, "FW24", (Flow.DEVICE_CODE,))
    assert said.text("en") == "OAuth over SMTP: yes, from FW24 on, by code shown by the device (device code)."
    assert said.text("ja") == "SMTP での OAuth: 対応（FW24 以降）、方式: 機器に表示されるコード（デバイス コード）。"
    assert said.settle.en == ""


def test_version_and_flow_of_a_graph_sender_are_not_told_of_smtp() -> None:
    said = verdict_of(knowledge().products["veeam-vb365"])
    assert said.text("en").startswith("OAuth over SMTP: no; it can send by Microsoft Graph itself, from 7 on")


@pytest.mark.parametrize("id", ["ricoh-mfp", "apc-nmc", "swiftmailer", "acronis", "hp-futuresmart"])
def test_what_is_open_says_what_would_settle_it(id: str) -> None:
    product = knowledge().products[id]
    assert verdict_of(product).settle.en
    assert "{" not in verdict_of(product).settle.en + verdict_of(product).settle.ja


def test_weak_evidence_is_marked_as_such() -> None:
    found = of(x_mailer="Canon MFP", subject="Attached Image")
    assert [sign.weight for sign in found.candidates[0].evidence] == [Weight.STRONG, Weight.WEAK]
    assert found.candidates[0].product.founded is Confidence.HIGH
