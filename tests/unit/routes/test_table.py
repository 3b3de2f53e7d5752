"""Route choice: rules in order, then the client's route, then the default."""

from __future__ import annotations

import pytest

from mailferry.routes.settings import RouteSettings, RouteType, RoutingSettings, RuleSettings
from mailferry.routes.table import Choice, Exit, RouteTable, Rule

EXO = RouteSettings(name="exo", type=RouteType.EXCHANGE_SMTP, tenant="contoso")
FIXED = RouteSettings(name="fixed", type=RouteType.EXCHANGE_SMTP, tenant="contoso", mailbox="Scan@Contoso.example")
RELAY = RouteSettings(name="relay", type=RouteType.SMARTHOST, host="relay.example")


def table(*rules: RuleSettings, default: str | None = "exo") -> RouteTable:
    routing = RoutingSettings(default_route=default)
    return RouteTable.of([EXO, FIXED, RELAY], rules, routing, accepted=["contoso.example", "bücher.example"])


def choose(of: RouteTable, **given: str | None) -> Choice:
    query: dict[str, str | None] = {
        "client": "erp",
        "client_route": None,
        "sender": "erp@contoso.example",
        "mailbox": "erp@contoso.example",
        "recipient": "ann@fabrikam.example",
    }
    return of.choose(**(query | given))  # type: ignore[arg-type]


def test_without_rules_the_default_route_is_taken():
    assert choose(table()) == Choice("exo", "erp@contoso.example")


def test_the_clients_route_comes_before_the_default():
    assert choose(table(), client_route="relay") == Choice("relay", "")


def test_a_clients_route_that_is_gone_falls_back_to_the_default():
    assert choose(table(), client_route="removed").route == "exo"


def test_a_rule_comes_before_the_clients_route():
    assert choose(table(RuleSettings(route="fixed")), client_route="relay").route == "fixed"


def test_the_first_matching_rule_decides():
    rules = (
        RuleSettings(route="fixed", senders=("*@elsewhere.example",)),
        RuleSettings(route="relay", clients=("erp", "scan")),
        RuleSettings(route="exo"),
    )
    assert choose(table(*rules)).route == "relay"


def test_all_stated_conditions_must_hold():
    rule = RuleSettings(route="relay", clients=("erp",), senders=("erp@*",), recipients=("*@fabrikam.example",))
    assert choose(table(rule)).route == "relay"
    assert choose(table(rule), client="scan").route == "exo"
    assert choose(table(rule), sender="scan@contoso.example").route == "exo"
    assert choose(table(rule), recipient="ann@contoso.example").route == "exo"


@pytest.mark.parametrize(
    ("recipient", "inside"),
    [
        ("ann@contoso.example", True),
        ("ann@CONTOSO.example.", True),
        ("ann@bücher.example", True),
        ("ann@xn--bcher-kva.example", True),
        ("ann@sub.contoso.example", False),
        ("ann@fabrikam.example", False),
        ("postmaster", False),
    ],
)
def test_internal_means_an_accepted_domain(recipient: str, inside: bool):
    assert choose(table(RuleSettings(route="relay", recipients=("internal",))), recipient=recipient).route == (
        "relay" if inside else "exo"
    )
    assert choose(table(RuleSettings(route="relay", recipients=("external",))), recipient=recipient).route == (
        "exo" if inside else "relay"
    )


def test_internal_and_external_together_are_everybody():
    rule = RuleSettings(route="relay", recipients=("internal", "external"))
    assert choose(table(rule)).route == choose(table(rule), recipient="ann@contoso.example").route == "relay"


def test_the_null_sender_has_its_own_pattern():
    rule = RuleSettings(route="relay", senders=("<>",))
    assert choose(table(rule), sender="").route == "relay"
    assert choose(table(rule)).route == "exo"


def test_a_fixed_mailbox_overrules_the_clients_and_spelling_makes_no_second_lane():
    assert choose(table(), client_route="fixed") == Choice("fixed", "scan@contoso.example")
    assert choose(table(), mailbox="ERP@Contoso.Example").lane == "exo/erp@contoso.example"


def test_a_route_without_mailboxes_is_one_lane():
    assert choose(table(), client_route="relay").lane == "relay"


def test_explain_tells_why():
    rules = (RuleSettings(route="relay", clients=("scan",)), RuleSettings(route="fixed", recipients=("internal",)))
    query = {"client": "erp", "sender": "", "mailbox": "m@contoso.example"}
    why = table(*rules).explain(**query, client_route=None, recipient="ann@contoso.example")
    assert (why.choice.route, why.rule) == ("fixed", 2)
    assert why.reason == "rule 2 matches (recipient inside the accepted domains)"
    why = table(*rules).explain(**query, client_route="relay", recipient="x@y.example")
    assert (why.choice.route, why.rule, why.reason) == ("relay", None, "no rule matches; the route of client erp")
    why = table(*rules).explain(**query, client_route="gone", recipient="x@y.example")
    assert why.reason == "no rule matches and there is no route gone; the default route"
    why = table(*rules).explain(**query, client_route=None, recipient="x@y.example")
    assert why.reason == "no rule matches; the default route"
    why = table(RuleSettings(route="fixed")).explain(**query, client_route=None, recipient="x@y.example")
    assert why.reason == "rule 1 matches (every message)"


def test_rules_and_the_default_must_name_routes_that_exist():
    with pytest.raises(ValueError, match="there is no route 'nowhere'"):
        RouteTable([Exit("exo", True)], [Rule(route="nowhere")], "exo", [])
    with pytest.raises(ValueError, match="there is no route 'nowhere'"):
        table(default="nowhere")


def test_one_route_needs_no_default():
    only = RouteTable.of([RELAY], [], RoutingSettings(), [])
    assert choose(only).route == "relay"
    with pytest.raises(ValueError, match="default_route must name one"):
        table(default=None)


# -- routes that do not reach everybody -------------------------------------------------------------------------------

HVE = RouteSettings(name="hve", type=RouteType.HVE, tenant="contoso", mailbox="bulk@contoso.example")
REACH = {"hve": frozenset({"contoso.example"})}
INSIDE = "ann@CONTOSO.example"


def limited(*rules: RuleSettings, default: str = "exo") -> RouteTable:
    routing = RoutingSettings(default_route=default)
    return RouteTable.of([EXO, RELAY, HVE], rules, routing, ["contoso.example", "other.example"], REACH)


def test_a_rule_whose_route_does_not_reach_the_recipient_is_passed_over():
    of = limited(RuleSettings(route="hve", clients=("erp",)), RuleSettings(route="relay", clients=("erp",)))
    assert choose(of, recipient=INSIDE) == Choice("hve", "bulk@contoso.example")
    assert choose(of).route == "relay"
    assert choose(of, client="scan").route == "exo"


def test_another_tenants_domain_is_internal_but_out_of_reach():
    of = limited(RuleSettings(route="hve", recipients=("internal",)))
    assert choose(of, recipient="ann@other.example").route == "exo"


def test_a_clients_route_that_does_not_reach_falls_back_to_the_default():
    of = limited()
    assert choose(of, client_route="hve", recipient=INSIDE).route == "hve"
    assert choose(of, client_route="hve").route == "exo"
    told = of.explain(client="erp", client_route="hve", sender="", mailbox="", recipient="ann@fabrikam.example")
    assert told.reason == "no rule matches and hve does not reach fabrikam.example; the default route"


def test_the_default_route_is_the_last_resort():
    assert choose(limited(default="hve")).route == "hve"
