"""Listeners on real sockets: limits, timeouts, certificates, going down."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from mailferry.listener.settings import ClientSettings, ListenerSettings
from mailferry.listener.tls import TlsError
from support.listening import World
from support.slow_spool import SlowSpool

FLOOR = ClientSettings(name="floor", networks=("127.0.0.0/8",), recipients="anywhere")
ENVELOPE = b"EHLO pc\r\nMAIL FROM:<a@example.test>\r\nRCPT TO:<b@example.org>\r\n"


class Client:
    """A raw client with a timeout on every read."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def line(self) -> bytes:
        return await asyncio.wait_for(self.reader.readline(), 20)

    async def until(self, prefix: bytes) -> bytes:
        while not (line := await self.line()).startswith(prefix):
            assert line, f"the server hung up before {prefix!r}"
        return line

    async def rest(self) -> bytes:
        return await asyncio.wait_for(self.reader.read(), 20)

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    def leave(self) -> None:
        self.writer.transport.abort()


Connect = Callable[..., Awaitable[Client]]


@contextlib.asynccontextmanager
async def serving(tmp_path: Path, **settings: Any) -> AsyncIterator[tuple[World, Connect]]:
    """A started listener and a way to connect to it; all is gone afterwards."""
    given: dict[str, Any] = {"name": "l", "address": "127.0.0.1:0", "tls": "none", "authentication": "none"} | settings
    world = World([ListenerSettings(**given)], [FLOOR], state=tmp_path)
    await world.server.start()
    made: list[Client] = []

    async def connect(context: ssl.SSLContext | None = None, local: str = "127.0.0.1") -> Client:
        host, port = world.server.addresses("l")[0]
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection(host, port, ssl=context, local_addr=(local, 0)), 20
        )
        made.append(Client(reader, writer))
        return made[-1]

    try:
        yield world, connect
    finally:
        for one in made:
            one.leave()
        await world.server.drain(20.0)
        assert world.server.connections == 0


