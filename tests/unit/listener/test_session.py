"""A session between its wire and a spool that takes its time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from mailferry.listener.session import Session
from mailferry.listener.settings import ClientSettings, GuardSettings, ListenerSettings
from mailferry.spool.api import SpoolFailed, SpoolFull
from support.listening import World, hashed
from support.slow_spool import SlowSpool

ENVELOPE = b"MAIL FROM:<a@example.test>\r\nRCPT TO:<b@example.org>\r\n"
MESSAGE = b"Subject: x\r\n\r\ntext\r\n.\r\n"


class FakeWire:
    """Keeps each write by itself."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.reading = True
        self.closed = False
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.timed = asyncio.Event()

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.writes.append(data)

    def pause(self) -> None:
        self.reading = False

    def resume(self) -> None:
        self.reading = True

    def close(self, *, reading: bool = False) -> None:
        self.closed = True

    def start_tls(self) -> None: ...

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self.timers.append((seconds, call))
        self.timed.set()

    @property
    def said(self) -> bytes:
        return b"".join(self.writes)


class Scene:
    """One session, greeted."""

    def __init__(
        self,
        tmp_path: Path,
        *,
        clients: tuple[ClientSettings, ...] = (),
        keeps: bool = True,
        guarding: GuardSettings | None = None,
    ) -> None:
        listener = ListenerSettings(
            name="l", address=":1", tls="none", authentication="optional", allow_plaintext_auth=True
        )
        floor = ClientSettings(name="floor", networks=("192.0.2.0/24",), recipients="anywhere")
        self.world = World([listener], (floor, *clients), state=tmp_path, guarding=guarding)
        self.spool = SlowSpool(keeps=keeps)
        self.world.site.spool = self.spool  # type: ignore[assignment]
        self.wire = FakeWire()
        self.session = Session(self.world.server.listeners[0].profile, self.wire, "192.0.2.1")
        self.session.greet()
        self.say(b"EHLO pc\r\n")
        self.wire.writes.clear()

    def say(self, data: bytes) -> None:
        self.session.receive(data)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


async def settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_a_pipelined_group_is_one_write(scene: Scene) -> None:
    """Nagle and delayed acknowledgements have nothing to wait for."""
    scene.say(ENVELOPE + b"DATA\r\n")
    assert [one.count(b"\r\n") for one in scene.wire.writes] == [3]


async def test_250_waits_for_the_commit(scene: Scene) -> None:
    """Nothing is answered, neither the message nor what follows, before it is durable; then all in one write."""
    scene.say(ENVELOPE + b"DATA\r\n")
    scene.wire.writes.clear()
    scene.say(MESSAGE + b"MAIL FROM:<a@example.test>\r\nRSET\r\n")
    await settle()
    assert scene.wire.writes == []
    scene.spool.finish()
    await settle()
    assert len(scene.wire.writes) == 1
    assert scene.wire.said.startswith(b"250 2.0.0 queued as 00001")
    assert scene.wire.said.count(b"\r\n") == 3
    assert len(scene.world.recorder.of("accepted")) == 1


@pytest.mark.parametrize(
    ("error", "reply"),
    [
        (SpoolFull("no space"), b"452 4.3.1 "),
        (SpoolFailed("input/output error on /var/secret"), b"451 4.3.0 "),
        (RuntimeError("a bug"), b"451 4.3.0 "),
    ],
)
async def test_a_failed_commit_is_no_250(scene: Scene, error: Exception, reply: bytes) -> None:
    """The cause is in the log and not on the wire; the session goes on."""
    scene.say(ENVELOPE + b"DATA\r\n" + MESSAGE)
    scene.wire.writes.clear()
    scene.spool.commits[0].set_exception(error)
    await settle()
    assert scene.wire.said.startswith(reply)
    assert str(error).encode() not in scene.wire.said
    assert str(error) in scene.world.recorder.of("rejected")[0]["reason"]
    scene.say(b"NOOP\r\n")
    assert scene.wire.said.endswith(b"250 2.0.0 OK\r\n")


async def test_a_cancelled_commit_is_no_250(scene: Scene) -> None:
    scene.say(ENVELOPE + b"DATA\r\n" + MESSAGE)
    scene.spool.commits[0].cancel()
    await settle()
    assert b"451 4.3.0" in scene.wire.said


