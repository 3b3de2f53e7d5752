"""Every export read by a plain parser of its format; what it adds up to is what the truth says."""

from __future__ import annotations

import csv
import email
import email.policy
import io
import json
import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mailferry.sample.exports.signin_portal import HEADER

Rows = list[dict[str, str]]
Truth = dict[str, Any]


def table(path: Path, encoding: str = "utf-8-sig", delimiter: str = ",") -> Rows:
    text = path.read_bytes().decode(encoding)
    if text.startswith("#TYPE"):
        text = text.partition("\r\n")[2]
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))


def portal(written: Path, name: str) -> Rows:
    return [row for path in (written / "exports" / "signins").glob(f"{name}SignIns_*.csv") for row in table(path)]


def basic_by_sender(rows: Rows, user: str, address: str, failed: str) -> Counter[tuple[str, str, bool]]:
    return Counter((row[user], row[address], row[failed] == "Failure") for row in rows)


def test_the_portal_header_is_the_portals_own(written: Path) -> None:
    path = next((written / "exports" / "signins").glob("InteractiveSignIns_*.csv"))
    assert path.read_bytes().startswith(b"\xef\xbb\xbfDate (UTC),Request ID,")
    header = next(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    assert header == list(HEADER)
    assert header.count("Incoming token type") == 2
    assert {"Application ID ", "Resource ID ", "Autonomous system  number"} <= set(header)
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    assert {len(row) for row in rows} == {len(header)}


def test_signins_of_passwords_add_up(written: Path, told: Truth) -> None:
    rows = portal(written, "Interactive")
    senders = {entry["from"] for entry in told["clients"]}
    ours = [row for row in rows if row["Username"] in senders and not row["IP address"].startswith("192.0.2.")]
    good, bad = Counter[str](), Counter[str]()
    for row in ours:
        (bad if row["Status"] == "Failure" else good)[row["Username"]] += 1
    expected_good, expected_bad = Counter[str](), Counter[str]()
    for entry in told["clients"]:
        expected_good[entry["from"]] += entry["signins"]["basic"]
        expected_bad[entry["from"]] += entry["signins"]["failures"]
    assert +good == +expected_good
    assert +bad == +expected_bad
    assert len(rows) - len(ours) == told["noise"]["rows"]
    assert all(row["Status"] == "Failure" for row in rows if row["IP address"].startswith("192.0.2."))
    assert {row["User agent"] for row in rows} == {"BAV2ROPC"}
    assert [row["Date (UTC)"] for row in rows] == sorted((row["Date (UTC)"] for row in rows), reverse=True)


def test_signins_of_tokens_and_principals_add_up(written: Path, told: Truth) -> None:
    tokens = Counter(row["Username"] for row in portal(written, "NonInteractive") if row["Status"] == "Success")
    principals = Counter(row["Service principal ID"] for row in portal(written, "Application"))
    for entry in told["clients"]:
        if entry["principal"]:
            assert principals[entry["principal"]] == entry["signins"]["oauth"] + entry["signins"]["oauth_failures"]
        elif entry["authentication"] in ("oauth", "mixed"):
            assert tokens[entry["from"]] == entry["signins"]["oauth"] > 0


@pytest.mark.parametrize(
    ("variant", "encoding", "delimiter", "date"),
    [
        ("de-utf16", "utf-16", ";", r"\d\d\.\d\d\.2026 \d\d:\d\d:\d\d"),
        ("ja-cp932", "cp932", ",", r"2026/\d\d/\d\d \d{1,2}:\d\d:\d\d"),
        ("en-us", "utf-8-sig", ",", r"\d{1,2}/\d{1,2}/2026 \d{1,2}:\d\d:\d\d [AP]M"),
    ],
)
def test_other_cultures_tell_the_same(written: Path, variant: str, encoding: str, delimiter: str, date: str) -> None:
    rows = table(written / "variants" / variant / "signins.csv", encoding, delimiter)
    expected = portal(written, "Interactive") + portal(written, "NonInteractive")
    assert all(re.fullmatch(date, row["Date (UTC)"]) for row in rows)
    assert Counter(row["Request ID"] for row in rows) == Counter(row["Request ID"] for row in expected)
    columns = ("Username", "IP address", "Status")
    assert basic_by_sender(rows, *columns) == basic_by_sender(expected, *columns)
    assert any(not row["User"].isascii() for row in rows)


def test_json_and_the_older_form_tell_the_same(written: Path) -> None:
    expected = portal(written, "Interactive") + portal(written, "NonInteractive")
    listed = json.loads((written / "variants" / "list" / "signins.json").read_text(encoding="utf-8"))
    pages = [json.loads(path.read_bytes()) for path in sorted((written / "variants" / "pages").iterdir())]
    assert listed == [record for page in pages for record in page["value"]]
    assert ["@odata.nextLink" in page for page in pages] == [True] * (len(pages) - 1) + [False]
    assert {record["id"] for record in listed} == {row["Request ID"] for row in expected}
    older = table(written / "variants" / "older" / "signins.csv", "utf-8")
    assert next(iter(older[0])) == "CreatedDateTime"
    told = Counter(
        (record["userPrincipalName"], record["ipAddress"], record["status"]["errorCode"]) for record in listed
    )
    assert told == Counter((row["UserPrincipalName"], row["IPAddress"], int(row["ErrorCode"])) for row in older)


def test_the_kept_log_knows_who_went_silent(written: Path, told: Truth) -> None:
    path = next((written / "exports" / "signins").glob("signins-kept-*.csv"))
    known = Counter(row["UserPrincipalName"] for row in table(path, "utf-8") if not row["IPAddress"].startswith("192."))
    silent = [entry for entry in told["clients"] if entry["kind"] == "stale"]
    assert silent
    for entry in silent:
        assert known[entry["from"]] == entry["signins"]["archived"] > 0
        assert entry["signins"]["basic"] == 0


def test_the_report_adds_up(written: Path, told: Truth) -> None:
    rows = table(written / "exports" / "SMTP AUTH clients report.csv")
    found = Counter[tuple[str, str]]()
    for row in rows:
        key = "basic" if row["Authentication Protocol"] == "Basic Authentication" else "oauth"
        found[row["Sender address"], key] += int(row["Messages sent"])
        shares = sum(float(row[f"TLS {version} (percent)"]) for version in ("1.0", "1.1", "1.2"))
        assert shares == pytest.approx(100, abs=0.02)
    expected = Counter[tuple[str, str]]()
    for entry in told["clients"]:
        for key, count in entry["messages"].items():
            expected[entry["from"], key] += count
    assert found == +expected
    other = table(written / "variants" / "report-basic-auth.csv")
    assert {row["Authentication Protocol"] for row in other} == {"Basic auth", "OAuth"}


def test_both_traces_add_up(written: Path, told: Truth) -> None:
    trace = table(written / "exports" / "trace" / "MessageTraceV2.csv")
    extended = table(written / "exports" / "trace" / "MTDetails_extended.csv", "utf-16")
    clients = [entry for entry in told["clients"] if entry["via"] in ("submission", "direct")]
    assert len(extended) == sum(entry["trace"]["messages"] for entry in clients) + told["bystanders"]
    assert len(trace) == sum(entry["trace"]["recipients"] for entry in clients) + told["bystanders"]
    assert {row["MessageTraceId"] for row in trace} == {row["network_message_id"] for row in extended}
    senders = {entry["from"] for entry in clients}
    assert len({row["sender_address"] for row in extended} - senders) > 20
    extended = [row for row in extended if row["sender_address"] in senders]
    trace = [row for row in trace if row["SenderAddress"] in senders]
    assert sum(int(row["total_bytes"]) for row in extended) == sum(entry["trace"]["octets"] for entry in clients)
    direct = {entry["from"] for entry in clients if entry["via"] == "direct"}
    assert {row["SenderAddress"] for row in trace if row["FromIP"]} == direct
    domains = tuple(told["domains"])
    outside = sum(row["RecipientAddress"].partition("@")[2] not in domains for row in trace)
    assert outside == sum(entry["trace"]["external"] for entry in clients)


def test_the_logs_on_premises_add_up(written: Path, told: Truth) -> None:
    expected = {e["from"]: e["trace"]["messages"] for e in told["clients"] if e["via"] == "onprem"}
    fields, tracked, sessions = "", Counter[str](), Counter[str]()
    for path in (written / "exports" / "exchange").iterdir():
        lines = path.read_text(encoding="utf-8").splitlines()
        fields = lines[4].removeprefix("#Fields: ")
        rows = list(csv.DictReader(lines[5:], fieldnames=fields.split(","), strict=True))
        assert all(None not in row and None not in row.values() for row in rows), path
        if path.name.startswith("MSGTRK"):
            assert all(row["date-time"][:13].replace("-", "").replace("T", "") == path.name[6:16] for row in rows[:1])
            tracked.update(row["sender-address"] for row in rows if row["event-id"] == "RECEIVE")
        else:
            sessions.update(re.findall(r"MAIL FROM:<(.+?)>", "\n".join(lines)))
    assert tracked == sessions == +Counter(expected)


def test_the_postfix_log_adds_up(written: Path, told: Truth) -> None:
    found, recipients = Counter[str](), 0
    with zipfile.ZipFile(written / "exports" / "postfix" / "mail-logs.zip") as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            text = archive.read(name).decode()
            found.update(re.findall(r"qmgr\[\d+\]: \w+: from=<(.+?)>", text))
            recipients += text.count("status=sent")
    clients = [entry for entry in told["clients"] if entry["via"] == "postfix"]
    assert found == Counter({entry["from"]: entry["trace"]["messages"] for entry in clients})
    assert recipients == sum(entry["trace"]["recipients"] for entry in clients)


def test_switches_have_three_states(written: Path, told: Truth) -> None:
    folder = written / "exports" / "powershell"
    said = {
        row["PrimarySmtpAddress"]: {"True": True, "False": False, "": None}[row["SmtpClientAuthenticationDisabled"]]
        for row in table(folder / "Get-CASMailbox.csv")
    }
    policies = {row["UserPrincipalName"]: row["AuthenticationPolicy"] for row in table(folder / "Get-User.csv")}
    for entry in told["clients"]:
        if entry["mailbox"]:
            assert said[entry["mailbox"]] is entry["switch"]
            assert policies[entry["mailbox"]] == entry["policy"]
    by_json = json.loads((written / "variants" / "powershell-json" / "Get-CASMailbox.json").read_bytes())
    assert {row["PrimarySmtpAddress"]: row["SmtpClientAuthenticationDisabled"] for row in by_json} == said


def test_owners_are_those_of_the_truth(written: Path, told: Truth) -> None:
    rows = table(written / "exports" / "owners.csv")
    named = {row["アドレス"]: row["担当者"] for row in rows}
    for entry in told["clients"]:
        key = entry["lan"] if entry["via"] in ("onprem", "postfix") else entry["from"]
        if entry["owner"]:
            assert key in named
        else:
            assert key not in named


def test_messages_are_messages(written: Path, told: Truth) -> None:
    products = {entry["product"] for entry in told["clients"]}
    files = list((written / "messages").iterdir())
    assert {path.stem for path in files} == products
    for path in files:
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert not message.defects, path
        assert message["Subject"] and message["Message-ID"] and message["From"]
        assert all(not part.defects for part in message.walk())
