"""A real gateway delivers to foreign smarthosts, in clear and over verified TLS; they must keep what was submitted."""

from __future__ import annotations

import json
import os
import smtplib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
import trustme

from support.foreign_server import ForeignServer, Kept, Tool
from support.foreign_servers import NEED_ROOT, SERVERS
from support.gateway import GatewayProcess
from support.letters import Kind, Letter, large, letter

pytestmark = [pytest.mark.interop, pytest.mark.timeout(60)]

# The sender's domain chooses the route: clear.example, starttls.example, untrusted.example.
TEMPLATE = """
[gateway]
hostname = "gateway.example"
state = "{state}"
postmaster = "postmaster@clear.example"

[[listener]]
name = "plain"
address = "127.0.0.1:{port}"
tls = "none"
authentication = "none"
networks = ["127.0.0.0/8"]

[[client]]
name = "everything"
networks = ["127.0.0.0/8"]
senders = ["*@clear.example", "*@starttls.example", "*@untrusted.example"]
recipients = "anywhere"

[[route]]
name = "clear"
type = "smarthost"
host = "localhost"
port = {upstream}
tls = "none"

[[route]]
name = "starttls"
type = "smarthost"
host = "localhost"
port = {upstream}
tls = "starttls"
ca_file = "OUR-CA"

[[route]]
name = "untrusted"
type = "smarthost"
host = "localhost"
port = {upstream}
tls = "starttls"
ca_file = "OTHER-CA"

[routing]
default_route = "clear"

[[rule]]
senders = ["*@starttls.example"]
route = "starttls"

[[rule]]
senders = ["*@untrusted.example"]
route = "untrusted"

[spool]
min_free = "{min_free}"
{extra}
"""


@dataclass(frozen=True)
class House:
    """The gateway and the server it sends to."""

    gateway: GatewayProcess
    server: ForeignServer

    def submit(self, mail: Letter) -> None:
        options = ["BODY=8BITMIME"] if mail.eight_bit else []
        options += ["SMTPUTF8"] if mail.smtputf8 else []
        with smtplib.SMTP("127.0.0.1", self.gateway.port, timeout=30) as client:
            client.ehlo("client.example")
            refused = client.sendmail(mail.sender, mail.recipients, mail.data, options)
        assert not refused

    def queue(self, sender: str) -> list[dict[str, Any]]:
        listed = self.gateway.run("queue", "list", "--json", "--sender", sender)
        assert listed.returncode == 0, listed.stderr
        found: list[dict[str, Any]] = json.loads(listed.stdout)["messages"]
        return found


@contextmanager
def open_house(name: str, directory: Path, tool: Tool) -> Iterator[House]:
    ours, other = trustme.CA(), trustme.CA()
    for file, authority in (("ours", ours), ("other", other)):
        authority.cert_pem.write_to_path(directory / file)
    ours.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(directory / "server.pem")
    server = SERVERS[name](directory / "server.pem", tool)
    server.start()
    template = TEMPLATE.replace("OUR-CA", str(directory / "ours")).replace("OTHER-CA", str(directory / "other"))
    gateway = GatewayProcess(directory / "gateway", server.port, template=template)
    try:
        gateway.start()
        yield House(gateway, server)
        assert gateway.stop() == 0
        copies = Counter((copy.recipient, message_id(copy)) for copy in server.kept())
        assert not [who for who, times in copies.items() if times > 1], "a copy came after its test"
    finally:
        gateway.stop()
        server.stop()


@pytest.fixture(scope="module")
def houses(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tool: Tool
) -> Iterator[Callable[[str], House]]:
    """Each server is started when it is first asked for and serves every test, in whatever order they come."""
    opened: dict[str, House] = {}

    with ExitStack() as stack:

        def find(name: str) -> House:
            if name in NEED_ROOT and os.geteuid() != 0:
                refuse = pytest.fail if request.config.getoption("--require-tools") else pytest.skip
                refuse(f"{name} runs as root only")
            if name not in opened:
                opened[name] = stack.enter_context(open_house(name, tmp_path_factory.mktemp(name), tool))
            return opened[name]

        yield find


@pytest.fixture
def house(request: pytest.FixtureRequest, houses: Callable[[str], House]) -> House:
    return houses(request.param)


def message_id(kept: Kept) -> str:
    return str(message_from_bytes(kept.data.partition(b"\r\n\r\n")[0])["Message-ID"])


def from_domain(mail: Letter, domain: str) -> Letter:
    return replace(mail, sender=f"{mail.sender.partition('@')[0]}@{domain}")


def check(mail: Letter, kept: Kept, route: str) -> None:
    assert kept.sender == mail.sender
    assert kept.tls == (route == "starttls")
    trace, found, _ = kept.data.rpartition(mail.data)
    assert found, kept.data[:3000]
    assert kept.data.endswith(mail.data)
    assert b"by gateway.example" in trace


