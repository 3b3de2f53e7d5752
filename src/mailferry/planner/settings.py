"""What an organisation says about its plan: [plan] of the configuration, or of a file of its own.

Leaves to others: reading TOML (config, cli), which days are holidays (days) and what the settings lead to (rules,
waves). Invariant: settings that validate give every client a day: there is a working day in every week, and every
owner can change at least one client on it.
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mailferry.m365.clouds import cloud
from mailferry.mail.address import normal_domain
from mailferry.planner.values import WORLDWIDE, Way
from mailferry.tokens.settings import CloudName

#: RFC 1123 section 2.1, with a dot at least.
HOSTNAME = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+"

_LONGEST_FREEZE = timedelta(days=366)


class Weekday(StrEnum):
    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class Prefer(StrEnum):
    """What comes first where a client could do either."""

    CLIENT = "client"  # what can sign in by OAuth itself does, the gateway carries the rest
    GATEWAY = "gateway"  # one host name is changed everywhere; OAuth on the clients can follow later


#: Ways that need nothing which is not there: no billing, no server, no fixed public address.
READY = (Way.OWN_OAUTH, Way.OWN_GRAPH, Way.GATEWAY_SMTP, Way.GATEWAY_GRAPH)
_CHOOSABLE = frozenset(Way) - {Way.NOTHING, Way.RETIRE, Way.ASK}


def missing_ways(name: str) -> frozenset[Way]:
    """The ways whose service a cloud does not have, or for which there are no scripts of ours."""
    lacking = set() if cloud(name).hve_host else {Way.GATEWAY_HVE}
    return frozenset(lacking if name == WORLDWIDE else lacking | {Way.GATEWAY_ACS})


def freeze_days(text: str) -> tuple[date, date]:
    """First and last day of "2026-12-24/2027-01-03" or of one day. Raises ValueError."""
    first_text, _, last_text = text.strip().partition("/")
    try:
        first, last = date.fromisoformat(first_text), date.fromisoformat(last_text or first_text)
    except ValueError:
        raise ValueError(f'{text!r} is no freeze period; write "2026-12-24/2027-01-03", or one day') from None
    if last < first:
        raise ValueError(f"the freeze period {text!r} ends before it begins")
    if last - first > _LONGEST_FREEZE:
        raise ValueError(f"the freeze period {text!r} is longer than a year")
    return first, last


def _freeze(text: str) -> str:
    freeze_days(text)
    return text.strip()


def _way(way: Way) -> Way:
    if way not in _CHOOSABLE:
        raise ValueError(f"{way.value!r} is an outcome, no way to choose; write {', '.join(sorted(_CHOOSABLE))}")
    return way


class PlanSettings(BaseModel):
    """How clients are moved: by which ways, when, and by whom."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cutoff: date | None = Field(
        None, description="The day from which Basic authentication is disabled; absent: as Microsoft announced it."
    )
    margin: int = Field(3, ge=0, le=60, description="Working days between the last change and the cut-off.")
    start: date | None = Field(None, description="The first day for changes; absent: the next working day.")
    country: str = Field(
        "",
        pattern=r"^([A-Za-z]{2}(-[A-Za-z0-9]{1,3})?)?$",
        description='Whose public holidays are no working days: "JP", "US", with a part of it "DE-BY"; empty: none.',
    )
    weekend: tuple[Weekday, ...] = Field(
        (Weekday.SATURDAY, Weekday.SUNDAY), max_length=6, description="Days of the week without changes."
    )
    freeze: tuple[Annotated[str, AfterValidator(_freeze)], ...] = Field(
        (), description='Periods without changes, both days included: "2026-12-24/2027-01-03", or one day.'
    )
    capacity: int = Field(
        10,
        ge=1,
        le=100_000,
        description="Small changes that one owner makes on a working day; a visit or an update counts as two, new "
        "code or a new device as four.",
    )
    capacities: dict[str, Annotated[int, Field(ge=1, le=100_000)]] = Field(
        default={}, description='Capacity of single owners: { "kim@example.com" = 3 }.'
    )
    pilot: int = Field(5, ge=0, le=1000, description="Clients of the first, small wave; 0: none.")
    soak: int = Field(1, ge=0, le=20, description="Working days to watch the pilot before the next wave.")
    pace: int | None = Field(
        None,
        ge=1,
        description="Clients begun on one day in the whole organisation, site by site; absent: 20, or as many as let "
        "all be begun in half of the time that is left.",
    )
    ways: tuple[Annotated[Way, AfterValidator(_way)], ...] = Field(
        READY,
        min_length=1,
        description="What may be used: own-oauth, own-graph, gateway-smtp, gateway-graph, gateway-hve, gateway-acs, "
        "gateway-onprem, connector, direct-send.",
    )
    prefer: Prefer = Field(
        Prefer.CLIENT, description="client: what can sign in by OAuth itself does; gateway: the gateway comes first."
    )
    idle_days: int = Field(
        60, ge=7, le=3650, description="A client that was not seen for so many days is asked about, then switched off."
    )
    licences: int | None = Field(
        None, ge=0, description="Exchange Online licences, for the limit of external recipients of the whole tenant."
    )
    acs_per_minute: int | None = Field(
        None, ge=1, description="Messages a minute that Azure granted the subscription; absent: the default quota."
    )
    acs_per_hour: int | None = Field(
        None, ge=1, description="Messages an hour that Azure granted the subscription; absent: the default quota."
    )
    domains: tuple[Annotated[str, AfterValidator(normal_domain)], ...] = Field(
        (), description="The accepted domains; absent: those of the senders."
    )
    cloud: CloudName | None = Field(
        None, description="The Microsoft cloud the tenant is in; absent: as [[tenant]] says, else worldwide."
    )
    gateway: str = Field(
        "",
        pattern=f"^({HOSTNAME})?$",
        description="Host name that clients are pointed at; absent: mailferry. and the first domain.",
    )
    owner: str = Field("", description="Who changes the clients that nobody owns.")
    contact: str = Field("", description="Whom the owners ask: stands in the letters.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.weekend)) == len(Weekday):
            raise ValueError("`weekend` leaves no working day")
        if self.start and self.cutoff and self.start > self.cutoff:
            raise ValueError("`start` is after `cutoff`: the changes would begin when it is too late")
        if lacking := sorted(set(self.ways) & missing_ways(self.cloud or WORLDWIDE)):
            raise ValueError(f"the cloud {self.cloud} has nothing for {', '.join(lacking)}; take it out of `ways`")
        return self

    @property
    def freezes(self) -> tuple[tuple[date, date], ...]:
        return tuple(freeze_days(text) for text in self.freeze)

    def capacity_of(self, owner: str) -> int:
        return self.capacities.get(owner, self.capacity)