def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def until(true: Callable[[], bool]) -> None:
    """Let the loop run until it has come so far: accepting and reading have no event of their own."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0)


async def test_connections_are_limited(tmp_path: Path) -> None:
    """One more gets 421; when one goes, the next is taken."""
    async with serving(tmp_path, max_connections=2) as (world, connect):
        first, second = await connect(), await connect()
        assert (await first.line()).startswith(b"220 ")
        assert (await second.line()).startswith(b"220 ")
        assert await (await connect()).rest() == b"421 4.3.2 Too many connections, try again later\r\n"
        assert world.recorder.of("connection refused")[0]["reason"] == "2 connections"
        first.say(b"QUIT\r\n")
        assert (await first.rest()).startswith(b"221 ")
        assert (await (await connect()).line()).startswith(b"220 ")


async def test_connections_of_an_address_are_limited(tmp_path: Path) -> None:
    """Others still come in."""
    async with serving(tmp_path, max_connections_per_address=1) as (_, connect):
        assert (await (await connect()).line()).startswith(b"220 ")
        assert (await (await connect()).rest()).startswith(b"421 4.7.0 Too many connections from this address")
        assert (await (await connect(local="127.0.0.2")).line()).startswith(b"220 ")


async def test_counts_come_back_to_nothing(tmp_path: Path) -> None:
    """However connections end."""
    async with serving(tmp_path, max_connections=5) as (world, connect):
        clients = [await connect() for _ in range(5)]
        for one in clients:
            await one.line()
        listener = world.server.listeners[0]
        assert listener._by_address == {"127.0.0.1": 5}
        clients[0].leave()
        clients[1].say(b"QUIT\r\n")
        clients[2].say(b"GET / HTTP/1.1\r\n")
        clients[3].say(b"NOOP\n")
        clients[4].writer.write_eof()
        for one in clients[1:]:
            await one.rest()
            one.leave()
        await asyncio.wait_for(listener.empty.wait(), 20)
        assert (listener._admitted, listener._by_address) == (0, {})


async def test_who_may_not_connect_gets_no_service(tmp_path: Path) -> None:
    async with serving(tmp_path, networks=("127.0.0.2/32",)) as (_, connect):
        assert await (await connect()).rest() == b"554 5.7.1 No service for this address\r\n"
        assert (await (await connect(local="127.0.0.2")).line()).startswith(b"220 ")


async def test_an_idle_connection_is_ended(tmp_path: Path) -> None:
    """After its timeout, with 421; octets that make no command do not help."""
    async with serving(tmp_path, idle_timeout=40) as (world, connect):
        client = await connect()
        await client.line()
        listener = world.server.listeners[0]
        for _ in range(60):
            if next(iter(listener.connections)).session.ended:  # type: ignore[union-attr]
                break
            client.say(b"N")
            await settle()
            world.server._wheel.turn()
        assert await client.rest() == b"421 4.4.2 Nothing was received for too long\r\n"


async def test_a_working_connection_is_not_ended(tmp_path: Path) -> None:
    async with serving(tmp_path, idle_timeout=40) as (world, connect):
        client = await connect()
        await client.line()
        for _ in range(20):
            for _ in range(9):
                world.server._wheel.turn()
            client.say(b"NOOP\r\n")
            assert (await client.line()).startswith(b"250 ")


async def look(world: World, client: Client, turns: int, say: bytes = b"") -> bytes:
    """What the server says in so many seconds to a client that says something every ten."""
    world.server._wheel.stop()
    for turn in range(turns):
        if turn % 10 == 0 and say:
            client.say(say)
            await arrive(world)
        world.server._wheel.turn()
        if not world.server.connections or ended(world):
            return await client.rest()
    return b""


async def arrive(world: World) -> None:
    """Wait until what was said has come to something."""
    [connection] = world.server.listeners[0].connections
    session = connection.session
    assert session is not None
    before = session.progress
    await until(lambda: session.progress != before or session.closed)


def ended(world: World) -> bool:
    [connection] = world.server.listeners[0].connections
    return connection.session is not None and connection.session.ended


@pytest.mark.parametrize("say", [b"NOOP\r\n", b"MAIL FROM:<a@example.test>\r\nRSET\r\n", b"HELP\r\n"])
async def test_a_connection_that_never_brings_mail_is_ended(tmp_path: Path, say: bytes) -> None:
    """Whatever it says in the meantime: there would be no end to the connections somebody could hold."""
    async with serving(tmp_path, idle_timeout=40, session_timeout=200) as (world, connect):
        client = await connect()
        await client.line()
        client.say(b"EHLO pc\r\n")
        assert (await look(world, client, 300, say)).endswith(b"421 4.4.2 No mail came for too long\r\n")


async def test_a_message_that_drips_is_ended_and_one_that_flows_is_not(tmp_path: Path) -> None:
    async with serving(tmp_path, idle_timeout=40, session_timeout=200) as (world, connect):
        client = await connect()
        client.say(ENVELOPE + b"DATA\r\nSubject: x\r\n\r\n")
        await client.until(b"354")
        flowing = b"x" * 998 + b"\r\n"
        assert await look(world, client, 2000, flowing * 6) == b""  # 600 octets a second
        assert (await look(world, client, 2000, b"x\r\n")).startswith(b"421 4.4.2 No mail came")
        assert not await world.messages()


async def test_mail_gives_a_connection_its_time_anew(tmp_path: Path) -> None:
    async with serving(tmp_path, idle_timeout=40, session_timeout=200) as (world, connect):
        client = await connect()
        for _ in range(5):
            client.say(ENVELOPE + b"DATA\r\nSubject: x\r\n\r\n.\r\n")
            await client.until(b"250 2.0.0 queued")
            assert await look(world, client, 100, b"NOOP\r\n") == b""
        client.say(b"QUIT\r\n")
        assert b"\r\n221 " in await client.rest()


async def test_connections_of_one_subscriber_are_limited(tmp_path: Path) -> None:
    """Who has a /64 of IPv6 may come from each address of it."""
    network = {"proxy_protocol": ("127.0.0.0/8",), "max_connections_per_address": 1}
    async with serving(tmp_path, **network) as (world, connect):
        answers = []
        for address in ("2001:db8:1:2::1", "2001:db8:1:2:3::4", "2001:db8:1:3::1"):
            client = await connect()
            client.say(f"PROXY TCP6 {address} 2001:db8::9 1 25\r\n".encode())
            answers.append((await client.line())[:4])
        assert answers == [b"220 ", b"421 ", b"220 "]
    assert world.server.listeners[0]._by_address == {}


async def test_waiting_for_the_spool_is_not_the_clients_silence(tmp_path: Path) -> None:
    async with serving(tmp_path, idle_timeout=40) as (world, connect):
        spool = SlowSpool()
        world.site.spool = spool  # type: ignore[assignment]
        client = await connect()
        client.say(ENVELOPE + b"DATA\r\nSubject: x\r\n\r\n.\r\n")
        await client.until(b"354")
        for _ in range(500):
            world.server._wheel.turn()
        spool.finish()
        assert (await client.line()).startswith(b"250 2.0.0 queued")


async def test_a_proxy_header_that_does_not_come(tmp_path: Path) -> None:
    """No greeting without it, and no waiting for ever."""
    async with serving(tmp_path, proxy_protocol=("127.0.0.0/8",), handshake_timeout=5) as (world, connect):
        client = await connect()
        client.say(b"PROXY TCP4 192.0")
        await settle()
        for _ in range(10):
            world.server._wheel.turn()
        with contextlib.suppress(ConnectionResetError):
            assert await client.rest() == b""
        assert world.server.connections == 0


async def test_a_proxy_header_counts_for_limits(tmp_path: Path) -> None:
    """The client behind the load balancer is counted, not the load balancer."""
    async with serving(tmp_path, proxy_protocol=("127.0.0.0/8",), max_connections_per_address=1) as (_, connect):
        answers = []
        for last in (1, 1, 2):
            client = await connect()
            client.say(f"PROXY TCP4 192.0.2.{last} 192.0.2.9 1 25\r\n".encode())
            answers.append((await client.line())[:3])
        assert answers == [b"220", b"421", b"220"]


async def test_only_trusted_networks_may_send_a_proxy_header(tmp_path: Path) -> None:
    """From others it is an unknown command."""
    async with serving(tmp_path, proxy_protocol=("127.0.0.2/32",)) as (_, connect):
        client = await connect()
        client.say(b"PROXY TCP4 192.0.2.1 192.0.2.9 1 25\r\n")
        assert (await client.line()).startswith(b"220 ")
        assert (await client.line()).startswith(b"500 ")


async def test_a_client_that_does_not_read_is_not_read(tmp_path: Path) -> None:
    """Replies nobody takes do not pile up: reading stops, and goes on when they are taken."""
    async with serving(tmp_path) as (world, connect):
        client = await connect()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        transport = await connected(world)
        client.say(b"EHLO pc\r\n")
        for _ in range(2000):
            client.say(b"MAIL FROM:<a@example.test>\r\nRSET\r\n" * 400)
            await asyncio.sleep(0)
            if not transport.is_reading():
                break
        assert not transport.is_reading()
        assert transport.get_write_buffer_size() < 1 << 20
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]
        client.say(b"QUIT\r\n")
        assert (await client.rest()).endswith(b"221 2.0.0 Bye\r\n")


async def connected(world: World) -> asyncio.Transport:
    """The server's side of the one connection there is."""
    listener = world.server.listeners[0]
    await until(lambda: bool(listener.connections))
    transport = next(iter(listener.connections))._transport
    assert transport is not None
    return transport


