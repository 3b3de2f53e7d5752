"""The events of one UTC day: who signed in, what was sent; counted on the way into the tallies.

Leaves to others: the order of days (run) and the papers (exports).
Invariant: a day depends on seed, day and organisation only, so days can be made in any order, one at a time; memory
holds one day.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from random import Random

from mailferry.sample.calendar import Calendar
from mailferry.sample.data_files import words
from mailferry.sample.letters import Letters, guid
from mailferry.sample.organisation import Organisation
from mailferry.sample.seeds import seeded
from mailferry.sample.tally import Noise, Tally
from mailferry.sample.traffic import messages, sessions
from mailferry.sample.values import Auth, Bystander, Client, Message, Session, SignIn, State, Via, Windows

#: AADSTS codes as sign-in reports give them.
WRONG_PASSWORD, BLOCKED_BY_CA, LOCKED, BUSY = 50126, 53003, 50053, 90033
#: Of all sign-ins, this share is refused once for no reason of the client's.
_HICCUP = 0.004
#: Mail of people, in and out, each day.
_LETTERS, _FEWEST_LETTERS = 0.4, 8
#: Where password guessing comes from (RFC 5737).
STRANGERS = "192.0.2.0/24"
#: Guesses from outside for each client and day, and what each run of them adds at least.
_GUESSES, _FEWEST_GUESSES = 0.08, 6


@dataclass(slots=True)
class Day:
    """Everything of one day, not yet in order."""

    day: date
    archived: bool  # it belongs to the older export, not to the window of sign-ins
    signins: list[SignIn] = field(default_factory=list)
    bystanders: list[Bystander] = field(default_factory=list)
    messages: dict[Via, list[Message]] = field(default_factory=lambda: {via: [] for via in Via})


class Events:
    """Makes days, and counts what it made."""

    def __init__(self, organisation: Organisation, windows: Windows, seed: int, language: str) -> None:
        self._organisation = organisation
        self._windows = windows
        self._seed = seed
        self._letters = Letters(organisation, language)
        self._calendar = Calendar()
        self._domains = frozenset(organisation.domains)
        self._strangers = [(place[0], place[1], place[2]) for place in words()["strangers"]["places"]]
        self._mailboxes = [client for client in organisation.clients if client.kind.auth is Auth.BASIC]
        self.tallies = {client.number: Tally() for client in organisation.clients}
        self.noise = Noise()
        self.bystanders = 0

    def day(self, day: date) -> Day | None:
        """The events of `day`; None where no source keeps more than counts of it."""
        rng = seeded(self._seed, day.isoformat())
        kept = day in self._windows.signins or day in self._windows.archive
        made = Day(day, archived=day not in self._windows.signins)
        traced = day in self._windows.trace
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
        for client in self._organisation.clients:
            count = messages(client, day, self._windows, self._calendar, rng)
            if not count:
                continue
            refused = self._refused(client, day)
            if not kept:
                if not refused:
                    self._count(client, count, count if client.kind.auth is Auth.MIXED else 0, rng)
                continue
            self._play(made, client, sessions(client, count, rng), midnight, refused, traced, rng)
        if kept:
            self._guess(made, midnight, rng)
        if traced:
            self._pass_by(made, midnight, rng)
        return made if kept else None

    def _refused(self, client: Client, day: date) -> int:
        """The error that this client gets on `day`; 0 for none. Its password was changed a week before the window."""
        late = (self._windows.signins.first - day).days <= 7
        match client.kind.state:
            case State.PASSWORD if late:
                return WRONG_PASSWORD
            case State.CONDITIONAL_ACCESS if late:
                return BLOCKED_BY_CA
        return 0

    def _count(self, client: Client, count: int, mixed: int, rng: Random) -> None:
        tally = self.tallies[client.number]
        if mixed:
            oauth = sum(rng.random() < 0.5 for _ in range(mixed))
            tally.oauth_messages += oauth
            tally.basic_messages += count - oauth
        elif client.kind.auth in (Auth.OAUTH, Auth.APP_ONLY):
            tally.oauth_messages += count
        elif client.kind.via is Via.SUBMISSION:
            tally.basic_messages += count

    def _play(
        self,
        made: Day,
        client: Client,
        plan: list[Session],
        midnight: float,
        refused: int,
        traced: bool,
        rng: Random,
    ) -> None:
        tally = self.tallies[client.number]
        sent: list[Message] = []
        for session in plan:
            at = midnight + session.second
            ip = client.public[0] if len(client.public) == 1 else rng.choice(client.public)
            if client.kind.via is Via.SUBMISSION:
                auth = self._auth(client, rng)
                self._sign_in(made, client, at, ip, auth, refused, rng)
                if refused:
                    continue
                if auth is Auth.BASIC:
                    tally.basic_messages += session.messages
                else:
                    tally.oauth_messages += session.messages
            if traced:
                address = client.lan if client.kind.via in (Via.ONPREM, Via.POSTFIX) else ip
                sent += [
                    self._message(client, at + 0.4 + index * session.gap, address, rng)
                    for index in range(session.messages)
                ]
        tally.traced.add_day(sent, self._domains)
        made.messages[client.kind.via] += sent

    @staticmethod
    def _auth(client: Client, rng: Random) -> Auth:
        if client.kind.auth is Auth.MIXED:
            return Auth.OAUTH if rng.random() < 0.5 else Auth.BASIC
        return client.kind.auth

    def _sign_in(self, made: Day, client: Client, at: float, ip: str, auth: Auth, refused: int, rng: Random) -> None:
        errors = [refused]
        if not refused and rng.random() < _HICCUP:
            errors.insert(0, BUSY)
        tally = self.tallies[client.number]
        for index, error in enumerate(errors):
            signin = SignIn(
                at + index * 0.2,
                client.sender,
                client.name,
                client.principal,
                ip,
                client.site.place,
                error,
                auth,
                client.app,
                rng.getrandbits(128),
            )
            made.signins.append(signin)
            (tally.archived if made.archived else tally.signed).add(signin)

    def _message(self, client: Client, at: float, address: str, rng: Random) -> Message:
        letters = self._letters
        writer = letters.writer(client, rng)
        return Message(
            at,
            client,
            letters.recipients(client, rng),
            letters.size(client, rng),
            letters.subject(writer, at, rng),
            letters.message_id(writer, at, rng),
            address,
        )

    def _guess(self, made: Day, midnight: float, rng: Random) -> None:
        """Strangers try passwords on people, and now and then on a service mailbox."""
        organisation = self._organisation
        for _ in range(_FEWEST_GUESSES + int(len(organisation.clients) * _GUESSES)):
            number = rng.randrange(254)
            place = self._strangers[number % len(self._strangers)]
            if rng.random() < 0.9:
                person = rng.choice(organisation.people)
                user, name, principal = person.address, person.name, user_id(person.address)
            else:
                client = rng.choice(self._mailboxes)
                user, name, principal = client.sender, client.name, client.principal
            error = LOCKED if rng.random() < 0.3 else WRONG_PASSWORD
            at = midnight + rng.random() * 86_399
            ip = f"192.0.2.{number + 1}"
            signin = SignIn(at, user, name, principal, ip, place, error, Auth.BASIC, ("", ""), rng.getrandbits(128))
            made.signins.append(signin)
            self.noise.add(signin, made.archived)

    def _pass_by(self, made: Day, midnight: float, rng: Random) -> None:
        """People write from Outlook, and the world writes to them: neither is a client of ours."""
        organisation = self._organisation
        for _ in range(_FEWEST_LETTERS + int(len(organisation.people) * _LETTERS)):
            person, other = rng.choice(organisation.people), rng.choice(organisation.outside)
            outsider, comes_in = f"tanto{rng.randrange(20_000):05d}@{other}", rng.random() < 0.5
            sender, recipient = (outsider, person.address) if comes_in else (person.address, outsider)
            made.bystanders.append(
                Bystander(
                    midnight + rng.random() * 86_399,
                    sender,
                    recipient,
                    f"Re: {rng.randrange(10_000):04d}",
                    rng.randrange(4_000, 400_000),
                    f"<{guid(rng.getrandbits(128))}@{sender.partition('@')[2]}>",
                    f"198.51.100.{rng.randrange(1, 255)}" if comes_in else "",
                )
            )
        self.bystanders += len(made.bystanders)


def user_id(address: str) -> str:
    """The object id of a person, always the same one."""
    return guid(seeded("user", address).getrandbits(128))
