"""Limits carry their source, and the formula gives the published figures."""

from __future__ import annotations

import dataclasses

import pytest

from mailferry.m365.facts import Mark
from mailferry.m365.limits import (
    azure_communication,
    exchange_online,
    exchange_relay,
    graph,
    high_volume_email,
    tenant_external_recipients,
    tenant_mx,
)


def test_exchange_online() -> None:
    limits = exchange_online()
    assert limits.messages_per_minute.value == 30
    assert limits.connections.value == 3
    assert limits.recipients_per_day.value == 10_000
    assert limits.recipients_per_message.value == 500
    assert limits.message_size_advertised.value == 150 * 1024 * 1024
    assert limits.message_size.value == 35 * 1024 * 1024


def test_high_volume_email_takes_fifty_recipients_of_ten_megabytes() -> None:
    assert high_volume_email().recipients_per_message.value == 50
    assert high_volume_email().message_size.value == 10 * 1024 * 1024


def test_azure_communication_counts_by_the_minute_and_by_the_hour() -> None:
    assert azure_communication().messages_per_minute.value == 30
    assert azure_communication().messages_per_hour.value == 100
    assert azure_communication().recipients_per_message.value == 50


def test_an_exchange_relay_takes_twenty_connections_of_one_source() -> None:
    assert exchange_relay().connections.value == 20
    assert exchange_relay().message_size.value == 36 * 1024 * 1024


@pytest.mark.parametrize(
    "limits", [exchange_online, high_volume_email, azure_communication, exchange_relay, tenant_mx, graph]
)
def test_every_limit_has_a_source_a_mark_and_a_unit(limits) -> None:  # type: ignore[no-untyped-def]
    value = limits()
    for field in dataclasses.fields(value):
        fact = getattr(value, field.name)
        assert fact.value >= 0
        assert fact.unit
        assert fact.source.title
        assert isinstance(fact.mark, Mark)
        assert bool(fact.note.en) == bool(fact.note.ja)


@pytest.mark.parametrize(
    ("licences", "recipients"), [(1, 10_000), (25, 14_259), (100, 22_059), (500, 48_248), (1000, 72_446)]
)
def test_the_tenant_limit_follows_the_published_formula(licences: int, recipients: int) -> None:
    assert tenant_external_recipients(licences).value == recipients


def test_a_trial_tenant_has_five_thousand() -> None:
    assert tenant_external_recipients(1000, trial=True).value == 5000
    assert tenant_external_recipients(0).value == 5000