WAYS = [
    (name, route) for name, server in SERVERS.items() for route in (["clear", "starttls"] if server.tls else ["clear"])
]
every_server = pytest.mark.parametrize("house", SERVERS, indirect=True)
every_way = pytest.mark.parametrize(("house", "route"), WAYS, indirect=["house"])


@pytest.mark.parametrize("kind", [Kind.SMALL, Kind.DOTS, Kind.UTF8])
@every_way
def test_kept_as_submitted(kind: Kind, route: str, house: House) -> None:
    """UTF8 is 8-bit in text and header, with addresses that every server understands."""
    mail = from_domain(letter(kind), f"{route}.example")
    house.submit(mail)
    check(mail, house.server.wait(mail.recipients[0]), route)


@every_way
def test_large(route: str, house: House) -> None:
    mail = from_domain(letter(Kind.SMALL), f"{route}.example")
    mail = replace(mail, body=large(5_000_000, len(mail.sender)))
    house.submit(mail)
    check(mail, house.server.wait(mail.recipients[0], 40), route)


@every_way
def test_many_recipients(route: str, house: House) -> None:
    mail = from_domain(letter(Kind.SMALL, recipients=40), f"{route}.example")
    house.submit(mail)
    for recipient in mail.recipients:
        check(mail, house.server.wait(recipient), route)


@every_way
def test_one_refused(route: str, house: House) -> None:
    """The others get it, and its sender one report that names the refused one with the server's words."""
    mail = from_domain(letter(Kind.SMALL, recipients=3), f"{route}.example")
    refused = f"refused-{mail.recipients[1]}"
    mail = replace(mail, recipients=(mail.recipients[0], refused, mail.recipients[2]))
    house.submit(mail)
    for recipient in (mail.recipients[0], mail.recipients[2]):
        check(mail, house.server.wait(recipient), route)
    assert_report(house.server.wait(mail.sender), refused, "550")
    assert not house.server.copies(refused)
    assert not house.queue(mail.sender)


@every_server
def test_all_refused(house: House) -> None:
    mail = from_domain(letter(Kind.SMALL), "clear.example")
    refused = tuple(f"refused-{number}-{mail.recipients[0]}" for number in range(2))
    mail = replace(mail, recipients=refused)
    house.submit(mail)
    report = house.server.wait(mail.sender)
    for recipient in refused:
        assert_report(report, recipient, "550")
        assert not house.server.copies(recipient)


def assert_report(kept: Kept, recipient: str, reply: str) -> None:
    """RFC 3464, from nobody."""
    assert kept.sender == ""
    report = message_from_bytes(kept.data)
    assert report.get_content_type() == "multipart/report"
    fields = next(part for part in report.walk() if part.get_content_type().endswith("delivery-status"))
    own = [part for part in fields.get_payload() if recipient in str(part["Final-Recipient"])]
    assert len(own) == 1
    assert own[0]["Action"] == "failed"
    assert reply in str(own[0]["Diagnostic-Code"])


@every_server
def test_utf8_addresses(house: House) -> None:
    """Delivered where the server takes part in SMTPUTF8, else reported (RFC 6531 section 3.5), never mangled."""
    mail = letter(Kind.UTF8, addresses=True)
    mail = replace(mail, sender=from_domain(letter(Kind.SMALL), "clear.example").sender)
    house.submit(mail)
    if house.server.smtputf8:
        check(mail, house.server.wait(mail.recipients[0]), "clear")
        return
    report = house.server.wait(mail.sender)
    assert report.sender == ""
    assert b"5.6.7" in report.data
    assert not house.server.copies(mail.recipients[0])


def assert_waits(house: House, mail: Letter, reason: str) -> None:
    """It stays, the queue says why, and the server has not seen it."""
    deadline = time.monotonic() + 20
    while reason not in json.dumps(house.queue(mail.sender)):
        assert time.monotonic() < deadline, house.queue(mail.sender)
    assert not house.server.copies(mail.recipients[0])


@pytest.mark.parametrize("house", [name for name, server in SERVERS.items() if server.tls], indirect=True)
def test_stranger_gets_nothing(house: House) -> None:
    """A certificate that does not verify is the route's fault: no mail is lost, none goes out in clear."""
    mail = from_domain(letter(Kind.SMALL), "untrusted.example")
    house.submit(mail)
    assert_waits(house, mail, "certificate")


@pytest.mark.parametrize("house", [name for name, server in SERVERS.items() if not server.tls], indirect=True)
def test_broken_tls_is_not_gone_around(house: House) -> None:
    mail = from_domain(letter(Kind.SMALL), "starttls.example")
    house.submit(mail)
    assert_waits(house, mail, "TLS")
