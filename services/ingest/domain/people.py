"""Who a delivery is about: identifiers, the objects that are theirs, and contact details."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import phonenumbers

from services.ingest.domain.reading import without_controls
from services.ingest.domain.sources import Source

EMAIL, PHONE = "email", "phone"
CONTACT = frozenset({EMAIL, PHONE})
WEAK = frozenset({"segment.anonymous"})
"""Device ids: they find a customer whom something else made known, but never make one."""

_ADDRESS = re.compile(r"^[^\s@,;<>\"]{1,64}@[^\s@,;<>\"]+\.[^\s@,;<>\".]{2,}$")
_ROLE_WORDS = """
abuse accounting accounts admin administration billing bookings careers contact customercare customerservice
desk donotreply enquiries hello help helpdesk hostmaster hr info inquiries invoices it jobs mail marketing
news newsletter noreply office operations orders postmaster press purchasing reception root sales security
service shop spam subscriptions support team test webmaster
"""
_ROLES = frozenset(_ROLE_WORDS.split())
_LONGEST_PHONE = 40  # characters; longer texts are not even remembered


class Identifier(NamedTuple):
    """`kind` is email, phone, or <provider>.<what>: its value belongs to one person at a time."""

    kind: str
    value: str


class Anchor(NamedTuple):
    """An object that belongs to a person, such as an order. `detail` is what later payloads leave out."""

    kind: str
    value: str
    detail: str | None = None


class Person(msgspec.Struct, frozen=True):
    """As a provider file reads it: raw values, in any order."""

    ids: tuple[tuple[str, str | None], ...] = ()
    anchors: tuple[Anchor, ...] = ()
    email: str | None = None
    phone: str | None = None
    contact: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """Further fields of libs.events' Profile that this delivery knows; None values say nothing."""


class Claim(msgspec.Struct, frozen=True):
    """The statement that all of these are one person: identifiers strongest first, normalised."""

    tenant: str
    identifiers: tuple[Identifier, ...]
    anchors: tuple[Anchor, ...] = ()
    contact: tuple[tuple[str, Any], ...] = ()
    create: bool = True
    late: bool = False
    """Heard long after it was said: what is known by now is newer and stays; only gaps are filled."""

    def all(self) -> tuple[Identifier | Anchor, ...]:
        return (*self.identifiers, *self.anchors)

    @property
    def names_somebody(self) -> bool:
        """Whether there is more than devices."""
        return any(found.kind not in WEAK for found in self.identifiers)

    @property
    def joined(self) -> frozenset[str]:
        """Kinds of which it names two values: the provider's word that both are this person."""
        kinds = [found.kind for found in self.identifiers]
        return frozenset(kind for kind in kinds if kinds.count(kind) > 1)

    @property
    def empty(self) -> bool:
        return not self.identifiers and not self.anchors


def normal_email(text: str | None) -> str | None:
    """Lower case, composed, plausible; dots and plus signs stay (they are different mailboxes in general)."""
    if not text or len(text) > 320:
        return None
    found = unicodedata.normalize("NFKC", text).strip().lower()
    return found if found.isprintable() and len(found) <= 128 and _ADDRESS.match(found) else None


def normal_phone(text: str | None, region: str) -> str | None:
    """E.164, as Google's library understands the number; None if it cannot be one.

    A number that reads differently once normal (a trunk prefix that comes off twice, as in +82 00...)
    could name two people: it names nobody.
    """
    return _phone(text, region) if text and len(text) <= _LONGEST_PHONE else None


@lru_cache(maxsize=65_536)  # parsing takes about 50 microseconds
def _phone(text: str, region: str) -> str | None:
    found = _e164(text, region)
    return found if found is None or _e164(found, region) == found else None


def _e164(text: str, region: str) -> str | None:
    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def is_role(email: str) -> bool:
    """An address that several people read: it never makes two of them one."""
    local = email.partition("@")[0].partition("+")[0]
    return local.replace("-", "").replace("_", "").replace(".", "") in _ROLES


def claim_of(person: Person, source: Source, *, create: bool = True, late: bool = False) -> Claim:
    """Normalise and rank: provider ids, then e-mail, then phone, then device ids."""
    email = normal_email(person.email)
    phone = normal_phone(person.phone, source.phone_region)
    strong, weak = _ids(person.ids, source)
    known = [*strong, *([Identifier(PHONE, phone)] if phone else [])]
    if email and not (is_role(email) and known):
        known.insert(len(strong), Identifier(EMAIL, email))
    contact = {"email": email, "phone": phone, **person.contact}
    return Claim(
        tenant=source.tenant,
        identifiers=(*known, *weak),
        anchors=person.anchors,
        contact=tuple((name, said) for name, value in contact.items() if (said := _said(value)) is not None),
        create=create,
        late=late,
    )


def _said(value: Any) -> Any:
    """A contact detail without what was never typed as part of it: browsers send whatever a script says."""
    if not isinstance(value, str) or value.isprintable():
        return value
    return without_controls(value).strip() or None


def completed(said: Person, known: Person) -> Person:
    """What a delivery says about a person, and where it is silent what the provider's API knows."""
    spoken = {name: value for name, value in said.contact.items() if value is not None}
    return Person(
        ids=tuple(dict.fromkeys((*said.ids, *known.ids))),
        # Of two the API's, which has the detail, in the place of the delivery's.
        anchors=tuple({(one.kind, one.value): one for one in (*said.anchors, *known.anchors)}.values()),
        email=said.email or known.email,
        phone=said.phone or known.phone,
        contact={**known.contact, **spoken},
    )


def _ids(ids: Iterable[tuple[str, str | None]], source: Source) -> tuple[list[Identifier], list[Identifier]]:
    """The strong and the weak, each once and in their order."""
    strong, weak = list[Identifier](), list[Identifier]()
    for kind, value in ids:
        if value and value.isprintable():
            one = Identifier(source.same_as.get(kind, kind), value)
            chosen = weak if one.kind in WEAK else strong
            if one not in chosen:
                chosen.append(one)
    return strong, weak
