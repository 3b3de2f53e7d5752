"""Whatever a header says, a request names the recipients of the delivery, each once, and nobody else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailferry.mail.address import normal_address
from mailferry.mail.envelope import Envelope, Origin, Recipient
from mailferry.mail.headers import Header
from mailferry.mail.message import Message, MessageId
from mailferry.routes.acs_letter import write
from mailferry.routes.graph_letter import Refused
from mailferry.routes.graph_settings import HeaderOnly
from mailferry.routes.json_parts import address_of

ORIGIN = Origin("erp", "192.0.2.7", "erp", None, None, "devices")
PEOPLE = [f"{name}@{domain}" for name in ("ann", "Ann", "ben", "cy") for domain in ("x.example", "X.example")]
FORMS = ["{}", "<{}>", "Some Body <{}>", '"Body, Some" <{}>', "=?utf-8?Q?J=C3=B6rg?= <{}>", "Group: {};", "(note) {}"]
listed = st.lists(st.builds(lambda form, who: form.format(who), st.sampled_from(FORMS), st.sampled_from(PEOPLE)))
junk = st.text(alphabet='ab@.,;:<>"\\() \t', max_size=30)


@given(
    fields=st.lists(
        st.tuples(st.sampled_from(["To", "Cc", "Bcc", "From"]), st.one_of(listed, st.lists(junk))), max_size=5
    ),
    wanted=st.lists(st.sampled_from(PEOPLE), min_size=1, unique_by=lambda one: normal_address(one)),
    header_only=st.sampled_from(HeaderOnly),
)
def test_recipients_are_those_of_the_envelope(
    fields: list[tuple[str, list[str]]], wanted: list[str], header_only: HeaderOnly
) -> None:
    raw = "".join(f"{name}: {', '.join(values)}\r\n" for name, values in fields).encode()
    recipients = [Recipient(address) for address in wanted]
    envelope = Envelope("erp@x.example", tuple(recipients))
    message = Message(MessageId(1), envelope, ORIGIN, 1, 1.0, "", "<1@x.example>")
    try:
        letter = write(Header(raw), message, recipients, (), sender="donotreply@x.example", header_only=header_only)
    except Refused:
        assert header_only is HeaderOnly.REFUSE, "a name that is taken out is no reason to refuse"
        return
    named = [normal_address(address_of(one)) for one in (*letter.to, *letter.cc, *letter.bcc)]
    assert sorted(named) == sorted(normal_address(address) for address in wanted)
    assert letter.sender == "donotreply@x.example"
