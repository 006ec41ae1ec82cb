"""A safe view on somebody else's JSON: nothing here fails on a type nobody expected."""

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from services.ingest.domain.errors import NotUnderstoodError, UnparsableError

MAX_PRODUCTS = 100  # an order of thousands of lines must not become a record too large for the broker
MAX_LABEL = 64  # characters; libs.events.types.Label
MAX_REFERENCE = 128  # characters; libs.events.types.Reference
_MAX_DIGITS = 12  # before the point; libs.events.types.Amount
_MAX_WORDS = 6  # of a provider's code, such as "Payment method declined by bank"
_PHONE_DIGITS = 7  # the shortest phone numbers that can be dialled from abroad
_FOUR_PLACES = Decimal("0.0001")
_MAX_FIELDS = 1_000  # of a form: an audience with every merge field there can be has about 100
_MAX_DEPTH = 8  # of brackets in a form's keys
# Numbers stay decimal: an amount must not pass through a float.
_decoder = msgspec.json.Decoder(float_hook=Decimal)
_country, _country_part = re.compile(r"[A-Z]{2}"), re.compile(r"[A-Z0-9]{1,3}")
_unlabelled = re.compile(r"[^a-z0-9_.:+-]+")
NO_CONTROLS = r"^[^\x00-\x1f\x7f-\x9f]*$"
"""What an id is that our own API is given."""
# PostgreSQL keeps neither U+0000 nor half a surrogate pair; the other controls are no text either.
_escaped_control = re.compile(r"(?<!\\)(?:\\\\)*\\u00[01]")
_controls = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


class Node:
    """One place in a JSON document, there or not."""

    __slots__ = ("raw",)

    def __init__(self, raw: Any) -> None:
        self.raw = raw

    def __bool__(self) -> bool:
        return self.raw is not None and self.raw not in ("", [], {})

    def at(self, *path: str) -> "Node":
        raw = self.raw
        for name in path:
            if not isinstance(raw, dict):
                return _NOTHING
            raw = raw.get(name)
        return _NOTHING if raw is None else Node(raw)  # most of what is looked for is not there

    def first(self, *names: str) -> "Node":
        """The first of these members that says something."""
        for name in names:
            if node := self.at(name):
                return node
        return _NOTHING

    def each(self) -> "Iterator[Node]":
        """The elements of a list; none if it is something else."""
        return iter([Node(raw) for raw in self.raw] if isinstance(self.raw, list) else ())

    def text(self) -> str | None:
        """A string (or an integer as one), stripped; None if empty or something else."""
        if self.raw is None:
            return None
        if isinstance(self.raw, str):
            return self.raw.strip() or None
        if isinstance(self.raw, int) and not isinstance(self.raw, bool):
            return str(self.raw)
        return None

    def key(self) -> str | None:
        """An identifier: short and printable, a global id cut down to its last part."""
        found = self.text()
        if found is None or len(found) > MAX_REFERENCE or not found.isprintable():
            return None
        return found.rpartition("/")[2] or None if found.startswith("gid://") else found

    def ref(self) -> str | None:
        """An id that may stand in an event: as `key`, but what could be an address becomes a digest."""
        found = self.key()
        return digest(found) if found and "@" in found else found

    def must_ref(self, what: str) -> str:
        found = self.ref()
        if found is None:
            raise NotUnderstoodError("missing_id", f"{what} has no usable id")
        return found

    def label(self) -> str | None:
        """A code in our alphabet; never a sentence of a customer's."""
        found = self.text()
        if not found:
            return None
        return _known_label(found) if len(found) <= MAX_LABEL else as_label(found)

    def flag(self) -> bool | None:
        if isinstance(self.raw, str):
            return {"true": True, "false": False}.get(self.raw.strip().lower())
        return self.raw if isinstance(self.raw, bool) else None

    def integer(self) -> int | None:
        if isinstance(self.raw, str) and self.raw.strip().isascii() and self.raw.strip().isdigit():
            return int(self.raw) if len(self.raw) < 19 else None
        if isinstance(self.raw, bool) or not isinstance(self.raw, int):
            return None
        return self.raw

    def count(self) -> int | None:
        found = self.integer()
        return found if found is not None and 0 <= found <= 1_000_000_000 else None

    def number(self, what: str = "amount") -> Decimal | None:
        """A decimal from text or number; None if absent. Raises NotUnderstoodError on anything else."""
        if not self:
            return None
        if isinstance(self.raw, bool) or not isinstance(self.raw, str | int | Decimal):
            raise NotUnderstoodError("unreadable_amount", f"{what} is not a number")
        try:
            found = Decimal(self.raw.strip() if isinstance(self.raw, str) else self.raw)
        except InvalidOperation:
            raise NotUnderstoodError("unreadable_amount", f"{what} is not a number") from None
        if not found.is_finite():
            raise NotUnderstoodError("unreadable_amount", f"{what} is not a finite number")
        if found.adjusted() >= _MAX_DIGITS:
            raise NotUnderstoodError("absurd_amount", f"{what} has more than {_MAX_DIGITS} digits")
        return found

    def instant(self, what: str = "time", zone: tzinfo | None = None) -> datetime | None:
        """RFC 3339 and its relatives; `zone` is that of times without one, where the provider says so.

        Raises NotUnderstoodError if there is no zone, neither in the text nor given.
        """
        if not self:
            return None
        try:
            found = datetime.fromisoformat(self.raw.strip())
            if found.tzinfo is None and zone is None:
                raise NotUnderstoodError("unreadable_date", f"{what} has no time zone")
            return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
        except (AttributeError, TypeError, ValueError, OverflowError):
            raise NotUnderstoodError("unreadable_date", f"{what} is not a date") from None

    def unix(self, what: str = "time") -> datetime | None:
        """Seconds since 1970, as number or digits."""
        seconds = self.number(what)
        if seconds is None:
            return None
        try:
            return datetime.fromtimestamp(float(seconds), UTC)
        except (ValueError, OverflowError, OSError):
            raise NotUnderstoodError("absurd_date", f"{what} is outside the calendar") from None


