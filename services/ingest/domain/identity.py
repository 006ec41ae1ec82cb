"""Which customer a claim belongs to. Pure: a picture of what is known in, decisions and changes out.

Rules, in this order:
1. The strongest identifier that is known decides (provider id, e-mail, phone); a device only if it is alone.
2. A provider that tells two ids apart says they are two people: an e-mail or phone that would join them is
   marked shared, counted as a conflict, and no longer joins anybody to an id that is not known yet.
   A claim that names two ids of one kind is the provider's word that they are one person after all.
3. Two customers that nothing tells apart become one: the one with fewer provider ids merges into the other.
4. A device follows the person last seen on it: a family's computer joins nobody.
5. With nothing known, a provider id, e-mail or phone makes a new customer; a device id or an object does not.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from services.ingest.domain.people import CONTACT, WEAK, Anchor, Claim, Identifier

Key = tuple[str, str, str]  # tenant, kind, value
Owner = tuple[str, str]  # tenant, customer id
Profile = dict[str, Any]


class Resolution(msgspec.Struct, frozen=True):
    """`customer` is None when nobody is known and nobody may be made."""

    customer: str | None
    outcome: Literal["known", "found", "created", "unknown"]
    merged: tuple[str, ...] = ()
    conflicts: int = 0
    profile: Profile | None = None
    """Everything known, when it is new or has just been loaded; None: nothing to publish."""
    details: tuple[tuple[Anchor, str], ...] = ()
    """What was remembered with this claim's objects."""


@dataclass(slots=True)
class Changes:
    """What a store must write, in this order."""

    customers: list[Owner] = field(default_factory=list)
    inserts: list[tuple[Key, str, str | None]] = field(default_factory=list)  # key, customer, detail
    moves: list[tuple[Key, str]] = field(default_factory=list)
    shared: list[Key] = field(default_factory=list)
    merges: list[tuple[str, str, str]] = field(default_factory=list)  # tenant, from, into
    profiles: dict[Owner, Profile] = field(default_factory=dict)


@dataclass(slots=True)
class Book:
    """The part of the identity tables that some claims touch (in a fake: all of it)."""

    owners: dict[Key, str] = field(default_factory=dict)
    details: dict[Key, str] = field(default_factory=dict)
    shared: set[Key] = field(default_factory=set)
    provider_ids: dict[Owner, dict[str, set[str]]] = field(default_factory=dict)
    profiles: dict[Owner, Profile] = field(default_factory=dict)
    changes: Changes = field(default_factory=Changes)

    def add(self, key: Key, customer: str, detail: str | None = None) -> None:
        """A row as the store has it."""
        tenant, kind, value = key
        self.owners[key] = customer
        if detail is not None:
            self.details[key] = detail
        if is_provider_id(kind):
            self.provider_ids.setdefault((tenant, customer), {}).setdefault(kind, set()).add(value)


def is_provider_id(kind: str) -> bool:
    return kind not in CONTACT and kind not in WEAK and not is_object(kind)


def is_object(kind: str) -> bool:
    """Orders, tickets, subscriptions: written <provider>/<what>, while a person's ids use a dot."""
    return "/" in kind


def settle(book: Book, claim: Claim, new_id: Callable[[], str]) -> Resolution:
    """Decide one claim and note the changes, so that the next claim of a batch sees them."""
    owner, others, conflicts = _choose(book, claim)
    outcome: Literal["found", "created"] = "found"
    if owner is None:
        owner = _owner_of_objects(book, claim)
    if owner is None:
        if not (claim.create and claim.names_somebody):
            return Resolution(None, "unknown")
        owner, outcome = new_id(), "created"
        book.changes.customers.append((claim.tenant, owner))
    owner, merged = _merge(book, claim, owner, others)
    _attach(book, claim, owner)
    profile = _profile(book, claim, owner, merged)
    details = tuple(
        (anchor, book.details[key])
        for anchor in claim.anchors
        if (key := (claim.tenant, anchor.kind, anchor.value)) in book.details
    )
    return Resolution(owner, outcome, merged, conflicts, profile, details)


