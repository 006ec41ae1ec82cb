"""Who does a task, and which task comes first. Pure."""

import hashlib
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from libs.events.types import Label

_SEVERITY = {"red": 3, "yellow": 2, "account": 2, "green": 1}
OWED_SEVERITY = 4
# A customer whose value is not known yet still ranks by severity among the others: 10 units of money.
VALUE_FLOOR_MINOR = 1000


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Person(_Part):
    """`capacity`: open tasks at a time. Empty tiers or segments mean all of them."""

    name: Label
    capacity: Annotated[int, Field(ge=1)]
    tiers: tuple[Label, ...] = ()
    segments: tuple[Label, ...] = ()


class Pool(_Part):
    name: Label
    people: Annotated[tuple[Person, ...], Field(min_length=1)]


class Team(_Part):
    pools: Annotated[tuple[Pool, ...], Field(min_length=1)]


class Assignee(_Part):
    name: str
    reason: str


def assign(
    team: Team,
    pool: str,
    customer: tuple[str, str],
    *,
    tier: str,
    segment: str,
    open_tasks: Mapping[str, int],
) -> Assignee:
    """The customer's own person in the pool while there is room, else the freest, else the pool itself.

    A person's own customers are fixed by rendezvous hashing: when somebody joins or leaves, only their
    share of customers changes hands.
    """
    found = next((one for one in team.pools if one.name == pool), None)
    people = [one for one in (found.people if found else ()) if _serves(one, tier, segment)]
    free = [one for one in people if open_tasks.get(one.name, 0) < one.capacity]
    if not free:
        return Assignee(name=f"pool:{pool}", reason="at-capacity" if people else "nobody-fits")
    own = max(people, key=lambda one: _weight(one.name, customer))
    if own in free:
        return Assignee(name=own.name, reason="own-customer")
    freest = min(free, key=lambda one: (open_tasks.get(one.name, 0) / one.capacity, one.name))
    return Assignee(name=freest.name, reason="own-person-at-capacity")


def _serves(person: Person, tier: str, segment: str) -> bool:
    return (not person.tiers or tier in person.tiers) and (not person.segments or segment in person.segments)


def _weight(name: str, customer: tuple[str, str]) -> bytes:
    return hashlib.sha256("\x00".join((name, *customer)).encode()).digest()


def severity(level: str, *, owed: bool, escalated: bool) -> int:
    """1 (green) to 4 (a remedy owed, or trouble a colleague could not solve)."""
    if owed or escalated:
        return OWED_SEVERITY
    return _SEVERITY.get(level, 1)


def priority(severity_: int, value_minor: int) -> int:
    """Severity times customer value, until holdouts have taught expected margin (FIELD.md 29)."""
    return severity_ * max(value_minor, VALUE_FLOOR_MINOR)
