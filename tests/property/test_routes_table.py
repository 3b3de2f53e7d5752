"""Route choice is total, and order matters only among rules that match."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailferry.routes.settings import RuleSettings
from mailferry.routes.table import Exit, RouteTable, Rule

EXITS = [Exit("exo", True), Exit("fixed", True, "scan@contoso.example"), Exit("relay", False)]
routes = st.sampled_from([way.name for way in EXITS])
patterns = st.sampled_from(
    ["*", "*@*", "<>", "a@contoso.example", "*@contoso.example", "a@*", "a*@*.example", "*@bücher.example"]
)
words = st.one_of(st.lists(patterns, max_size=3), st.sampled_from([["internal"], ["external"]]))
rules = st.builds(
    RuleSettings,
    clients=st.lists(st.sampled_from(["erp", "scan"]), max_size=2),
    senders=st.lists(patterns, max_size=2),
    recipients=words,
    route=routes,
)
addresses = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["", "a@contoso.example", "A@Contoso.Example", "b@bücher.example", "postmaster"]),
)
queries = st.fixed_dictionaries(
    {
        "client": st.sampled_from(["erp", "scan", "fax"]),
        "client_route": st.one_of(st.none(), routes, st.just("gone")),
        "sender": addresses,
        "mailbox": addresses,
        "recipient": addresses,
    }
)


def table(settings: list[RuleSettings]) -> RouteTable:
    return RouteTable(EXITS, [Rule.of(rule) for rule in settings], "relay", ["contoso.example"])


@given(st.lists(rules, max_size=5), queries)
def test_choice_is_total_and_explained(settings, query):
    choice = table(settings).choose(**query)
    why = table(settings).explain(**query)
    assert why.choice == choice
    assert choice.route in {way.name for way in EXITS}
    if choice.route == "relay":
        assert choice.mailbox == ""
    if choice.route == "fixed":
        assert choice.mailbox == "scan@contoso.example"


@given(st.lists(rules, max_size=5), queries)
def test_only_the_first_matching_rule_matters(settings, query):
    """Rules before it that do not match, and all after it, may go without changing the choice."""
    why = table(settings).explain(**query)
    if why.rule is None:
        assert table([]).choose(**query) == why.choice
    else:
        assert table(settings[why.rule - 1 : why.rule]).choose(**query) == why.choice
        assert table(settings[: why.rule]).choose(**query) == why.choice