_NOTHING = Node(None)


def parse_json(body: bytes) -> Node:
    """Bytes to a view. Raises UnparsableError with a reason that repeats nothing of the body."""
    try:
        return Node(_decoder.decode(body))
    except (msgspec.MsgspecError, UnicodeDecodeError, InvalidOperation) as error:
        raise UnparsableError(f"not JSON: {error}") from None
    except RecursionError:
        raise UnparsableError("not JSON we accept: nested too deeply") from None


def parse_object(body: bytes) -> Node:
    """As `parse_json`, and it must be an object."""
    node = parse_json(body)
    if not isinstance(node.raw, dict):
        raise UnparsableError("expected a JSON object")
    return node


def parse_form(body: bytes) -> Node:
    """A URL-encoded form as an object; PHP's brackets, as in data[merges][EMAIL], nest.

    Raises UnparsableError.
    """
    try:
        pairs = parse_qsl(
            body.decode(),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MAX_FIELDS,
        )
    except ValueError:
        pairs = []
    if not pairs:
        raise UnparsableError("not a URL-encoded form")
    found: dict[str, Any] = {}
    for key, value in pairs:
        *path, last = key.replace("]", "").split("[", _MAX_DEPTH)
        place = found
        for name in path:
            if not isinstance(place.get(name), dict):
                place[name] = {}
            place = place[name]
        place[last] = value
    return Node(found)


def holds_controls(encoded: str) -> bool:
    """Whether a text of this JSON has a control character other than ordinary whitespace."""
    return "\\u00" in encoded and _escaped_control.search(encoded) is not None


def without_controls(text: str) -> str:
    """A text without control characters and halves of surrogate pairs; tabs and line ends stay."""
    return text if text.isprintable() else _controls.sub("", text)


def money(amount: Decimal) -> str:
    """Decimal money as our wire's text: at most four places, no exponent, no superfluous zeros."""
    text = f"{amount.quantize(_FOUR_PLACES):f}"
    whole, _, places = text.partition(".")
    places = places.rstrip("0").ljust(2, "0")
    return f"{whole}.{places}"


def region_of(country: Node, part: Node) -> str | None:
    """ISO 3166: the country, with its part where there is a code for it (US-CA). Some shops write the
    country before the part, and some a name instead of a code.
    """
    head, tail = (country.text() or "").upper(), (part.text() or "").upper()
    if not _country.fullmatch(head):
        return None
    tail = tail.removeprefix(f"{head}-")
    return f"{head}-{tail}" if _country_part.fullmatch(tail) else head


def digest(text: str) -> str:
    """A short stand-in for text that must not be seen in events."""
    return f"h_{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def as_label(text: str) -> str | None:
    """A text as a code of at most MAX_LABEL characters of our alphabet; None if it is none.

    What could be an address, holds the digits of a phone or card, or is a sentence was typed by somebody.
    """
    typed = "@" in text or len(text.split()) > _MAX_WORDS or sum(map(str.isdigit, text)) >= _PHONE_DIGITS
    if typed:
        return None
    return _unlabelled.sub("_", text.strip().lower())[:MAX_LABEL].strip("_") or None


_known_label = lru_cache(maxsize=4_096)(as_label)  # the same codes come again and again