def _choose(book: Book, claim: Claim) -> tuple[str | None, list[str], int]:
    """The owner by rule 1, the other customers to merge by rule 3, the conflicts by rule 2."""
    owner: str | None = None
    others: list[str] = []
    conflicts = 0
    for found in claim.identifiers:
        key = (claim.tenant, *found)
        candidate = book.owners.get(key)
        if candidate is None or candidate == owner or (found.kind in WEAK and claim.names_somebody):
            continue
        contradicted = _contradicts(book, claim, candidate, found)
        if owner is None and not contradicted:
            owner = candidate
        elif owner and not contradicted and not _apart(book, claim, owner, candidate, key):
            others.append(candidate)
        else:
            conflicts += key not in book.shared
            _share(book, key)
    return owner, list(dict.fromkeys(others)), conflicts


def _contradicts(book: Book, claim: Claim, candidate: str, by: Identifier) -> bool:
    """Whether the claim brings a provider id where the candidate has another one of the same kind."""
    if by.kind not in CONTACT:
        return False
    brought = [found for found in claim.identifiers if is_provider_id(found.kind)]
    if brought and (claim.tenant, *by) in book.shared:
        return True
    has = book.provider_ids.get((claim.tenant, candidate), {})
    return any(found.kind in has and found.value not in has[found.kind] for found in brought)


def _apart(book: Book, claim: Claim, one: str, other: str, by: Key | None = None) -> bool:
    """Whether a provider tells these two customers apart, or what joins them is shared."""
    left = book.provider_ids.get((claim.tenant, one), {})
    right = book.provider_ids.get((claim.tenant, other), {})
    return by in book.shared or not right.keys().isdisjoint(left.keys() - claim.joined)


def _share(book: Book, key: Key) -> None:
    if key[1] in CONTACT and key not in book.shared:
        book.shared.add(key)
        book.changes.shared.append(key)


def _owner_of_objects(book: Book, claim: Claim) -> str | None:
    found = (book.owners.get((claim.tenant, anchor.kind, anchor.value)) for anchor in claim.anchors)
    return next((owner for owner in found if owner is not None), None)


def _merge(book: Book, claim: Claim, owner: str, others: list[str]) -> tuple[str, tuple[str, ...]]:
    merged: list[str] = []
    tenant = claim.tenant
    for other in others:
        if _apart(book, claim, owner, other):  # an earlier merge of this claim brought the contradiction
            continue
        weights = [len(book.provider_ids.get((tenant, one), {})) for one in (owner, other)]
        into, gone = (other, owner) if weights[1] > weights[0] else (owner, other)
        _move_all(book, tenant, gone, into)
        merged, owner = [*merged, gone], into
    return owner, tuple(merged)


def _move_all(book: Book, tenant: str, gone: str, into: str) -> None:
    for key, customer in book.owners.items():
        if customer == gone and key[0] == tenant:
            book.owners[key] = into
    for kind, values in book.provider_ids.pop((tenant, gone), {}).items():
        book.provider_ids.setdefault((tenant, into), {}).setdefault(kind, set()).update(values)
    book.changes.merges.append((tenant, gone, into))


def _attach(book: Book, claim: Claim, owner: str) -> None:
    for found in claim.identifiers:
        key = (claim.tenant, *found)
        known = book.owners.get(key)
        if known is None:
            book.add(key, owner)
            book.changes.inserts.append((key, owner, None))
        elif known != owner and found.kind in WEAK and not claim.late:
            book.owners[key] = owner
            book.changes.moves.append((key, owner))
    for anchor in claim.anchors:
        key = (claim.tenant, anchor.kind, anchor.value)
        if key not in book.owners:
            book.add(key, owner, anchor.detail)
            book.changes.inserts.append((key, owner, anchor.detail))


def _profile(book: Book, claim: Claim, owner: str, merged: Iterable[str]) -> Profile | None:
    """What is known after this claim. What it says wins over what was known, unless it comes late."""
    before = book.profiles.get((claim.tenant, owner), {})
    known: Profile = {}
    for gone in merged:
        known |= book.profiles.pop((claim.tenant, gone), {})
    known |= before
    said = dict(claim.contact)
    known = said | known if claim.late else known | said
    if known != before:
        book.profiles[claim.tenant, owner] = known
        book.changes.profiles[claim.tenant, owner] = known
    return known or None
