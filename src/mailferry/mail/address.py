"""Addresses as policy and routing compare them: domains by their IDNA form, local parts by a stated rule, patterns.

Leaves to others: the grammar of a path on the wire (smtp.grammar) and what a match means (policy, routes.table).
Invariant: matching never raises, whatever the client wrote; what cannot be normalised is compared as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import idna


def split_address(address: str) -> tuple[str, str]:
    """Local part and domain as written. The last "@" divides, since a quoted local part may hold others
    (RFC 5321 section 4.1.2); no "@" at all is a local part alone, as in `postmaster`."""
    local, at, domain = address.rpartition("@")
    return (local, domain) if at else (address, "")


def normal_domain(domain: str) -> str:
    """The domain as it is compared: lower case, A-labels, no root dot. U-label and A-label spellings become equal
    (RFC 5890 section 2.3.2.4); an address literal or what IDNA refuses is only put in lower case."""
    folded = domain.lower().removesuffix(".")
    if folded.isascii():
        return folded
    try:
        return idna.encode(folded, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return folded


def domain_of(address: str) -> str:
    """The normal domain of an address, "" for the null path and for an address without a domain."""
    return normal_domain(address.rpartition("@")[2]) if "@" in address else ""


def normal_address(address: str, *, fold_local: bool = True) -> str:
    """The address as it is compared. RFC 5321 section 2.4 lets only the receiving host decide whether local parts
    differ by case; Exchange Online does not tell them apart, so folding is the default and a policy may turn it off."""
    local, at, domain = address.rpartition("@")
    if not at:
        local, domain = domain, ""
    local = local.casefold() if fold_local else local
    return f"{local}@{normal_domain(domain)}" if at else local


def same_address(left: str, right: str, *, fold_local: bool = True) -> bool:
    return normal_address(left, fold_local=fold_local) == normal_address(right, fold_local=fold_local)


def check_pattern(text: str) -> str:
    """The pattern itself when it is one, else ValueError with a sentence for whoever wrote it. Patterns are an exact
    address, `*@example.com`, `user@*`, `*`, or any text with * in place of characters."""
    pattern = text.strip()
    if not pattern:
        raise ValueError("an address pattern must not be empty")
    if any(char.isspace() for char in pattern):
        raise ValueError(f"an address pattern holds no blanks: {text!r}")
    if pattern == "<>":
        return pattern
    if "@" not in pattern and pattern != "*":
        raise ValueError(f"an address pattern needs an @: {text!r} (a whole domain is *@{pattern})")
    if pattern.endswith("@"):
        raise ValueError(f"an address pattern needs a domain after the @: {text!r}")
    return pattern


@dataclass(frozen=True, slots=True)
class Patterns:
    """A set of address patterns, sorted by kind so that the common kinds cost one set lookup each.

    `<>` stands for the null reverse path, which no other pattern but `*` matches.
    """

    exact: frozenset[str]
    domains: frozenset[str]
    locals: frozenset[str]
    others: re.Pattern[str] | None
    everything: bool
    fold_local: bool = True

    @classmethod
    def of(cls, patterns: Iterable[str], *, fold_local: bool = True) -> Patterns:
        """Sort patterns; each must pass check_pattern."""
        exact, domains, locals_, others = set(), set(), set(), []
        everything = False
        for text in patterns:
            pattern = normal_address(check_pattern(text), fold_local=fold_local)
            local, domain = split_address(pattern)
            if pattern in ("*", "*@*"):
                everything = True
            elif pattern == "<>":
                exact.add("")
            elif "*" not in pattern:
                exact.add(pattern)
            elif local == "*" and "*" not in domain:
                domains.add(domain)
            elif domain == "*" and "*" not in local:
                locals_.add(local)
            else:
                others.append(".*".join(re.escape(part) for part in pattern.split("*")))
        compiled = re.compile("|".join(others), re.DOTALL) if others else None
        return cls(frozenset(exact), frozenset(domains), frozenset(locals_), compiled, everything, fold_local)

    def match(self, address: str) -> bool:
        """Whether any pattern matches."""
        if self.everything:
            return True
        normal = normal_address(address, fold_local=self.fold_local)
        if normal in self.exact:
            return True
        local, domain = split_address(normal)
        if not domain:
            return False
        if domain in self.domains or local in self.locals:
            return True
        return self.others is not None and self.others.fullmatch(normal) is not None

    def match_named(self, address: str) -> bool:
        """Whether a pattern matches that names the whole address or the whole domain: what can never be the world."""
        normal = normal_address(address, fold_local=self.fold_local)
        return normal in self.exact or domain_of(normal) in self.domains

    def match_exact(self, address: str) -> bool:
        """Whether a pattern without any * is this address."""
        return normal_address(address, fold_local=self.fold_local) in self.exact

    def __bool__(self) -> bool:
        return bool(self.everything or self.exact or self.domains or self.locals or self.others)
