"""What the exports' signs come to: a product, a family, a question, or nothing."""

from __future__ import annotations

from mailferry.clients.base import knowledge
from mailferry.clients.recognise import Recogniser
from mailferry.clients.signs import Signs
from mailferry.inventory.join.recognition import Recognised, Seen, agreed
from mailferry.planner.case import SURE
from mailferry.planner.knowledge import products
from support.exports import Desk, guid, portal, signin, text

RECOGNISER = Recogniser(knowledge())
RICOH = Signs(hostname="RNP0026731234AB")
CDO = Signs(subject="SQL Server Job System: 'nightly close' completed")


def seen(*signs: Signs) -> Recognised:
    return agreed([Seen(RECOGNISER.recognise(each), wrote=bool(each.message_id or each.subject)) for each in signs])


def test_a_strong_sign_names_the_product_with_its_evidence() -> None:
    found = seen(Signs(), RICOH)
    assert (found.id, found.evidence) == ("ricoh-mfp", ("host name: RNP0026731234AB",))
    assert found.confidence >= 0.8


def test_a_family_is_not_said_to_be_one_of_its_products() -> None:
    base = knowledge()
    shared = [
        (mark, product.family)
        for product in base.products.values()
        for mark in product.fingerprints
        if len(base.members[product.family]) > 1 and mark.example
    ]
    found = {}
    for mark, family in shared:
        recognition = RECOGNISER.recognise(Signs(**{mark.kind.value: mark.example})) if not mark.header else None
        if recognition is not None and recognition.decision.value == "family":
            found[family] = agreed([Seen(recognition)])
    assert found
    for family, told in found.items():
        assert told.id == family
        assert told.id not in base.products
        assert told.id in products()  # and the planner knows what that means


def test_weak_signs_are_a_question() -> None:
    found = seen(CDO, Signs(hostname="apc3C4C01"))
    assert (found.id, found.confidence) == ("", 0.0)
    assert found.evidence == (
        "APC / Schneider UPS Network Management Card 2/3? host name: apc3C4C01",
        "SQL Server Database Mail, SSRS subscriptions? Subject: SQL Server Job System: 'nightly close' completed",
    )


def test_two_programs_have_no_one_name() -> None:
    assert seen(RICOH, Signs(x_mailer="Monit 5.33")) == Recognised()


def test_a_record_that_contradicts_itself_speaks_against_the_others() -> None:
    both = Signs(hostname=RICOH.hostname, message_id=CANON.message_id)
    assert seen(CANON, both) == seen(RICOH, both) == Recognised()


CANON = Signs(message_id="<20261124143312.0001.CanonTxNo.0042@Canon9A3C10>")


def test_a_name_from_the_dns_is_no_ground_to_act_on() -> None:
    found = agreed([Seen(RECOGNISER.recognise(RICOH), named=True)])
    assert (found.id, found.confidence) == ("ricoh-mfp", 0.5)
    assert found.confidence < SURE
    itself = agreed([Seen(RECOGNISER.recognise(RICOH), named=True), Seen(RECOGNISER.recognise(RICOH))])
    assert itself.confidence > 0.9


def test_a_message_id_counts_where_every_message_has_it() -> None:
    other = Signs(message_id="<TY1PR01MB0042AB@jpnprd01.prod.outlook.com>")
    assert seen(CANON, Signs()).confidence > 0.9
    assert (seen(CANON, other).id, seen(CANON, other).confidence) == ("canon-imagerunner", 0.5)


TRACE = (
    "Received",
    "SenderAddress",
    "RecipientAddress",
    "Subject",
    "Status",
    "FromIP",
    "Size",
    "MessageId",
    "MessageTraceId",
)


def traced(sender: str, ids: list[str]) -> str:
    return text(TRACE, [
        (f"2026-11-19T14:{n:02d}:00Z", sender, "anna@contoso.com", "x", "Delivered", "", 9000, each, guid(n))
        for n, each in enumerate(ids)
    ])  # fmt: skip


def test_the_inventory_keeps_a_message_of_each_shape(desk: Desk) -> None:
    """A relay's mailbox shows the Message-IDs of several makers; one of them alone would name it."""
    ids = [f"<2026111914331{n}.0001.CanonTxNo.004{n}@canon9a3c10>" for n in range(5)]
    others = [f"<48193{n}.20415812{n}-sendEmail@batch01>" for n in range(5)]
    desk.take(portal([signin(1, "relay@contoso.com")]), traced("relay@contoso.com", ids + others))
    (client,) = desk.inventory.clients()
    assert (client.product, client.evidence) == ("", ())


def test_a_device_that_always_makes_its_own_is_named(desk: Desk) -> None:
    ids = [f"<2026111914331{n}.0001.CanonTxNo.004{n}@canon9a3c10>" for n in range(5)]
    desk.take(portal([signin(1)]), traced("scan@contoso.com", ids))
    (client,) = desk.inventory.clients()
    assert client.product == "canon-imagerunner"
    assert client.confidence >= SURE


def test_one_that_makes_it_now_and_then_is_not_sure(desk: Desk) -> None:
    ids = ["<20261119143310.0001.CanonTxNo.0042@canon9a3c10>", "<TY1PR01MB0042AB7F@x.prod.outlook.com>"]
    desk.take(portal([signin(1)]), traced("scan@contoso.com", ids))
    (client,) = desk.inventory.clients()
    assert (client.product, client.confidence) == ("canon-imagerunner", 0.5)
