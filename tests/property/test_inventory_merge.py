"""The merge of exports is commutative, associative and idempotent: order, grouping and repetition leave no trace."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailferry.inventory.records import Client
from support.exports import RELAYED, Desk, eac, portal, receive, signin, text, trace

#: Each is two databases and four imports: few of what the profile would run.
_EXAMPLES = min(30, (settings.default or settings()).max_examples // 10)
USERS = ("scan@contoso.com", "ups@contoso.com", "erp@contoso.com")
PLACES = ("203.0.113.7", "198.51.100.4", "2001:db8::1")


@st.composite
def events(draw: st.DrawFn) -> list[dict[str, str]]:
    """Sign-ins; the number of one decides all of it, as an id does."""
    numbers = draw(st.lists(st.integers(0, 40), min_size=1, max_size=12))
    return [
        signin(
            number, USERS[number % 3], ip=PLACES[number // 3 % 3], code=50126 if number % 5 == 0 else 0,
            when=f"2026-11-{1 + number % 20:02d}T08:{number:02d}:00Z",
            app="Browser" if number % 7 == 6 else "Authenticated SMTP",
        )
        for number in numbers
    ]  # fmt: skip


def as_json(rows: list[dict[str, str]]) -> str:
    """The same sign-ins as Graph v1.0 has them: without the user agent, so that they say less."""
    return json.dumps({"value": [
        {"id": row["Request ID"], "createdDateTime": row["Date (UTC)"], "userPrincipalName": row["Username"],
         "clientAppUsed": row["Client app"], "ipAddress": row["IP address"],
         "status": {"errorCode": int(row["Sign-in error code"]), "failureReason": row["Failure reason"]}}
        for row in rows
    ]})  # fmt: skip


def older(rows: list[dict[str, str]]) -> str:
    header = ("CreatedDateTime", "UserPrincipalName", "IPAddress", "ClientAppUsed", "ErrorCode")
    names = ("Date (UTC)", "Username", "IP address", "Client app", "Sign-in error code")
    return text(header, ([row[name] for name in names] for row in rows))


exports = st.one_of(
    events().map(portal),
    events().map(as_json),
    events().map(older),
    st.lists(
        st.tuples(st.sampled_from(USERS), st.sampled_from(["Basic", "OAuth"]), st.integers(1, 9)),
        min_size=1, max_size=4,
    ).map(eac),
    st.lists(
        st.integers(0, 9).map(
            lambda n: (
                f"2026-11-2{n % 4}T09:0{n}:00Z", USERS[n % 3], f"a{n}@b.com", "203.0.113.9" if n > 6 else "", n
            )
        ),
        min_size=1, max_size=5,
    ).map(trace),
    st.sampled_from([receive(RELAYED), receive(RELAYED, "08DE0002", "10.1.2.4:9")]),
    st.sampled_from(["True", "False", ""]).map(
        lambda value: text(("PrimarySmtpAddress", "SmtpClientAuthenticationDisabled"), [("scan@contoso.com", value)])
    ),
    st.sampled_from(["anna", "ben"]).map(lambda owner: text(("mailbox", "owner"), [("scan@contoso.com", owner)])),
)  # fmt: skip


def told(groups: list[list[Path]], folder: Path) -> tuple[Client, ...]:
    """The clients after these imports, each group in one."""
    desk = Desk(folder)
    try:
        for group in groups:
            desk.inventory.import_paths(group)
        return desk.inventory.clients()
    finally:
        desk.inventory.close()


@pytest.mark.timeout(120)
@settings(max_examples=_EXAMPLES, deadline=None)
@given(contents=st.lists(exports, min_size=2, max_size=5), data=st.data())
def test_order_grouping_and_repetition_leave_no_trace(contents: list[str], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = []
        for number, content in enumerate(contents):
            files.append(folder / f"{number}.txt")
            files[-1].write_text(content)
        shuffled = data.draw(st.permutations(files))
        cut = data.draw(st.integers(1, len(files) - 1))
        for each in ("a", "b"):
            (folder / each).mkdir()
        at_once = told([files], folder / "a")
        again = told([shuffled[:cut], shuffled[cut:], shuffled[::-1]], folder / "b")
    assert again == at_once
