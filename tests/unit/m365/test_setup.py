"""The setup scripts: whole, in both languages, with an undo, and safe from the values they are filled with."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.m365.setup import ROUTES, SetupError, Values, script
from mailferry.m365.setup.quote import powershell, shell
from mailferry.m365.setup.render import CLOUDS
from support import powershell as ps

FIELDS = [one for one in fields(Values) if one.name != "cloud"]  # that one is a word of ours, and no text
FULL = Values(
    **{
        one.name: ("a@example.com", "b@example.com")
        if one.default == ()
        else True
        if one.default is False
        else f"v-{one.name}"
        for one in FIELDS
    }
)
MAKERS = (
    "New-Mg", "New-ServicePrincipal", "New-ManagementScope", "New-InboundConnector", "New-ReceiveConnector",
    "New-AuthenticationPolicy", "New-DistributionGroup",
)  # fmt: skip
TEXTS = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=40) | st.sampled_from(
    ["'; Remove-Mailbox *; '", "\u2019; iex 1; \u2019", "$(id)", "`id`", '"; rm -rf /; "', "a'b", "--x", "\\", "${IFS}"]
)


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("values", [FULL, Values()], ids=["full", "empty"])
@pytest.mark.parametrize("route", ROUTES)
def test_each_script_is_whole(route: str, values: Values, language: str) -> None:
    for one in script(route, values, language):
        assert "<<" not in one.text
        assert "#en" not in one.text
        assert "#ja" not in one.text
        if one.name.endswith(".ps1"):
            assert ps.cmdlets(one.text)
        else:
            subprocess.run(["bash", "-n"], input=one.text, text=True, check=True)
        japanese = any("\u3040" <= char <= "\u30ff" for char in one.text)
        assert japanese == (language == "ja")
        assert not one.missing if values is FULL else one.missing


@pytest.mark.parametrize("route", ROUTES)
def test_each_can_be_undone_and_says_so(route: str) -> None:
    for one in script(route, FULL):
        assert "undo" in one.text.lower().split("source:")[0], "the head says how"
        if one.name.endswith(".ps1"):
            assert "if ($Undo)" in one.text
            assert "[switch]$Undo" in one.text


@pytest.mark.parametrize("route", ROUTES)
def test_what_makes_something_looks_first_whether_it_is_there(route: str) -> None:
    for one in script(route, FULL):
        for line in one.text.splitlines():
            makes = [name for name in MAKERS if name in line]
            if makes and not line.startswith("#"):
                assert "if (" in line or "else {" in line or line.startswith(" "), line


def test_a_script_with_gaps_refuses_to_run() -> None:
    first, second = script("smtp-rbac", Values(tenant_id="t"))
    assert first.missing == ()
    assert second.missing == ("client_id", "object_id", "mailboxes")
    assert "throw 'Fill in first, then delete this line: client_id, object_id, mailboxes'" in second.text
    acs = script("acs", Values())[1]
    done = subprocess.run(
        [shutil.which("bash") or "bash"],
        input=acs.text,
        text=True,
        capture_output=True,
        check=False,
        env={"PATH": "/nowhere"},
    )
    assert done.returncode == 2
    assert "subscription" in done.stderr


@pytest.mark.parametrize(
    ("route", "values", "roles"),
    [
        ("graph", {}, ["Mail.Send"]),
        ("graph", {"large": True}, ["Mail.Send", "Mail.ReadWrite"]),
        ("graph", {"large": True, "read": True}, ["Mail.Send", "Mail.ReadWrite", "Mail.Read"]),
        ("smtp-rbac", {}, ["SMTP.SendAsApp"]),
        ("smtp-rbac", {"read": True}, ["SMTP.SendAsApp", "Mail.Read"]),
    ],
)
def test_a_right_is_granted_only_where_asked_for(route: str, values: dict[str, bool], roles: list[str]) -> None:
    text = script(route, replace(Values(), **values))[1].text
    [line] = [one for one in text.splitlines() if one.startswith("$Roles =")]
    # What follows @('' | Where-Object { $_ -eq 'yes' } ... gives nothing.
    given = [one.rpartition("'Application ")[2].partition("'")[0] for one in line.split(" + ") if "@(''" not in one]
    assert given == roles


def test_what_several_scripts_share_is_the_same_in_each() -> None:
    graph, smtp = (script(route, FULL)[1].text for route in ("graph", "smtp-rbac"))
    shared = graph[graph.index("if ($Undo)") : graph.index("# Application Mail.ReadWrite")]
    assert shared in smtp
    assert "Application Mail.Read'" in shared, "undoing takes every role away that keeps the scope in use"


@pytest.mark.parametrize("route", ["smtp-rbac", "smtp-permission", "graph"])
def test_the_message_trace_has_a_script_of_its_own(route: str) -> None:
    names = [one.name for one in script(route, replace(FULL, trace=False))]
    assert "3-trace.ps1" not in names
    text = script(route, FULL)[2].text
    assert "ExchangeMessageTrace.Read.All" in text
    assert "8bd644d1-64a1-4d4b-ae52-2e0cbf64e373" in text
    assert "has published no role or scope" in text
    with pytest.raises(SetupError, match="worldwide cloud only"):
        script(route, replace(FULL, cloud="china"))


def test_no_permission_is_consented_to_where_a_scope_is_made() -> None:
    for route in ("smtp-rbac", "graph"):
        for one in script(route, replace(FULL, trace=False)):
            assert "New-MgServicePrincipalAppRoleAssignment" not in one.text


@given(TEXTS)
def test_powershell_reads_what_was_written(text: str) -> None:
    assert [(kind, value) for kind, value in ps.tokens(powershell(text))] == [("literal", text)]


@given(TEXTS, st.sampled_from(sorted(ROUTES)))
def test_a_hostile_value_stays_a_value(text: str, route: str) -> None:
    hostile = Values(**{one.name: (text, text) if one.default == () else text for one in FIELDS if one.name != "large"})
    tame = Values(**{one.name: ("x", "x") if one.default == () else "x" for one in FIELDS if one.name != "large"})
    for evil, good in zip(script(route, hostile), script(route, tame), strict=True):
        if evil.name.endswith(".ps1"):
            kinds = [[kind for kind, _ in ps.tokens(one.text)] for one in (evil, good)]
            assert kinds[0] == kinds[1]
            assert [one if one != text else "x" for one in ps.literals(evil.text)] == ps.literals(good.text)


@pytest.mark.parametrize("text", ["'; id; '", "$(id)", "`id`", "a\\", "-n", "*", "~", "é ü", "\u2019"])
def test_a_shell_reads_what_was_written(text: str) -> None:
    bash = shutil.which("bash")
    assert bash
    done = subprocess.run([bash, "-c", f"printf %s {shell(text)}"], capture_output=True, text=True, check=True)
    assert done.stdout == text


@pytest.mark.parametrize("text", ["a\nb", "a\0", "a\x1b[0m", "a\u2028b"])
def test_control_characters_are_refused(text: str) -> None:
    with pytest.raises(SetupError):
        script("connector", Values(connector=text))


def test_the_stop_gap_says_what_microsoft_has_not_published() -> None:
    [one] = script("basic", FULL)
    assert "Not yet documented by Microsoft" in one.text


@pytest.mark.parametrize(("cloud", "exchange", "graph"), [(name, *words) for name, words in CLOUDS.items()])
@pytest.mark.parametrize("route", sorted(set(ROUTES) - {"acs", "onprem", "trace"}))
def test_each_connection_is_to_the_tenants_own_cloud(route: str, cloud: str, exchange: str, graph: str) -> None:
    lines = "\n".join(one.text for one in script(route, Values(cloud=cloud))).splitlines()
    connects = [line.split() for line in lines if line.lstrip().startswith(("Connect-Exch", "Connect-Mg"))]
    assert connects
    for command, option, value, *_ in connects:
        wanted = ("-ExchangeEnvironmentName", exchange) if "Exchange" in command else ("-Environment", graph)
        assert ((option, value) == wanted) if exchange else option not in ("-ExchangeEnvironmentName", "-Environment")


def test_a_cloud_that_is_none() -> None:
    with pytest.raises(SetupError, match="no cloud"):
        script("graph", Values(cloud="mars"))
    with pytest.raises(SetupError, match="worldwide cloud only"):
        script("acs", Values(cloud="china"))
