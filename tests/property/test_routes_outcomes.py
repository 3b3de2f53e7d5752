"""Whatever an upstream does, each recipient gets one outcome, and the outcome is true."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailferry.mail.body import BytesBody
from mailferry.mail.outcome import Deferred, Delivered, Failed, Unknown
from mailferry.routes.api import Result
from mailferry.routes.classify import Classifier, Stage
from mailferry.smtp.replies import Reply
from support.transport_contract import Authority, FileBody, smarthost_bench
from support.upstream import DROP, EXCHANGE, Upstream

replies = st.builds(
    Reply,
    st.integers(200, 599),
    st.sampled_from(["", "4.2.0", "5.1.1", "5.7.30", "5.7.1", "5.2.252", "5.3.4", "4.3.2"]),
    st.tuples(st.one_of(st.text(max_size=60), st.sampled_from(["SendAsDenied", "mailbox full; STOREDRV.Submission"]))),
)


@given(st.booleans(), st.sampled_from(Stage), replies)
def test_classification_is_total_and_never_invents_a_delivery_or_a_failure(exchange: bool, stage: Stage, reply: Reply):
    outcome = Classifier(exchange=exchange).outcome(stage, reply)
    assert outcome.reply is reply
    if isinstance(outcome, Delivered):
        assert stage is Stage.END
        assert 200 <= reply.code < 300
    if isinstance(outcome, Failed):
        assert stage in (Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.END)
        assert reply.permanent
    assert not isinstance(outcome, Unknown)


_RECIPIENTS = st.lists(
    st.sampled_from(
        ["ok", "450-a", "550-b", "421-c", "drop-at-rcpt", "drop-in-data", "drop-after-dot", "dot-554", "data-451-d"]
    ),
    min_size=1,
    max_size=5,
)
_ANSWERS = st.dictionaries(
    st.sampled_from(["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "DOT", "RSET"]),
    st.sampled_from([DROP, "250 fine", "354 what", "421 bye", "451 later", "550 no", "rubbish", "220-x\n550 y"]),
    max_size=2,
)


@given(
    names=_RECIPIENTS,
    answers=_ANSWERS,
    missing=st.sets(st.sampled_from(["PIPELINING", "CHUNKING", "8BITMIME", "DSN"])),
    large=st.booleans(),
    before=st.booleans(),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_outcomes_are_true(
    tmp_path: Path, names: list[str], answers: dict[str, str], missing: set[str], large: bool, before: bool
):
    """Delivered only what the upstream took and said so; what it took is delivered or unknown, never tried again
    without a word; the wrong answers of one message do not spoil the next."""

    async def scenario() -> tuple[Result, Upstream]:
        ca = Authority(tmp_path)
        async with smarthost_bench(ca, capabilities=tuple(c for c in EXCHANGE if c not in missing)) as bench:
            if before:
                await bench.send("first@x.example")
            for verb, answer in answers.items():
                bench.upstream.answer(verb, answer)
            data = b"Subject: x\r\n\r\n" + b".line\r\n" * (40_000 if large else 3)
            addresses = [f"{name}@{number}.example" for number, name in enumerate(names)]
            result = await bench.send(*addresses, body=(FileBody if large else BytesBody)(data))
            bench.upstream.answers.clear()
            assert isinstance((await bench.send("last@x.example")).outcomes[0], Delivered)
            return result, bench.upstream

    result, upstream = asyncio.run(scenario())
    taken = {rcpt for message in upstream.taken for rcpt in message.rcpts}
    assert len(result.outcomes) == len(names)
    for number, (name, outcome) in enumerate(zip(names, result.outcomes, strict=True)):
        arrived = f"TO:<{name}@{number}.example>" in taken
        if isinstance(outcome, Delivered):
            assert arrived
            assert result.handed_over
        elif isinstance(outcome, Unknown):
            assert result.handed_over
        else:
            assert not arrived
            assert isinstance(outcome, Deferred | Failed)
