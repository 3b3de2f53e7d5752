"""The tenant from the inventory: as exported, with what follows from what was seen, and no real password."""

from __future__ import annotations

from datetime import date

from mailferry.inventory.records import Client, Fate, Finding, Severity, Switches, Volume
from mailferry.rehearsal import words
from mailferry.rehearsal.tenant import Estate, estate, wrong_password
from mailferry.sandbox.decide import may_send_as, smtp_switch
from mailferry.sandbox.tenant import Tenant

ID = "5a4db0c5-0000-4000-8000-000000000100"
REFUSED = (Finding("refused-today", Severity.PROBLEM, {}),)


def of(*clients: Client) -> Estate:
    return estate(clients, ("x.example",), ID, "made-up")


def client(sender: str = "a@x.example", **changes: object) -> Client:
    return Client(sender, sender=sender, **changes)  # type: ignore[arg-type]


def test_mailboxes_and_domains() -> None:
    tenant = of(client(), client("b@other.example")).tenant
    assert tenant.domains == ("x.example", "other.example")
    assert {box.password for box in tenant.mailboxes.values()} == {"made-up", ""}
    assert tenant.mailboxes["a@x.example"].password == "made-up"


def test_switches_are_tri_state() -> None:
    boxes = [client(f"{n}@x.example", switches=Switches(True, own)) for n, own in enumerate((None, False, True))]
    tenant = of(*boxes).tenant
    stopped = [smtp_switch(tenant, tenant.mailboxes[box.sender]) is not None for box in boxes]
    assert stopped == [True, False, True]
    assert words.SWITCH not in of(*boxes).assumed
    assert words.SWITCH in of(client()).assumed


def test_policies() -> None:
    blocks = client(switches=Switches(policy="Block", policy_blocks_basic=True))
    unknown = client("b@x.example", switches=Switches(policy="Other"))
    tenant = of(blocks, unknown).tenant
    allowed = {name: policy.allow_basic_auth_smtp for name, policy in tenant.authentication_policies.items()}
    assert allowed == {"Block": False, "Other": True}


def test_old_tls_was_let_in() -> None:
    assert of(client(tls=("1.0",))).tenant.allow_legacy_tls_clients is True
    assert of(client(tls=("1.2",))).tenant.allow_legacy_tls_clients is None


def test_refusals_of_today() -> None:
    def refused(error: str) -> Client:
        return client(fate=Fate.BROKEN, findings=REFUSED, errors=(error,))

    def box(error: str) -> tuple[bool, bool, bool]:
        one = refused(error)
        made = of(one).tenant.mailboxes[one.sender]
        return made.requires_mfa, made.account_locked, wrong_password(one)

    assert box("53003 Access has been blocked") == (True, False, False)
    assert box("50053 Locked") == (False, True, False)
    assert box("50126 Error validating credentials") == (False, False, True)
    strange = refused("7000999 Something new")
    assert of(strange).unlike == {strange.id}
    assert not wrong_password(client(errors=("50126 a slip",))), "it is let in otherwise"


def test_who_sent_as_another_may() -> None:
    tenant: Tenant = of(client(senders=("b@x.example", "c@elsewhere.example"))).tenant
    assert may_send_as(tenant, tenant.mailboxes["a@x.example"], "b@x.example")
    assert not may_send_as(tenant, tenant.mailboxes["a@x.example"], "c@elsewhere.example")


def test_limits_that_were_passed_had_been_raised() -> None:
    box = of(client(volume=Volume(largest=60 << 20, most_recipients=800))).tenant.mailboxes["a@x.example"]
    assert box.max_send_size > 60 << 20
    assert box.recipient_limits == 800
    assert of(client()).tenant.created < date(2027, 1, 1), "no new tenant"