async def test_who_is_cut_off_can_read_why(tmp_path: Path) -> None:
    """A client in the midst of a large message gets the refusal and no reset."""
    async with serving(tmp_path) as (world, connect):
        client = await connect()
        client.say(ENVELOPE + b"DATA\r\n")
        await client.until(b"354")
        client.say(b"Subject: x\r\n\r\nbare\nnewline\r\n" + b"x" * 4_000_000)
        assert (await client.line()) == b"521 5.5.2 Bare line ending refused\r\n"
        client.say(b"x" * 4_000_000)
        await asyncio.wait_for(client.writer.drain(), 20)
        assert await client.rest() == b""
        client.writer.write_eof()
        await asyncio.wait_for(world.server.listeners[0].empty.wait(), 20)


async def test_a_failed_handshake_is_in_the_log(tmp_path: Path) -> None:
    """With its reason; the connection is gone and discounted."""
    async with serving(tmp_path, tls="implicit") as (world, connect):
        client = await connect()
        client.say(b"EHLO in clear\r\n")
        await client.rest()
        await asyncio.wait_for(world.server.listeners[0].empty.wait(), 20)
        assert "wrong version number" in world.recorder.of("tls failed")[0]["reason"]


async def test_a_client_that_leaves_in_the_handshake(tmp_path: Path) -> None:
    async with serving(tmp_path, tls="starttls", authentication="optional") as (world, connect):
        client = await connect()
        client.say(b"EHLO pc\r\nSTARTTLS\r\n")
        await client.until(b"220 2.0.0")
        client.leave()
        await asyncio.wait_for(world.server.listeners[0].empty.wait(), 20)
        assert len(world.recorder.of("tls failed")) == 1


