"""Whether somebody else's JSON names a person: what erasing and answering a data request look for.

An address or a phone number is found in any text, however it is written. An id is found as a whole value: a
long one anywhere; a short one (an order may have the number of a customer) of the same provider only, where a
member's name or the topic says that it is one.
"""

import re
import urllib.parse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import phonenumbers

from services.ingest.domain.errors import UnparsableError
from services.ingest.domain.people import EMAIL, PHONE, Identifier
from services.ingest.domain.reading import Node, parse_json

_TELLING = 10  # characters from which on an id is nobody else's by chance
_DIGITS = re.compile(r"\D+")

Leaf = tuple[str, str]  # the names on the way, the value


@dataclass(frozen=True, slots=True)
class Sought:
    """A person as identifiers: e-mail, phone, provider ids, objects."""

    identifiers: frozenset[Identifier]

    def named_in(self, document: Any, provider: str, topic: str | None) -> bool:
        """Whether any place of a document (as parsed) names the person."""
        leaves = [*_leaves(document, topic or "")]
        return any(_names(one, leaf, provider) for one in self.identifiers for leaf in leaves)


def document_of(body: bytes) -> Any:
    """A kept body for looking through; one that is not JSON is a single text, form encoding undone."""
    try:
        return parse_json(body).raw
    except UnparsableError:
        return urllib.parse.unquote_plus(body.decode(errors="replace"))


def naming_elements(sought: Sought, document: Any, provider: str, topic: str | None) -> list[Any]:
    """The parts of a delivery that name the person: of a batch its elements, so that others stay private."""
    elements = next((found for found in _batches(document) if found), [document])
    return [one for one in elements if sought.named_in(one, provider, topic)]


def _batches(document: Any) -> Iterator[list[Any]]:
    yield from (one for one in (document, Node(document).at("data").raw) if isinstance(one, list))


def _leaves(raw: Any, path: str) -> Iterator[Leaf]:
    if isinstance(raw, dict):
        for name, value in raw.items():
            yield from _leaves(value, f"{path} {name}".lower())
            yield from _leaves(name, path)  # a member may be named by an address
    elif isinstance(raw, list):
        for value in raw:
            yield from _leaves(value, path)
    elif isinstance(raw, str | int) and not isinstance(raw, bool):
        yield path, str(raw).strip()


def _names(one: Identifier, leaf: Leaf, provider: str) -> bool:
    path, text = leaf
    if one.kind == EMAIL:
        return one.value in text.casefold()
    if one.kind == PHONE:
        return _national(one.value) in _DIGITS.sub("", text)
    if one.value not in {text, text.rpartition("/")[2]}:
        return False
    of, _, what = one.kind.replace("/", ".").partition(".")
    return len(one.value) >= _TELLING or (of == provider and what in path)


def _national(phone: str) -> str:
    """Without the country's code, which a shop leaves out."""
    return str(phonenumbers.parse(phone).national_number)


def sought_of(known: Iterable[tuple[str, str, bool]], asked: Iterable[Identifier] = ()) -> Sought:
    """Everything that leads to this person alone: an address that two share names neither."""
    rows = (Identifier(kind, value) for kind, value, shared in known if not shared)
    return Sought(frozenset((*rows, *asked)))
