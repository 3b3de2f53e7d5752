"""The truth says what a person would say of each client."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mailferry.sample import truth
from mailferry.sample.run import Request, write

Truth = dict[str, Any]


def of(told: Truth, kind: str) -> dict[str, Any]:
    entry: dict[str, Any] = next(entry for entry in told["clients"] if entry["kind"] == kind)
    return entry


@pytest.mark.parametrize(
    ("kind", "fate", "way"),
    [
        ("mfp", "breaks", None),
        ("scanner-old", "breaks", "gateway-smtp"),
        ("erp-oauth", "continues", "nothing"),
        ("app-only", "continues", "nothing"),
        ("mixed", "breaks", "own-oauth"),
        ("relay-device", "continues", "nothing"),
        ("postfix-host", "continues", "nothing"),
        ("direct-send", "continues", "nothing"),
        ("stale", "breaks", "retire"),
        ("quarterly", "breaks", "ask"),
        ("wrong-password", "broken", "own-oauth"),
        ("ca-blocked", "broken", "own-oauth"),
        ("switched-off", "broken", "ask"),
        ("policy-blocked", "broken", "ask"),
        ("erp-invoice", "breaks", "gateway-onprem"),
        ("payslip", "breaks", "gateway-hve"),
    ],
)
def test_fates_and_ways(told: Truth, kind: str, fate: str, way: str | None) -> None:
    entry = of(told, kind)
    assert entry["fate"] == fate
    if way is not None and not (kind == "wrong-password" and entry["oauth"] != "yes"):
        assert entry["ways"][0] == way


def test_what_is_over_a_limit_is_over_it(told: Truth) -> None:
    assert of(told, "erp-batch")["trace"]["peak_minute"] > 30
    for kind in ("erp-invoice", "payslip"):
        assert of(told, kind)["trace"]["peak_recipients_day"] > 10_000
        assert "over-recipient-rate" in of(told, kind)["findings"]
    assert of(told, "payslip")["trace"]["external"] == 0
    assert of(told, "erp-invoice")["trace"]["external"] == of(told, "erp-invoice")["trace"]["recipients"]
    assert of(told, "plotter")["trace"]["largest"] > 10_000_000


def test_the_refused_are_refused_all_through_the_window(told: Truth) -> None:
    for kind, code in (("wrong-password", 50126), ("ca-blocked", 53003)):
        signins = of(told, kind)["signins"]
        assert signins["basic"] == 0
        assert signins["failures"] > 0
        assert signins["errors"] == [code]


def test_who_is_known_to_the_report_only(told: Truth) -> None:
    for kind in ("forgotten", "quarterly", "switched-off", "policy-blocked"):
        entry = of(told, kind)
        assert entry["sources"] == ["report"]
        assert entry["last_seen"] is None
        assert "report-only" in entry["findings"]


def test_a_shared_mailbox_has_several_devices_at_several_addresses(told: Truth) -> None:
    shared = [entry for entry in told["clients"] if entry["kind"] == "mfp-shared"]
    assert len({entry["mailbox"] for entry in shared}) < len(shared)
    places = [address for entry in shared for address in entry["addresses"]]
    assert len(set(places)) == len(places)


@pytest.mark.parametrize("until", [date(2026, 10, 15), date(2027, 1, 4), date(2026, 5, 7)])
def test_whatever_the_day_the_silent_are_known_to_somebody(tmp_path: Path, until: date) -> None:
    write(tmp_path / "s", Request(50, 5, until=until, variants=False))
    told = truth.read(tmp_path / "s" / "truth.json")
    assert "signins" in of(told, "stale")["sources"]
    for kind in ("forgotten", "quarterly", "switched-off", "policy-blocked"):
        assert of(told, kind)["sources"] == ["report"]