async def test_words_in_the_first_packet_after_the_handshake(tmp_path: Path) -> None:
    """A client that sends EHLO together with the end of its handshake is answered through TLS."""
    async with serving(tmp_path, tls="starttls", authentication="optional") as (world, connect):
        for _ in range(5):
            client = await connect()
            client.say(b"EHLO pc\r\nSTARTTLS\r\n")
            await client.until(b"220 2.0.0")
            await asyncio.wait_for(client.writer.start_tls(trusting()), 20)
            client.say(b"EHLO pc\r\nMAIL FROM:<a@b.example>\r\n")
            assert (await client.until(b"250 2.")).startswith(b"250 2.1.0")
        assert world.recorder.of("tls failed") == []


async def test_certificates_are_reloaded_without_restart(tmp_path: Path) -> None:
    """New handshakes see the new certificate, present connections live on, a broken file changes nothing."""
    authority = trustme.CA()
    pem = tmp_path / "server.pem"

    def issue(name: str) -> None:
        made = authority.issue_cert(name)
        pem.write_bytes(made.private_key_and_cert_chain_pem.bytes())

    async def shown(connect: Connect) -> str:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        authority.configure_trust(context)
        context.check_hostname = False
        client = await connect(context)
        await client.line()
        certificate = client.writer.get_extra_info("peercert")
        return str(certificate["subjectAltName"][0][1])

    issue("old.example.test")
    async with serving(tmp_path, tls="implicit", certificate=pem) as (world, connect):
        present = await connect(trusting())
        await present.line()
        assert await shown(connect) == "old.example.test"
        issue("new.example.test")
        world.server.reload_certificates()
        assert await shown(connect) == "new.example.test"
        pem.write_text("broken")
        with pytest.raises(TlsError):
            world.server.reload_certificates()
        assert await shown(connect) == "new.example.test"
        present.say(b"NOOP\r\n")
        assert (await present.line()).startswith(b"250 ")


async def test_new_clients_hold_for_new_connections(tmp_path: Path) -> None:
    """The configuration changes without a restart."""
    async with serving(tmp_path) as (world, connect):
        old = await connect()
        await old.line()
        world.server.replace_site(world.make_site(()))
        new = await connect()
        for one in (old, new):
            one.say(b"EHLO pc\r\nMAIL FROM:<a@example.test>\r\n")
        assert (await old.rest()).endswith(b"421 4.3.2 The settings of this client have changed, connect again\r\n")
        assert (await new.until(b"550")).startswith(b"550 5.7.1")


