"""A sandbox without sockets: its state, and dialogues in memory."""

from __future__ import annotations

import base64
from datetime import date, datetime

from mailferry.clock import ManualClock
from mailferry.sandbox import organisation
from mailferry.sandbox.bearer import TokenChecker
from mailferry.sandbox.certificates import Keys
from mailferry.sandbox.clock import SandboxClock
from mailferry.sandbox.exchange_session import Session
from mailferry.sandbox.exchange_talk import Then
from mailferry.sandbox.settings import Behaviour
from mailferry.sandbox.signer import Signer
from mailferry.sandbox.submission import Submissions
from mailferry.sandbox.world import State, World

BEFORE = date(2026, 11, 24)  # Basic authentication is allowed
AFTER = date(2027, 1, 5)  # it is disabled by default


class Wire:
    """The client's end of a dialogue in memory."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.greeting = session.open().decode()

    def raw(self, data: bytes) -> list[str]:
        return self.session.receive(data).decode().splitlines()

    def say(self, line: str) -> str:
        """Send a line; the reply as one string, lines joined by a line feed."""
        return "\n".join(self.raw(line.encode() + b"\r\n"))

    def secure(self, version: str = "TLSv1.3") -> Wire:
        self.say("EHLO device")
        assert self.say("STARTTLS").startswith("220")
        assert self.session.then is Then.STARTTLS
        self.session.tls_started(version)
        self.say("EHLO device")
        return self

    def login(self, user: str, password: str) -> str:
        assert self.say("AUTH LOGIN") == "334 VXNlcm5hbWU6"
        assert self.say(b64(user)) == "334 UGFzc3dvcmQ6"
        return self.say(b64(password))

    def xoauth2(self, user: str, token: str) -> str:
        return self.say("AUTH XOAUTH2 " + b64(f"user={user}\x01auth=Bearer {token}\x01\x01"))

    def send(self, sender: str, *recipients: str, message: bytes | None = None) -> str:
        """One transaction; the first reply that is not positive, or the one to the end of data."""
        if message is None:
            message = f"From: {sender}\r\nSubject: x\r\n\r\nbody\r\n".encode()
        for line in (f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{r}>" for r in recipients), "DATA"):
            reply = self.say(line)
            if reply[0] not in "23":
                return reply
        return "\n".join(self.raw(message + b".\r\n"))


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Lab:
    """One sandbox in memory; its clock stands."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.machine = ManualClock(datetime.fromisoformat("2026-11-24T10:00:00+00:00"))
        self.clock = SandboxClock(self.machine, BEFORE, running=False)
        initial = State(tenant=organisation.contoso(keys.application.decode()), behaviour=Behaviour())
        self.world = World(initial, self.clock, 365)
        self.signer = Signer(keys.signing_key, self.world.random)
        self.checker = TokenChecker(self.signer.key_set)
        self.submissions = Submissions(self.world)

    def connect(self, surface: str = "smtp") -> Wire:
        return Wire(Session(self.world, self.checker, self.submissions, surface, "192.0.2.10:50000"))

    def logged_in(self, local: str = "scanner") -> Wire:
        wire = self.connect().secure()
        reply = wire.login(f"{local}@contoso.example", organisation.password(local))
        assert reply == "235 2.7.0 Authentication successful"
        return wire

    def token(self, client_id: str = organisation.SECRET_CLIENT_ID, **changes: object) -> str:
        application = self.world.tenant.applications[client_id]
        given: dict[str, object] = {
            "application": application,
            "tenant_id": self.world.tenant.tenant_id,
            "audience": "https://outlook.office365.com",
            "roles": application.app_roles,
            "by": "1",
            "now": self.clock.time(),
            **changes,
        }
        return self.signer.issue(**given).token  # type: ignore[arg-type]

    def mailbox(self, local: str, **changes: object) -> None:
        self.world.patch({"tenant": {"mailboxes": {f"{local}@contoso.example": changes}}})