async def test_a_client_that_hangs_up_during_the_commit(scene: Scene) -> None:
    """The message is durable and in the log; nobody is there to be told."""
    scene.say(ENVELOPE + b"DATA\r\n" + MESSAGE)
    scene.wire.writes.clear()
    scene.session.connection_lost()
    scene.spool.finish()
    await settle()
    assert scene.wire.writes == []
    assert len(scene.world.recorder.of("accepted")) == 1


@pytest.mark.parametrize("ending", [b"", b"RSET\r\n", b"EHLO x\r\n", b"QUIT\r\n"])
async def test_every_way_out_but_the_end_of_data_aborts(scene: Scene, ending: bytes) -> None:
    """Between chunks of BDAT the client may do all of these."""
    scene.say(ENVELOPE + b"BDAT 4\r\nabcd")
    if ending:
        scene.say(ending)
    else:
        scene.session.connection_lost()
    assert scene.spool.drafts[0].ended == "aborted"
    assert scene.spool.accepted == []


async def test_a_bug_is_451_and_its_cause_in_the_log(scene: Scene) -> None:
    """In the middle of a message the end of data is awaited first, so that the session stays in step."""
    scene.say(ENVELOPE + b"DATA\r\n")
    scene.spool.broken = True
    scene.say(b"Subject: x\r\n\r\n")
    scene.say(b"text\r\n.\r\n")
    assert scene.wire.said.endswith(b"451 4.3.0 Internal error, try again later\r\n")
    assert b"hunter2" not in scene.wire.said
    assert scene.world.recorder.of("session failed")[0]["error"].startswith("RuntimeError: the draft is broken")
    assert scene.spool.drafts[0].ended == "aborted"
    scene.spool.broken = False
    scene.say(ENVELOPE + b"DATA\r\n" + MESSAGE)
    scene.spool.finish()
    await settle()
    assert b"250 2.0.0 queued" in scene.wire.said


async def test_reading_stops_while_the_store_does_not_keep_up(scene: Scene) -> None:
    scene.say(ENVELOPE + b"DATA\r\nSubject: x\r\n\r\n")
    scene.spool.stalls = True
    scene.say(b"x" * 1000 + b"\r\n")
    assert not scene.wire.reading
    assert scene.spool.stalled is not None
    scene.spool.stalls = False
    scene.spool.stalled.set_result(None)
    await settle()
    assert scene.wire.reading


async def test_reading_stops_when_much_comes_during_a_commit(scene: Scene) -> None:
    """What a client sends ahead is bounded, and answered afterwards."""
    scene.say(ENVELOPE + b"DATA\r\n" + MESSAGE)
    scene.say(b"MAIL FROM:<a@example.test>\r\nRSET\r\n" * 20)
    assert scene.wire.reading
    scene.say(b"MAIL FROM:<a@example.test>\r\nRSET\r\n" * 4000)
    assert not scene.wire.reading
    scene.spool.finish()
    await settle()
    assert scene.wire.reading
    assert scene.wire.said.count(b"250 2.0.0 OK\r\n") == 4020


async def test_memory_does_not_grow_with_the_message(tmp_path: Path) -> None:
    """The header section is held, the rest passes through piece by piece."""
    scene = Scene(tmp_path, keeps=False)
    scene.say(ENVELOPE + b"DATA\r\nSubject: x\r\n")
    assert scene.spool.drafts[0].size == 0
    scene.say(b"\r\n")
    piece = b"x" * 998 + b"\r\n"
    for _ in range(2000):
        scene.say(piece)
    assert scene.session.core.buffered < 2000
    assert scene.spool.drafts[0].size > 1_990_000
    assert scene.spool.drafts[0].largest <= 2000


async def test_a_header_in_drops_is_read_once(scene: Scene) -> None:
    """One octet at a time costs no more than its length (this would take minutes if each drop began anew)."""
    scene.say(ENVELOPE + b"DATA\r\n")
    for octet in b"X: y\r\n" * 5000 + b"\r\n" + b"text\r\n.\r\n":
        scene.say(bytes([octet]))
    assert len(scene.spool.accepted) == 1
    assert scene.spool.drafts[0].data.endswith(b"X: y\r\n\r\ntext\r\n")


