"""Foreign clients submit to a real gateway; what leaves it must be what they gave, once, octet for octet."""

from __future__ import annotations

import json
import smtplib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from support.foreign_clients import ACCOUNT, CLIENTS, PASSWORD, SPEAK_SMTPUTF8, Door, Order, Refused
from support.gateway import GatewayProcess, free_port
from support.letters import Kind, Letter, letter
from support.recorder import Recorder, Taken

pytestmark = [pytest.mark.interop, pytest.mark.timeout(90)]

# The names of the doors are their TLS modes. The plain one comes last: GatewayProcess waits for it.
TEMPLATE = """
[gateway]
hostname = "localhost"
state = "{state}"
postmaster = "postmaster@contoso.example"

[[listener]]
name = "starttls"
address = "127.0.0.1:STARTTLS"
tls = "starttls"
authentication = "required"

[[listener]]
name = "implicit"
address = "127.0.0.1:IMPLICIT"
tls = "implicit"
authentication = "required"

[[listener]]
name = "none"
address = "127.0.0.1:{port}"
tls = "none"
authentication = "none"
networks = ["127.0.0.0/8"]

[guard]
attempts = 1000
delay = "0s"

[[client]]
name = "scanner"
account = "ACCOUNT"
password = "HASH"
senders = ["*@contoso.example"]
recipients = "anywhere"

[[client]]
name = "shop floor"
networks = ["127.0.0.0/8"]
senders = ["*@contoso.example"]
recipients = "anywhere"

[[route]]
name = "sink"
type = "smarthost"
host = "127.0.0.1"
port = {upstream}
tls = "none"

[routing]
default_route = "sink"

[spool]
min_free = "{min_free}"
{extra}
"""


