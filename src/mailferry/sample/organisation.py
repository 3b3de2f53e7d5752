"""The made-up organisation: its sites, people and clients, from a seed.

Leaves to others: its traffic (traffic, events) and its papers (exports).
Invariant: the same size and seed give the same organisation, in whatever language it is written down; every kind of
trouble is there at any size; no mailbox belongs to two clients at one address.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from mailferry.m365.facts import Text
from mailferry.sample.data_files import kinds, products, text, words
from mailferry.sample.disguise import disguised
from mailferry.sample.seeds import seeded
from mailferry.sample.values import Auth, Client, Kind, Pattern, Person, Site

#: Fewer would leave out a kind of trouble.
SMALLEST = 50
#: Public addresses of sites: one or two of 203.0.113.0/24 each (RFC 5737).
_MOST_SITES = 120
#: Every ninth site has a second line, and its traffic takes either.
_TWO_LINES = 9


@dataclass(frozen=True, slots=True)
class Organisation:
    name: Text
    domains: tuple[str, ...]
    outside: tuple[str, ...]
    sites: tuple[Site, ...]
    people: tuple[Person, ...]
    clients: tuple[Client, ...]


def invent(size: int, seed: int) -> Organisation:
    """An organisation with exactly `size` clients."""
    if size < SMALLEST:
        raise ValueError(f"an organisation of {size} clients would lack kinds of trouble; the smallest is {SMALLEST}")
    rng = seeded("organisation", seed)
    head = words()["organisation"]
    domains = tuple(head["domains"])
    sites = tuple(_sites(size, domains))
    people = tuple(_people(size, rng, domains[0]))
    clients = tuple(disguised(client, seed) for client in _clients(size, rng, sites, people))
    return Organisation(text(head["name"]), domains, tuple(head["outside"]), sites, people, clients)


def _sites(size: int, domains: tuple[str, ...]) -> Iterator[Site]:
    """The first five of the table carry every kind of site; a large organisation has annexes."""
    table = words()["site"]
    count = min(_MOST_SITES, max(5, size // 60))
    address = 10
    for number in range(count):
        entry, round_ = table[number % len(table)], number // len(table)
        lines = 2 if number % _TWO_LINES == 1 else 1
        public = tuple(f"203.0.113.{address + line}" for line in range(lines))
        address += lines
        english, japanese = entry["name"]
        if round_:
            english, japanese = f"{english}, annex {round_}", f"{japanese} 別館{round_}"
        yield Site(
            f"{entry['key']}{f'-a{round_}' if round_ else ''}",
            entry["kind"],
            Text(english, japanese),
            (entry["place"][0], entry["place"][1], entry["place"][2]),
            domains[entry["domain"]],
            number,
            public,
        )


def _people(size: int, rng: Random, domain: str) -> Iterator[Person]:
    table = words()["people"]
    seen: dict[str, int] = {}
    for _ in range(min(4000, max(30, size // 4))):
        family, given = rng.choice(table["families"]), rng.choice(table["given"])
        local = f"{given[0]}.{family[0]}".lower()
        seen[local] = seen.get(local, 0) + 1
        if seen[local] > 1:
            local += str(seen[local])
        yield Person(Text(f"{given[0]} {family[0]}", f"{family[1]} {given[1]}"), f"{local}@{domain}")


def _clients(size: int, rng: Random, sites: tuple[Site, ...], people: tuple[Person, ...]) -> Iterator[Client]:
    number = 0
    for kind in _kinds(size, rng):
        room = size - number
        devices = min(room, rng.randint(*kind.devices))
        places = [site for site in sites if not kind.sites or site.kind in kind.sites]
        shared = rng.sample(places, devices) if devices > 1 else [rng.choice(places)]
        sender = f"{kind.local}-{shared[0].key}-{number + 1:05d}@{shared[0].domain}"
        principal = _guid(rng)
        for index, site in enumerate(shared):
            number += 1
            # One old device among newer ones behind a mailbox: the report shows it only as a percentage.
            tls = "1.0" if devices > 2 and index == 0 else rng.choice(kind.tls)
            yield _client(number, kind, site, rng, people, sender, principal, tls)
        if number == size:
            return


def _kinds(size: int, rng: Random) -> Iterator[Kind]:
    """The least of each, then by weight, for ever: whoever draws stops."""
    table = kinds()
    for kind in table:
        for _ in range(kind.least):
            yield kind
    weights = [kind.weight for kind in table]
    while True:
        yield from rng.choices(table, weights, k=max(1, size // 10))


def _client(
    number: int,
    kind: Kind,
    site: Site,
    rng: Random,
    people: tuple[Person, ...],
    sender: str,
    principal: str,
    tls: str,
) -> Client:
    product = products()[rng.choice(kind.products)]
    mac = f"{number:06X}{rng.getrandbits(24):06X}"
    host = product.host.format(mac=mac, mac6=mac[6:])
    low, high = kind.rate
    hour = rng.randint(22, 29) - site.offset
    oauth = kind.auth in (Auth.OAUTH, Auth.MIXED, Auth.APP_ONLY)
    # A service of the cloud has addresses of its own; RFC 5737 has one more block for them.
    public = (f"198.51.100.{number % 254 + 1}",) if kind.auth is Auth.APP_ONLY else site.public
    return Client(
        number=number,
        kind=kind,
        product=product,
        site=site,
        mac=mac,
        host=host,
        ehlo=product.ehlo.format(host=host),
        sender=sender,
        name=Text(f"{kind.name.en}, {site.name.en}", f"{site.name.ja} {kind.name.ja}"),
        owner=rng.choice(people) if kind.department else None,
        public=public,
        lan=f"10.{10 + site.number}.{number // 250 % 250 + 1}.{number % 250 + 2}",
        tls=tls,
        rate=low * (high / low) ** rng.random(),
        minute=(hour % 24) * 60 + rng.randrange(60) if kind.pattern is not Pattern.BURST else 9 * 60 + 30,
        principal=principal,
        app=(_guid(rng), f"{product.id} mail") if oauth else ("", ""),
    )


def _guid(rng: Random) -> str:
    digits = f"{rng.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