async def test_a_client_that_did_not_change_goes_on_over_a_reload(tmp_path: Path) -> None:
    """A reload for somebody else's sake ends no session, and gives back nothing of a rate."""
    floor = ClientSettings(name="f", networks=("127.0.0.0/8",), recipients="anywhere", rate="1/minute")
    async with serving(tmp_path) as (world, connect):
        world.server.replace_site(world.make_site((floor,)))
        one = await connect()
        one.say(b"EHLO pc\r\nMAIL FROM:<a@example.test>\r\n")
        assert (await one.until(b"250 2")).startswith(b"250 2.1.0")
        world.server.replace_site(world.make_site((floor,)))
        one.say(b"RSET\r\nMAIL FROM:<a@example.test>\r\n")
        assert (await one.until(b"450")).startswith(b"450 4.7.1")
        other = await connect()
        other.say(b"EHLO pc\r\nMAIL FROM:<a@example.test>\r\n")
        assert (await other.until(b"450")).startswith(b"450 4.7.1")


async def test_drain_ends_the_idle_and_finishes_the_busy(tmp_path: Path) -> None:
    """Nothing is accepted any more, a message whose commit is running gets its 250, then its 421."""
    async with serving(tmp_path) as (world, connect):
        spool = SlowSpool()
        world.site.spool = spool  # type: ignore[assignment]
        port = world.server.addresses("l")[0][1]
        idle, sending, committing = await connect(), await connect(), await connect()
        await idle.line()
        sending.say(ENVELOPE + b"DATA\r\nSubject: x\r\n")
        committing.say(ENVELOPE + b"DATA\r\nSubject: x\r\n\r\n.\r\n")
        await sending.until(b"354")
        await committing.until(b"354")
        await until(lambda: len(spool.commits) == 1)
        draining = asyncio.create_task(world.server.drain(5.0))
        assert await idle.rest() == b"421 4.3.2 The gateway is shutting down, try again later\r\n"
        spool.finish()
        assert [line[:3] for line in (await committing.rest()).splitlines()] == [b"250", b"421"]
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        assert not draining.done()
        sending.say(b"\r\n.\r\n")
        await until(lambda: len(spool.commits) == 2)
        spool.finish()
        assert [line[:3] for line in (await sending.rest()).splitlines()] == [b"250", b"421"]
        await draining


async def test_drain_is_bounded(tmp_path: Path) -> None:
    """Who does not finish in time is cut off, and nothing of the message stays."""
    async with serving(tmp_path) as (world, connect):
        client = await connect()
        client.say(ENVELOPE + b"DATA\r\nSubject: x\r\n")
        await client.until(b"354")
        await world.server.drain(0.05)
        await settle()
        assert world.recorder.of("drain timed out") == [{"connections": 1}]
        assert world.server.connections == 0
        assert await world.messages() == []


async def test_a_port_that_is_taken_leaves_nothing_open(tmp_path: Path) -> None:
    """All listeners or none."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        listeners = [
            ListenerSettings(name=name, address=address, tls="none", authentication="none")
            for name, address in (("free", "127.0.0.1:0"), ("taken", f"127.0.0.1:{port}"))
        ]
        world = World(listeners, [FLOOR], state=tmp_path)
        with pytest.raises(OSError, match="address already in use"):
            await world.server.start()
        assert world.server.addresses("free") == ()


async def test_start_tells_where_it_listens(tmp_path: Path) -> None:
    """And that the certificate is our own."""
    async with serving(tmp_path, tls="starttls", authentication="optional") as (world, _):
        listening = world.recorder.of("listening")
        assert listening[0]["port"] == world.server.addresses("l")[0][1]
        assert world.recorder.of("self-signed certificate in use")[0]["certificate"].endswith("self-signed.pem")
