"""The inventory against an organisation whose truth is known: every export of it, in every form, joined.

The exports are written and the truth is counted by `mailferry.sample`, which shares no code with the readers.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from mailferry.clock import ManualClock
from mailferry.inventory.records import Client
from mailferry.inventory.store import Inventory
from mailferry.sample import truth
from mailferry.sample.run import Request, write

VARIANTS = ("older", "list", "pages", "de-utf16", "ja-cp932", "en-us")
AFTER = date(2027, 1, 1)

Entry = dict[str, Any]


class Joined:
    """What the inventory says, beside what is true, by mailbox; and by address where nobody signs in."""

    def __init__(self, clients: tuple[Client, ...], told: dict[str, Any]) -> None:
        self.clients: dict[str, list[Client]] = defaultdict(list)
        for client in clients:
            self.clients[client.sender].append(client)
        self.entries: dict[str, list[Entry]] = defaultdict(list)
        for entry in told["clients"]:
            if entry["sources"]:
                self.entries[entry["mailbox"]].append(entry)

    def mailboxes(self) -> Iterator[tuple[str, list[Client], list[Entry]]]:
        for mailbox, entries in self.entries.items():
            if mailbox:
                yield mailbox, self.clients[mailbox], entries


def joined(paths: list[Path], state: Path, told: dict[str, Any]) -> Joined:
    with Inventory(state, ManualClock(datetime(2026, 11, 24, tzinfo=UTC))) as inventory:
        inventory.import_paths(paths)
        return Joined(inventory.clients(AFTER), told)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("organisation") / "sample"
    write(directory, Request(60, 3, "ja"))
    return directory


@pytest.fixture(scope="module")
def told(sample: Path) -> dict[str, Any]:
    return truth.read(sample / "truth.json")


@pytest.fixture(scope="module")
def whole(sample: Path, told: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Joined:
    """Everything, as an administrator would hand it over: the folder."""
    return joined([sample / "exports"], tmp_path_factory.mktemp("state"), told)


def test_every_sender_is_found_and_nobody_else(whole: Joined) -> None:
    assert set(whole.clients) == set(whole.entries)


def test_each_is_where_it_was_seen(whole: Joined) -> None:
    for mailbox, clients, entries in whole.mailboxes():
        found = {address for client in clients for address in client.addresses}
        assert found == {address for entry in entries for address in entry["addresses"]}, mailbox


def test_each_signs_in_as_it_does(whole: Joined) -> None:
    for mailbox, clients, entries in whole.mailboxes():
        assert {client.authentication.value for client in clients} == {entries[0]["authentication"]}, mailbox


def test_what_breaks_is_found_and_nothing_else(whole: Joined) -> None:
    said = {sender: {client.fate.value for client in clients} for sender, clients in whole.clients.items()}
    assert said == {mailbox: {entry["fate"] for entry in entries} for mailbox, entries in whole.entries.items()}
    assert {fate for fates in said.values() for fate in fates} == {"breaks", "broken", "continues"}


def test_tls_is_as_the_report_says(whole: Joined) -> None:
    for mailbox, clients, entries in whole.mailboxes():
        sent = {entry["tls"] for entry in entries if sum(entry["messages"].values())}
        assert {version for client in clients for version in client.tls} == sent, mailbox


def test_volumes_and_peaks(whole: Joined) -> None:
    compared = 0
    for mailbox, clients, entries in whole.mailboxes():
        if len(clients) > 1 or len(entries) > 1 or not entries[0]["trace"]["messages"]:
            continue
        compared += 1
        volume, seen = clients[0].volume, entries[0]["trace"]
        assert volume.messages == sum(entries[0]["messages"].values()), mailbox
        assert volume.peak_minute == seen["peak_minute"], mailbox
        assert volume.peak_hour == seen["peak_hour"], mailbox
        assert volume.peak_day == seen["peak_day"], mailbox
        assert volume.recipients == seen["recipients"], mailbox
        assert volume.peak_recipients_day == seen["peak_recipients_day"], mailbox
        assert volume.most_recipients == seen["most_recipients"], mailbox
        assert volume.external_recipients == seen["external"], mailbox
        assert volume.largest == seen["largest"], mailbox
    assert compared > 20


def test_times_failures_and_owners(whole: Joined) -> None:
    for mailbox, clients, entries in whole.mailboxes():
        failures = sum(entry["signins"]["failures"] + entry["signins"]["archived_failures"] for entry in entries)
        assert sum(client.failures for client in clients) == failures, mailbox
        for client in clients:  # a mailbox of several devices may have several owners
            named = set(client.owner.split(", ")) if client.owner else {""}
            assert named == {entry["owner"] for entry in entries}, mailbox
        if len(clients) == len(entries) == 1 and clients[0].last_seen is not None:
            assert clients[0].last_seen.strftime("%Y-%m-%dT%H:%M:%SZ") == entries[0]["last_seen"], mailbox


def test_anonymous_devices_are_known_by_their_addresses(whole: Joined) -> None:
    found = {address: client for client in whole.clients[""] for address in client.addresses}
    told = {address: entry for entry in whole.entries[""] for address in entry["addresses"]}
    assert set(found) == set(told)
    for address, entry in told.items():
        assert found[address].authentication.value == "anonymous"
        if entry["via"] != "direct":  # several devices send from one public address
            assert found[address].owner == entry["owner"]
            assert found[address].volume.messages == entry["trace"]["messages"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_form_of_the_sign_in_log_says_the_same(
    variant: str, sample: Path, told: dict[str, Any], tmp_path: Path
) -> None:
    exports, papers = sample / "exports", tmp_path / "papers"
    shutil.copytree(exports / "powershell", papers / "powershell")
    shutil.copy(exports / "SMTP AUTH clients report.csv", papers)
    shutil.copytree(sample / "variants" / variant, papers / variant)
    result = joined([papers], tmp_path / "state", told)
    compared = 0
    for mailbox, clients, entries in result.mailboxes():
        assert {client.fate.value for client in clients} == {entries[0]["fate"]}, mailbox
        signed = sum(entry["signins"]["basic"] + entry["signins"]["failures"] for entry in entries)
        assert any(client.addresses for client in clients) == bool(signed), mailbox
        assert sum(client.failures for client in clients) == sum(e["signins"]["failures"] for e in entries), mailbox
        compared += bool(signed)
    assert compared > 30