async def test_an_empty_message_id_is_replaced(scene: Scene) -> None:
    """Two Message-ID fields would be worse than none."""
    scene.say(ENVELOPE + b"DATA\r\nMessage-ID:\r\nSubject: x\r\n\r\n.\r\n")
    data = bytes(scene.spool.drafts[0].data)
    assert data.lower().count(b"message-id") == 1
    assert scene.spool.accepted[0].header_id.endswith("@gw.example.test>")
    assert scene.spool.accepted[0].header_id.encode() in data


async def test_what_is_handed_to_the_spool(scene: Scene) -> None:
    """Envelope, origin, lanes, mailbox, Message-ID and subject."""
    scene.say(b"MAIL FROM:<a@example.test> BODY=8BITMIME RET=FULL ENVID=e1\r\n")
    scene.say(b"RCPT TO:<b@example.org> NOTIFY=NEVER\r\nRCPT TO:<c@example.org>\r\nDATA\r\n")
    scene.say(b"Message-ID: <one@two>\r\nSubject: =?utf-8?q?=C3=A9?=\r\n\r\n.\r\n")
    accepted = scene.spool.accepted[0]
    assert [one.address for one in accepted.envelope.recipients] == ["b@example.org", "c@example.org"]
    assert (accepted.envelope.ret, accepted.envelope.envid) == ("FULL", "e1")
    assert accepted.lanes == ("exo/a@example.test",) * 2
    assert (accepted.mailbox, accepted.header_id, accepted.subject) == ("a@example.test", "<one@two>", "é")
    origin = accepted.origin
    assert (origin.client, origin.address, origin.helo, origin.account, origin.tls, origin.listener) == (
        "floor",
        "192.0.2.1",
        "pc",
        None,
        None,
        "l",
    )


async def test_decisions_are_remembered(scene: Scene) -> None:
    """The same client, sender and recipient ask the table once."""
    for _ in range(3):
        scene.say(ENVELOPE + b"DATA\r\n" + MESSAGE)
        scene.spool.finish()
        await settle()
    assert scene.world.table.asked == 1
    assert scene.wire.said.count(b"queued as") == 3


async def test_long_authors_are_not_remembered(scene: Scene) -> None:
    """A From field may be as long as a header section; what is remembered is bounded in octets too."""
    site, client = scene.world.site, scene.world.site.identities.clients[0]
    site.author(client, b" " * 600 + b"a@example.test")
    site.author(client, b" a@example.test")
    assert [len(raw) for _, raw in site._authors] == [15]


async def test_a_rewritten_message_comes_from_the_routes_mailbox(tmp_path: Path) -> None:
    """Where all recipients leave from one fixed mailbox, that is whom it must come from."""
    client = ClientSettings(name="c", networks=("192.0.2.1/32",), recipients="anywhere", rewrite_from=True)
    scene = Scene(tmp_path, clients=(client,))
    scene.world.table.fixed = "fixed@example.test"
    scene.say(ENVELOPE + b"DATA\r\nFrom: X <x@y.example>\r\n\r\n.\r\n")
    assert scene.spool.accepted[0].envelope.reverse_path == "fixed@example.test"
    assert b"From: X <fixed@example.test>\r\n" in scene.spool.drafts[0].data


async def test_what_cannot_be_rewritten_is_checked(tmp_path: Path) -> None:
    """Without sender and mailbox there is nothing to put into From; then it must name an allowed sender after all."""
    client = ClientSettings(
        name="c", networks=("192.0.2.1/32",), recipients="anywhere", rewrite_from=True, senders=("a@b.example", "<>")
    )
    scene = Scene(tmp_path, clients=(client,))
    for author in ("boss@b.example", "a@b.example"):
        scene.say(b"MAIL FROM:<>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")
        scene.say(f"From: {author}\r\n\r\n.\r\n".encode())
    assert scene.wire.said.count(b"550 5.7.1") == 1
    assert b"From: a@b.example\r\n" in scene.spool.drafts[-1].data
    assert len(scene.spool.accepted) == 1


