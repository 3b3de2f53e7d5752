"""Clients that are not what they seem: one in some dozens shows a name or a subject that is not its product's own.

Leaves to others: which there are (data/disguises.toml), and who is fooled (inventory, planner). Invariant: who wears
which follows from the seed and the client's number alone, so that the organisation is otherwise the same.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from mailferry.sample.data_files import disguises
from mailferry.sample.seeds import seeded
from mailferry.sample.values import Client, Disguise


def disguised(client: Client, seed: int) -> Client:
    """The client, perhaps in a disguise."""
    rng = seeded("disguise", seed, client.number)
    for one in disguises():
        if _fits(client, one) and rng.random() < one.share:
            return _wear(client, one, rng)
    return client


def _fits(client: Client, one: Disguise) -> bool:
    return client.kind.key in one.kinds and (not one.products or client.product.id in one.products)


def _wear(client: Client, one: Disguise, rng: Random) -> Client:
    product, host, ehlo = client.product, client.host, client.ehlo
    false = set()
    if one.host:
        numbers = {"serial6": f"{rng.randrange(10**6):06d}", "serial12": f"{rng.randrange(10**12):012d}"}
        host = rng.choice(one.host).format(mac=client.mac, mac6=client.mac[6:], **numbers)
        ehlo = (one.ehlo or product.ehlo).format(host=host)
        false |= {"host", "subject"} if any("{host}" in one.en for one in product.subjects) else {"host"}
    if one.subjects:
        product = replace(product, subjects=(rng.choice(one.subjects),))
        false.add("subject")
    product = replace(product, strong=product.strong - false)
    return replace(client, product=product, host=host, ehlo=ehlo, disguise=one.key)