@dataclass(frozen=True)
class House:
    """The gateway, what it sends to, and its doors by TLS mode."""

    gateway: GatewayProcess
    sink: Recorder
    doors: dict[str, Door]

    def login_before(self, sender: str) -> tuple[str, str]:
        """Listener and mechanism of the login that came before the message of `sender`, by the gateway's log."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            login = ("", "")
            for line in self.gateway.log.splitlines():
                fields = json.loads(line) if line.startswith("{") else {}
                if fields.get("event") == "login":
                    login = (fields["listener"], fields["mechanism"])
                if fields.get("event") == "accepted" and fields["sender"] == sender:
                    return login
            time.sleep(0.05)  # the log is written in groups
        raise TimeoutError(f"the log does not tell of {sender}")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    ports = {"starttls": free_port(), "implicit": free_port()}
    template = TEMPLATE.replace("ACCOUNT", ACCOUNT).replace("HASH", PasswordHasher().hash(PASSWORD))
    for mode, port in ports.items():
        template = template.replace(mode.upper(), str(port))
    sink = Recorder()
    gateway = GatewayProcess(tmp_path_factory.mktemp("clients"), sink.port, template=template)
    try:
        gateway.start()
        ca = gateway.directory / "state" / "tls" / "self-signed.pem"
        ports["none"] = gateway.port
        yield House(gateway, sink, {mode: Door(port, mode, ca) for mode, port in ports.items()})
        assert gateway.stop() == 0
        copies = Counter(recipient for message in sink.taken for recipient in message.recipients)
        assert not [recipient for recipient, times in copies.items() if times > 1], "a copy came after its test"
    finally:
        gateway.stop()
        sink.stop()


@pytest.fixture
def order(house: House, tmp_path: Path, tool: Callable[[str], str]) -> Callable[..., Order]:
    def make(mail: Letter, door: str, mechanism: str, password: str = PASSWORD) -> Order:
        return Order(mail, house.doors[door], mechanism, tmp_path, tool, password)

    return make


def without_trace(taken: Taken, door: str) -> bytes:
    """The message without the one field that the gateway put in front of it."""
    first, _, rest = taken.data.partition(b"\r\n")
    assert first.startswith(b"Received: from "), first
    while rest[:1] in b" \t":
        line, _, rest = rest.partition(b"\r\n")
        first += line
    protocol = {"none": b"SMTP", "starttls": b"SMTPSA", "implicit": b"SMTPSA"}[door]
    assert protocol in first, first
    return rest


def check(client: str, mail: Letter, taken: Taken, door: str) -> None:
    assert (taken.sender, taken.recipients) == (mail.sender, mail.recipients)
    assert ("SMTPUTF8" in taken.options) == mail.smtputf8
    rest = without_trace(taken, door)
    if client == "s-nail":  # it writes its own header
        assert taken.body == mail.body
    else:
        assert rest == mail.data


WAYS = [
    ("starttls", "PLAIN"),
    ("starttls", "LOGIN"),
    ("implicit", "PLAIN"),
    ("implicit", "LOGIN"),
    ("none", ""),
]
way = pytest.mark.parametrize(
    ("door", "mechanism"), WAYS, ids=[f"{door}-{login or 'anonymous'}" for door, login in WAYS]
)
every_client = pytest.mark.parametrize("client", CLIENTS)


@pytest.mark.parametrize("kind", [Kind.SMALL, Kind.UTF8, Kind.DOTS])
@way
@every_client
def test_arrives_as_sent(
    client: str, door: str, mechanism: str, kind: Kind, house: House, order: Callable[..., Order]
) -> None:
    mail = letter(kind, addresses=client in SPEAK_SMTPUTF8, recipients=2 if kind is Kind.SMALL else 1)
    CLIENTS[client](order(mail, door, mechanism))
    check(client, mail, house.sink.wait(mail.recipients[0]), door)
    if mechanism:
        assert house.login_before(mail.sender) == (door, mechanism)


@pytest.mark.parametrize(
    ("client", "door", "mechanism"),
    [
        ("swaks", "none", ""),
        ("msmtp", "starttls", "PLAIN"),
        ("curl", "implicit", "PLAIN"),
        ("curl", "none", ""),
        ("s-nail", "implicit", "LOGIN"),
        ("smtplib", "starttls", "LOGIN"),
        ("nodemailer", "starttls", "PLAIN"),
    ],
)
def test_large(client: str, door: str, mechanism: str, house: House, order: Callable[..., Order]) -> None:
    mail = letter(Kind.LARGE)
    CLIENTS[client](order(mail, door, mechanism))
    check(client, mail, house.sink.wait(mail.recipients[0], 60), door)


@pytest.mark.parametrize("door", ["starttls", "implicit"])
@every_client
def test_without_login_is_refused(client: str, door: str, house: House, order: Callable[..., Order]) -> None:
    mail = letter(Kind.SMALL)
    with pytest.raises(Refused, match="530"):
        CLIENTS[client](order(mail, door, ""))
    assert not house.sink.copies(mail.recipients[0])


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@every_client
def test_wrong_password_is_refused(client: str, mechanism: str, house: House, order: Callable[..., Order]) -> None:
    mail = letter(Kind.SMALL)
    with pytest.raises(Refused, match=r"535|Login denied"):
        CLIENTS[client](order(mail, "starttls", mechanism, "wrong"))
    assert not house.sink.copies(mail.recipients[0])


@every_client
def test_foreign_sender_is_refused(client: str, house: House, order: Callable[..., Order]) -> None:
    """The client hears of it: it ends with an error and the message is not half taken."""
    mail = letter(Kind.SMALL)
    foreign = Letter(mail.subject, "somebody@elsewhere.example", mail.recipients, mail.body)
    with pytest.raises(Refused, match="550"):
        CLIENTS[client](order(foreign, "implicit", "PLAIN"))
    assert not house.sink.copies(mail.recipients[0])


@pytest.mark.parametrize(
    ("client", "door", "mechanism", "options"),
    [
        pytest.param("swaks", "none", "", ("--pipeline",), id="swaks-pipelined"),
        pytest.param("swaks", "starttls", "LOGIN", ("--pipeline",), id="swaks-pipelined-starttls"),
        pytest.param("swaks", "none", "", ("--protocol", "SMTP"), id="swaks-helo"),
        pytest.param("curl", "implicit", "PLAIN", ("--sasl-ir",), id="curl-initial-response"),
        pytest.param("curl", "starttls", "LOGIN", ("--sasl-ir",), id="curl-initial-response-login"),
        pytest.param("curl", "starttls", "PLAIN", ("--tls-max", "1.2"), id="curl-tls-1.2"),
        pytest.param("msmtp", "implicit", "PLAIN", ("--dsn-notify=failure", "--dsn-return=headers"), id="msmtp-dsn"),
    ],
)
def test_dialects(
    client: str, door: str, mechanism: str, options: tuple[str, ...], house: House, order: Callable[..., Order]
) -> None:
    mail = letter(Kind.DOTS, recipients=3)
    CLIENTS[client](replace(order(mail, door, mechanism), options=options))
    check(client, mail, house.sink.wait(mail.recipients[0]), door)


def test_many_on_one_connection(house: House) -> None:
    mails = [letter(kind) for kind in (Kind.SMALL, Kind.DOTS) for _ in range(20)]
    with smtplib.SMTP("localhost", house.doors["none"].port, timeout=30) as client:
        for mail in mails:
            client.sendmail(mail.sender, mail.recipients, mail.data)
    for mail in mails:
        check("smtplib", mail, house.sink.wait(mail.recipients[0]), "none")


def test_queue_is_empty(house: House) -> None:
    """Nothing of what arrived is kept to be sent again."""
    deadline = time.monotonic() + 10
    while json.loads(house.gateway.run("queue", "list", "--json").stdout)["messages"]:
        assert time.monotonic() < deadline
