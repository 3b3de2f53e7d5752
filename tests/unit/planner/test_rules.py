"""Each rule at its edges: where it fits, where it does not, and what it says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mailferry.inventory.records import Authentication, Client, Fate, Finding, Severity, Switches
from mailferry.planner.case import Case
from mailferry.planner.decide import decide
from mailferry.planner.judgement import Fits, Judgement, Unfit
from mailferry.planner.rules import (
    connector,
    continues,
    direct_send,
    gateway_acs,
    gateway_graph,
    gateway_hve,
    gateway_onprem,
    gateway_smtp,
    idle,
    nowhere,
    own_graph,
    own_oauth,
    refused_only,
    unattributed,
    uncertain,
)
from mailferry.planner.values import Effort, Risk, Way
from support.plans import ALL_WAYS, PRODUCTS, case, client, seen, volume

MB = 1 << 20


def fit(judgement: Judgement) -> Fits:
    assert isinstance(judgement, Fits), judgement
    return judgement


def unfit(judgement: Judgement) -> str:
    assert isinstance(judgement, Unfit), judgement
    return judgement.reason.en


def known(product: str, **changes: Any) -> Client:
    return client(product=product, **({"confidence": 0.9} | changes))


class TestContinues:
    @pytest.mark.parametrize(
        ("authentication", "word"),
        [(Authentication.OAUTH, "OAuth already"), (Authentication.ANONYMOUS, "without"), (Authentication.BASIC, "not")],
    )
    def test_what_continues_needs_nothing(self, authentication: Authentication, word: str) -> None:
        judgement = fit(continues.judge(case(client(fate=Fate.CONTINUES, authentication=authentication))))
        assert judgement.way is Way.NOTHING
        assert word in judgement.reason.en

    @pytest.mark.parametrize("fate", [Fate.BREAKS, Fate.BROKEN, Fate.UNCERTAIN])
    def test_nothing_else_does(self, fate: Fate) -> None:
        assert continues.judge(case(client(fate=fate))) is None


class TestRefusedOnly:
    def test_only_refusals(self) -> None:
        one = client(fate=Fate.BROKEN, volume=volume(messages=0), failures=12)
        assert fit(refused_only.judge(case(one))).way is Way.ASK

    @pytest.mark.parametrize(
        "one",
        [
            client(fate=Fate.BROKEN, volume=volume(messages=1), failures=12),
            client(fate=Fate.BREAKS, volume=volume(messages=0), failures=12),
            client(fate=Fate.BROKEN, volume=volume(messages=0), failures=0),
        ],
    )
    def test_one_message_is_enough(self, one: Client) -> None:
        assert refused_only.judge(case(one)) is None

    def test_no_count_is_no_message(self) -> None:
        unknown = client(fate=Fate.BROKEN, volume=volume(messages=None), failures=12)
        assert fit(refused_only.judge(case(unknown))).way is Way.ASK
        reported = client(fate=Fate.BROKEN, volume=volume(messages=None, mailbox_messages=9), failures=12)
        assert refused_only.judge(case(reported)) is None


class TestIdle:
    def test_longer_than_set(self) -> None:
        judgement = fit(idle.judge(case(client(last_seen=seen(61)))))
        assert judgement.way is Way.RETIRE
        assert "2026-09-24, 61 days before the exports end" in judgement.reason.en
        assert "Set-CASMailbox c1@example.com" in judgement.steps[1].en

    def test_just_so_long(self) -> None:
        assert idle.judge(case(client(last_seen=seen(60)))) is None

    def test_no_last_day(self) -> None:
        assert idle.judge(case(client(last_seen=None))) is None

    def test_without_a_mailbox_there_is_no_switch(self) -> None:
        assert len(fit(idle.judge(case(client(sender="", last_seen=seen(90))))).steps) == 1


class TestUnattributed:
    def test_a_mailbox_and_no_more(self) -> None:
        assert fit(unattributed.judge(case(client(addresses=())))).way is Way.ASK

    @pytest.mark.parametrize("sign", [{"addresses": ("10.0.0.1",)}, {"names": ("RNP1",)}, {"product": "able"}])
    def test_any_sign_is_enough(self, sign: dict[str, Any]) -> None:
        assert unattributed.judge(case(client(**({"addresses": ()} | sign)))) is None


class TestUncertain:
    def test_says_what_settles_it(self) -> None:
        judgement = fit(uncertain.judge(case(client(fate=Fate.UNCERTAIN))))
        assert (judgement.way, judgement.risk) == (Way.ASK, Risk.HIGH)
        assert "Authentication Protocol" in judgement.steps[0].en

    def test_behind_a_relay_the_relay_decides(self) -> None:
        behind = client(fate=Fate.UNCERTAIN, findings=(Finding("behind-relay", Severity.WARNING),))
        judgement = fit(uncertain.judge(case(behind)))
        assert "how the relay signs in" in judgement.steps[0].en

    def test_what_breaks_is_certain(self) -> None:
        assert uncertain.judge(case(client())) is None


class TestOwnOauth:
    def test_a_device_needs_a_visit(self) -> None:
        judgement = fit(own_oauth.judge(case(known("able"))))
        assert (judgement.way, judgement.effort, judgement.risk) == (Way.OWN_OAUTH, Effort.MEDIUM, Risk.MEDIUM)
        assert "5.7" in judgement.steps[0].en
        assert judgement.source == "maker's list"

    def test_a_library_needs_code(self) -> None:
        assert fit(own_oauth.judge(case(known("coded")))).effort is Effort.LARGE

    def test_the_products_own_words(self) -> None:
        judgement = fit(own_oauth.judge(case(known("modern"))))
        assert (judgement.steps[0].en, judgement.risk) == ("Owner: go.", Risk.LOW)

    @pytest.mark.parametrize(
        ("product", "reason"),
        [
            ("unable", "cannot"),
            ("partly", "Only some"),
            ("dark", "not known"),
            ("rumoured", "no source confirms"),
            ("", "not recognised"),
        ],
    )
    def test_never_on_a_guess(self, product: str, reason: str) -> None:
        assert reason in unfit(own_oauth.judge(case(known(product))))

    def test_what_is_open_comes_first(self) -> None:
        judgement = fit(own_oauth.judge(case(known("doubtful"))))
        assert (judgement.steps[0].en, judgement.risk) == ("Look.", Risk.MEDIUM)

    def test_a_weak_sign_is_a_guess(self) -> None:
        assert "not recognised" in unfit(own_oauth.judge(case(known("able", confidence=0.59))))
        assert fit(own_oauth.judge(case(known("able", confidence=0.6))))

    def test_oauth_was_seen(self) -> None:
        judgement = fit(own_oauth.judge(case(client(authentication=Authentication.MIXED))))
        assert (judgement.effort, judgement.risk) == (Effort.SMALL, Risk.MEDIUM)

    def test_seen_from_what_cannot_is_another_program(self) -> None:
        assert "cannot" in unfit(own_oauth.judge(case(known("unable", authentication=Authentication.MIXED))))

    @pytest.mark.parametrize("versions", [("1.0",), ("1.1", "1.2")])
    def test_old_tls(self, versions: tuple[str, ...]) -> None:
        assert versions[0] in unfit(own_oauth.judge(case(known("able", tls=versions))))

    @pytest.mark.parametrize(
        ("peak", "most"),
        [("peak_minute", 30), ("peak_recipients_day", 10_000), ("most_recipients", 500), ("largest", 150 * MB)],
    )
    def test_published_limits(self, peak: str, most: int) -> None:
        assert fit(own_oauth.judge(case(known("able", volume=volume(**{peak: most})))))
        assert "Limit exceeded" in unfit(own_oauth.judge(case(known("able", volume=volume(**{peak: most + 1})))))

    def test_large_messages_need_a_larger_limit(self) -> None:
        judgement = fit(own_oauth.judge(case(known("able", volume=volume(largest=36 * MB)))))
        assert any("MaxSendSize" in step.en for step in judgement.steps)

    def test_the_switch_stops_oauth_too(self) -> None:
        judgement = fit(own_oauth.judge(case(known("able", switches=Switches(mailbox_disabled=True)))))
        assert "SmtpClientAuthenticationDisabled $false" in judgement.steps[0].en

    def test_who_does_not_sign_in_is_not_concerned(self) -> None:
        assert own_oauth.judge(case(client(sender=""))) is None

    def test_only_where_allowed(self) -> None:
        assert own_oauth.judge(case(known("able"), ways=(Way.GATEWAY_SMTP,))) is None


class TestOwnGraph:
    def test_what_has_one(self) -> None:
        judgement = fit(own_graph.judge(case(known("graphic"))))
        assert (judgement.way, judgement.effort) == (Way.OWN_GRAPH, Effort.MEDIUM)
        assert "Mail.Send for this mailbox only" in judgement.steps[0].en

    def test_what_has_none_is_no_news(self) -> None:
        assert own_graph.judge(case(known("able"))) is None
        assert own_graph.judge(case(known("graphic", confidence=0.5))) is None
        assert own_graph.judge(case(known("graphic"), ways=(Way.OWN_OAUTH,))) is None

    def test_the_mailboxes_limits_hold(self) -> None:
        assert "10,001" in unfit(own_graph.judge(case(known("graphic", volume=volume(peak_recipients_day=10_001)))))


class TestGatewaySmtp:
    def test_one_host_name(self) -> None:
        judgement = fit(gateway_smtp.judge(case()))
        assert (judgement.way, judgement.effort, judgement.risk) == (Way.GATEWAY_SMTP, Effort.SMALL, Risk.LOW)
        assert "mailferry.example.com, port 587" in judgement.steps[0].en

    def test_peaks_are_spread(self) -> None:
        judgement = fit(gateway_smtp.judge(case(client(volume=volume(peak_minute=61)))))
        assert "over 3 minutes" in judgement.limits[0].note.en
        assert judgement.risk is Risk.MEDIUM

    def test_envelopes_are_split(self) -> None:
        judgement = fit(gateway_smtp.judge(case(client(volume=volume(most_recipients=1001)))))
        assert any("in 3 parts" in check.note.en for check in judgement.limits)

    @pytest.mark.parametrize(
        ("peak", "most"), [("peak_recipients_day", 10_000), ("peak_day", 10_000), ("largest", 150 * MB)]
    )
    def test_a_day_and_a_size_are_not(self, peak: str, most: int) -> None:
        assert fit(gateway_smtp.judge(case(client(volume=volume(**{peak: most})))))
        assert "Limit exceeded" in unfit(gateway_smtp.judge(case(client(volume=volume(**{peak: most + 1})))))

    def test_old_tls_gets_its_listener(self) -> None:
        judgement = fit(gateway_smtp.judge(case(client(tls=("1.0",)))))
        assert "listener for old devices" in judgement.steps[0].en
        assert "port 2587" in judgement.steps[1].en

    def test_a_switch_that_is_off(self) -> None:
        off = client(switches=Switches(tenant_disabled=True))
        assert "Graph" in unfit(gateway_smtp.judge(case(off)))
        assert "$false" in fit(gateway_smtp.judge(case(off, ways=(Way.GATEWAY_SMTP,)))).steps[0].en
        large = replace(off, volume=volume(largest=4 * MB))
        assert "$false" in fit(gateway_smtp.judge(case(large))).steps[0].en
        on = client(switches=Switches(tenant_disabled=True, mailbox_disabled=False))
        assert "In its mail settings" in fit(gateway_smtp.judge(case(on))).steps[0].en

    def test_without_a_mailbox(self) -> None:
        assert "no mailbox" in unfit(gateway_smtp.judge(case(client(sender=""))))


class TestGatewayGraph:
    def test_small_messages(self) -> None:
        assert fit(gateway_graph.judge(case(client(volume=volume(largest=3 * MB))))).risk is Risk.LOW
        assert "size" in unfit(gateway_graph.judge(case(client(volume=volume(largest=3 * MB + 1)))))

    def test_an_unknown_size_is_a_risk(self) -> None:
        assert fit(gateway_graph.judge(case(client(volume=volume(largest=None))))).risk is Risk.MEDIUM

    def test_without_a_mailbox(self) -> None:
        assert "no mailbox" in unfit(gateway_graph.judge(case(client(sender=""))))


class TestGatewayHve:
    def test_inside_only(self) -> None:
        busy = volume(peak_minute=900, peak_recipients_day=90_000, most_recipients=120, largest=10 * MB)
        judgement = fit(gateway_hve.judge(case(client(volume=busy))))
        assert "in 3 parts" in judgement.limits[0].note.en

    @pytest.mark.parametrize(("outside", "word"), [(1, "writes outside"), (None, "not known")])
    def test_not_outside(self, outside: int | None, word: str) -> None:
        assert word in unfit(gateway_hve.judge(case(client(volume=volume(external_recipients=outside)))))

    def test_ten_megabytes(self) -> None:
        assert "size" in unfit(gateway_hve.judge(case(client(volume=volume(largest=10 * MB + 1)))))


class TestGatewayAcs:
    def test_the_default_quota(self) -> None:
        assert fit(gateway_acs.judge(case(client(volume=volume(peak_hour=100)))))
        assert "101" in unfit(gateway_acs.judge(case(client(volume=volume(peak_hour=101)))))

    def test_what_azure_granted(self) -> None:
        busy = client(volume=volume(peak_hour=5000, peak_day=20_000))
        assert fit(gateway_acs.judge(case(busy, acs_per_hour=5000)))


def test_an_exchange_server_takes_what_has_no_mailbox() -> None:
    assert fit(gateway_onprem.judge(case(client(sender="")))).way is Way.GATEWAY_ONPREM
    assert "size" in unfit(gateway_onprem.judge(case(client(volume=volume(largest=36 * MB + 1)))))


def test_a_connector_trusts_addresses() -> None:
    judgement = fit(connector.judge(case()))
    assert "10.1.2.3" in judgement.steps[0].en
    assert "No address" in unfit(connector.judge(case(client(addresses=(), names=("x",)))))
    assert "Limit" in unfit(connector.judge(case(client(volume=volume(most_recipients=201)))))


def test_direct_send_reaches_the_inside() -> None:
    assert fit(direct_send.judge(case())).risk is Risk.HIGH
    assert "outside" in unfit(direct_send.judge(case(client(volume=volume(external_recipients=None)))))


def test_nowhere_says_what_would_help() -> None:
    heavy = case(client(volume=volume(peak_recipients_day=25_000)))
    assert "3 mailboxes" in nowhere.judge(heavy).steps[0].en
    assert "High Volume Email" in nowhere.judge(heavy).steps[1].en
    assert nowhere.judge(case()).way is Way.ASK


class TestDecide:
    def test_the_client_first(self) -> None:
        decision = decide(case(known("able")))
        assert decision.fits.way is Way.OWN_OAUTH
        refused = {other.way: other.reason.en for other in decision.refused}
        assert set(refused) == set(ALL_WAYS) - {Way.OWN_OAUTH, Way.OWN_GRAPH}
        assert "would do as well" in refused[Way.GATEWAY_SMTP]

    def test_the_gateway_first(self) -> None:
        decision = decide(case(known("able"), prefer="gateway"))
        assert decision.fits.way is Way.GATEWAY_SMTP
        assert Way.OWN_OAUTH in {other.way for other in decision.refused}

    def test_too_much_for_a_mailbox_goes_by_what_has_no_limit(self) -> None:
        busy = client(volume=volume(peak_recipients_day=50_000))
        assert decide(case(busy)).fits.way is Way.GATEWAY_HVE
        outside = client(volume=volume(peak_recipients_day=50_000, external_recipients=9))
        assert decide(case(outside)).fits.way is Way.GATEWAY_ONPREM

    def test_nothing_fits(self) -> None:
        heavy = case(client(volume=volume(peak_recipients_day=50_000, external_recipients=9)), ways=(Way.GATEWAY_SMTP,))
        decision = decide(heavy)
        assert (decision.rule, decision.fits.way) == ("nowhere", Way.ASK)
        assert "50,000" in decision.refused[0].reason.en

    def test_evidence(self) -> None:
        lines = decide(case(known("able", evidence=("EHLO XRX1",), errors=("535 5.7.3",)))).evidence
        assert "product: Able MFP (90%)" in lines
        assert "messages: 300 / 30 d" in lines
        assert "refusal: 535 5.7.3" in lines
        assert lines[-1] == "EHLO XRX1"

    def test_what_is_not_divided_among_devices_is_told_as_a_bound(self) -> None:
        shared = volume(messages=None, window_days=None, mailbox_messages=1900)
        assert "messages: ≤ 1,900" in decide(case(client(volume=shared))).evidence
        assert decide(case(client(volume=shared))).risk is Risk.LOW

    def test_the_unknown_is_no_small_risk(self) -> None:
        assert decide(case(client(volume=volume(messages=None)))).risk is Risk.MEDIUM
        assert decide(case(client())).risk is Risk.LOW


def test_limits_bind_the_mailbox_not_the_client() -> None:
    from mailferry.planner.make import make
    from mailferry.planner.settings import PlanSettings
    from support.plans import TODAY

    half = volume(peak_recipients_day=6000)
    both = [client(name, sender="shared@example.com", volume=half) for name in ("c1", "c2")]
    plan = make(both, PRODUCTS, PlanSettings(ways=(Way.GATEWAY_SMTP,)), TODAY)
    assert {item.way for item in plan.items} == {Way.ASK}
    assert {item.way for item in make(both[:1], PRODUCTS, PlanSettings(), TODAY).items} == {Way.GATEWAY_SMTP}


def test_a_case_of_two_volumes_is_careful() -> None:
    from mailferry.planner.case import together

    both = together([volume(), volume(external_recipients=None, largest=5, messages=None)])
    assert (both.external_recipients, both.largest, both.messages, both.peak_minute) == (None, 2_000_000, 300, 10)
    assert together([volume(), volume(external_recipients=4)]).external_recipients == 4


def test_a_case_names_the_oldest_tls() -> None:
    assert isinstance(case(), Case)
    assert [case(client(tls=tls)).old_tls for tls in (("1.1", "1.0"), ("1.2", "1.3"), ())] == ["1.0", "", ""]
