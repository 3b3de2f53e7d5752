"""What an acs-rest route is made of, piece by piece: keys, operations, the package, scopes."""

from __future__ import annotations

import pytest

from mailferry.mail.envelope import Envelope, Origin, Recipient
from mailferry.mail.message import Message, MessageId
from mailferry.routes import presets
from mailferry.routes.acs_access import key_of
from mailferry.routes.acs_errors import Answer, refusal, settled
from mailferry.routes.acs_operations import Operations
from mailferry.routes.acs_settings import MISSING, missing_package
from mailferry.routes.settings import RouteSettings
from mailferry.tokens.api import TokenRefused

ORIGIN = Origin("erp", "192.0.2.7", "erp", None, None, "devices")
ANN, BEN = Recipient("ann@fabrikam.example"), Recipient("ben@fabrikam.example")


def message(number: int = 1, at: float = 2000.0) -> Message:
    return Message(MessageId(number), Envelope("a@b.example", (ANN, BEN)), ORIGIN, 1, at, "", "<1@b.example>")


def test_the_package_is_missed_by_name() -> None:
    assert missing_package() is None
    assert missing_package("azure.communication.nothing") == MISSING
    assert missing_package("nothing.of.the.kind") == MISSING


def test_an_operation_is_the_same_for_the_same_message_and_recipients_only() -> None:
    here, again, there = Operations("a", 0.0), Operations("a", 9.0), Operations("b", 0.0)
    id = here.of(message(), [ANN, BEN]).id
    assert id == again.of(message(), [BEN, ANN]).id
    others = [here.of(message(), [ANN]), here.of(message(2), [ANN, BEN]), there.of(message(), [ANN, BEN])]
    assert len({id, *(other.id for other in others), here.of(message(), [ANN, BEN]).next().id}) == 5


def test_what_may_have_been_asked_for_is_known() -> None:
    operations = Operations("a", 1000.0)
    young, old = operations.of(message(), [ANN]), operations.of(message(at=999.0), [ANN])
    assert not operations.may_exist(young, message())
    assert operations.may_exist(old, message(at=999.0))
    operations.asked(young)
    assert operations.may_exist(young, message())
    operations.asked(young.next())
    assert operations.of(message(), [ANN]) == young.next()
    operations.done(young)
    assert not operations.may_exist(young, message())


def test_memory_of_operations_is_bounded() -> None:
    operations = Operations("a", 0.0)
    first = operations.of(message(1), [ANN])
    operations.asked(first)
    for number in range(2, 10_002):
        operations.asked(operations.of(message(number), [ANN]))
    assert not operations.may_exist(first, message(1))


@pytest.mark.parametrize("text", ["a2V5", "endpoint=https://x.example/;accesskey=a2V5", "AccessKey=a2V5;Endpoint=x"])
def test_keys(text: str) -> None:
    assert key_of(text) == "a2V5"


@pytest.mark.parametrize("text", ["", "k!", "endpoint=https://x.example/", "a2V5;b2V5", "accesskey=;endpoint=x"])
def test_what_is_no_key_is_not_quoted(text: str) -> None:
    with pytest.raises(TokenRefused) as caught:
        key_of(text)
    assert not text or text not in str(caught.value)


@pytest.mark.parametrize(
    ("endpoint", "scope"),
    [
        ("https://contoso.communication.azure.com", "https://communication.azure.com/.default"),
        ("https://contoso.europe.communication.azure.com/", "https://communication.azure.com/.default"),
        ("https://contoso.communication.azure.us", "https://communication.azure.us/.default"),
    ],
)
def test_scopes(endpoint: str, scope: str) -> None:
    route = RouteSettings.model_validate({"name": "a", "type": "acs-rest", "endpoint": endpoint, "tenant": "t"})
    assert presets.scope(route, "worldwide") == scope
    assert (presets.host(route, "worldwide"), presets.port(route, "worldwide")) == (
        endpoint.removeprefix("https://").rstrip("/"),
        443,
    )
    limits = presets.limits(route)
    assert (limits.messages_per_minute, limits.messages_per_hour, limits.recipients_per_message) == (30, 100, 50)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 418, 429, 500, 501, 503])
def test_nothing_unknown_ever_fails(status: int) -> None:
    assert type(refusal(Answer(status, code="SomethingNew", message="?"))).__name__ == "Deferred"


@pytest.mark.parametrize("operation", ["", "NotStarted", "Running", "SomethingNew"])
def test_a_state_that_is_not_final_settles_nothing(operation: str) -> None:
    assert settled(Answer(200, operation=operation), "x") is None


def test_words_of_the_service_stay_on_one_line() -> None:
    words = Answer(400, code="Bad", message="two\r\nlines\x1b[31m" + "x" * 999, request_id="r").words()
    assert words.startswith("Azure Communication Services: 400 Bad two lines [31mxxx")
    assert words.endswith("(request-id r)")
    assert len(words) < 400