async def test_a_failed_login_takes_its_time(tmp_path: Path) -> None:
    """Through the timer of the wire, whatever the cause."""
    bob = ClientSettings(name="bob", password=hashed("x"))
    scene = Scene(tmp_path, clients=(bob,), guarding=GuardSettings(delay=2.0))
    scene.say(b"AUTH PLAIN AGJvYgB3cm9uZw==\r\nNOOP\r\n")
    await asyncio.wait_for(scene.wire.timed.wait(), 20)
    assert scene.wire.writes == []
    seconds, call = scene.wire.timers.pop()
    assert seconds == 2.0
    call()
    assert scene.wire.said == b"535 5.7.8 Authentication credentials invalid\r\n250 2.0.0 OK\r\n"


async def test_more_logins_than_can_be_verified(tmp_path: Path) -> None:
    """A temporary refusal, not a queue without end."""
    scene = Scene(tmp_path, clients=(ClientSettings(name="bob", password=hashed("x")),))
    scene.world.site.accounts._waiting = 0
    scene.say(b"AUTH PLAIN AGJvYgB4\r\n")
    assert scene.wire.said == b"454 4.7.0 Too many logins at a time, try again later\r\n"


async def test_a_remembered_login_is_answered_at_once(tmp_path: Path) -> None:
    """Printers reconnect for every page."""
    scene = Scene(tmp_path, clients=(ClientSettings(name="bob", password=hashed("x")),))
    assert await scene.world.site.accounts.verify("bob", "x")
    scene.say(b"AUTH PLAIN AGJvYgB4\r\n")
    assert scene.wire.said == b"235 2.7.0 Authentication successful\r\n"
    assert scene.world.recorder.of("login")[0]["account"] == "bob"


async def test_a_client_that_vanishes_during_verification(tmp_path: Path) -> None:
    scene = Scene(tmp_path, clients=(ClientSettings(name="bob", password=hashed("x")),))
    scene.say(b"AUTH PLAIN AGJvYgB4\r\n")
    scene.session.connection_lost()
    await scene.world.site.accounts.verify("bob", "x")
    await settle()
    assert scene.wire.writes == []


async def test_a_wrong_password_counts_though_nobody_waits_for_the_answer(tmp_path: Path) -> None:
    scene = Scene(tmp_path, clients=(ClientSettings(name="bob", password=hashed("y")),))
    scene.say(b"AUTH PLAIN AGJvYgB4\r\n")
    scene.session.connection_lost()
    async with asyncio.timeout(20):
        while not scene.world.recorder.of("login failed"):  # the pool's threads end in any order
            await scene.world.site.accounts.verify("bob", "x")
            await settle()
    assert len(scene.world.recorder.of("login failed")) == 1
    assert scene.world.guard._records


async def test_a_message_id_is_kept_as_one_printable_line(scene: Scene) -> None:
    """It is shown to people and looked up; the message itself stays as it is."""
    scene.say(ENVELOPE + b"DATA\r\nMessage-ID: <a\x1b[2J@b>" + b"x" * 2000 + b"\r\n\r\n.\r\n")
    kept = scene.spool.accepted[0].header_id
    assert kept.startswith("<a [2J@b>")
    assert len(kept) == 998
    assert b"\x1b[2J@b>" in scene.spool.drafts[0].data


@pytest.mark.parametrize("cut", [3, 40])
async def test_a_from_with_a_blank_is_no_mbox_line(scene: Scene, cut: int) -> None:
    """However the network cuts the message."""
    message = b"From : a@example.test\r\nSubject: x\r\n\r\ntext\r\n.\r\n"
    scene.say(ENVELOPE + b"DATA\r\n")
    scene.say(message[:cut])
    scene.say(message[cut:])
    assert b"From : a@example.test\r\n" in scene.spool.drafts[0].data


async def test_every_refusal_is_in_the_log(scene: Scene) -> None:
    """With the stage, the reply and the reason."""
    scene.say(b"MAIL FROM:<nodomain>\r\nFOO\r\nDATA\r\nMAIL FROM:<a@b> X=Y\r\n")
    logged = scene.world.recorder.of("rejected")
    assert [(one["stage"], one["reply"][:9]) for one in logged] == [
        ("mail", "553 5.1.7"),
        ("protocol", "500 5.5.1"),
        ("protocol", "503 5.5.1"),
        ("mail", "555 5.5.4"),
    ]
    assert all(one["address"] == "192.0.2.1" and one["listener"] == "l" for one in logged)
