"""Fields of our event models filled from somebody else's JSON, each in the way its type asks for."""

from collections.abc import Callable
from datetime import datetime, tzinfo
from decimal import Decimal
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from libs.events.types import Amount, Count, Currency, Frozen, Instant, Label, Reference, Sentiment
from services.ingest.domain import sentiment
from services.ingest.domain.errors import NotUnderstoodError
from services.ingest.domain.reading import Node, money

_MILLISECONDS = 100_000_000_000  # as seconds, the year 5138: what is larger counts milliseconds


class Unfit(ValueError):  # noqa: N818 (said of a value, not of a failure)
    """A constant that its field does not take."""


@cache
def kinds_of(model: type[Frozen]) -> dict[str, Any]:
    """The type of each field, without the None that only says it may be absent."""
    hints = get_type_hints(model, include_extras=True)
    return {name: _solid(hints[name]) for name in model.model_fields}


def _solid(hint: Any) -> Any:
    if get_origin(hint) in {Union, UnionType}:
        return next(one for one in get_args(hint) if one is not type(None))
    return hint


def check_constant(kind: Any, constant: Any) -> None:
    """Raises Unfit if a field of this type does not take this."""
    try:
        TypeAdapter(kind).validate_python(value_of(kind, Node(constant)), strict=True)
    except ValidationError as error:
        said = error.errors(include_url=False)[0]["msg"]
        raise Unfit(f"{constant!r} does not fit: {said[0].lower()}{said[1:]}") from None
    except NotUnderstoodError as error:
        raise Unfit(f"{constant!r} does not fit: {error.detail}") from None


def value_of(kind: Any, node: Node, zone: tzinfo | None = None) -> Any:
    """What a node says, for a field of this type; None if it says nothing of the kind."""
    if kind == Instant:
        return time_of(node, zone)
    for known, read in _READERS:
        if kind == known:
            return read(node)
    if get_origin(kind) is Literal:
        return said if (said := node.label()) in get_args(kind) else None
    if get_origin(kind) is tuple:
        return tuple(ref for one in node.each() if (ref := one.ref()))
    return _whole(node)


def time_of(node: Node, zone: tzinfo | None = None) -> datetime | None:
    """Seconds or milliseconds since 1970, or a date; one without a zone only if its provider's is known."""
    count = node.integer()
    if count is not None:
        return Node(Decimal(count) / 1000 if count > _MILLISECONDS else count).unix()
    return node.unix() if isinstance(node.raw, Decimal) else node.instant("time", zone)


def _felt(node: Node) -> str | None:
    """The tool's own word for it, else what the text says; the text stays behind."""
    said = node.label()
    return said if said in get_args(Sentiment) else sentiment.classify(node.text())


def _whole(node: Node) -> int | None:
    """A number of points, also where a tool writes 4.0."""
    if isinstance(node.raw, Decimal) and node.raw.is_finite() and node.raw == node.raw.to_integral_value():
        return int(node.raw)
    return node.integer()


def _amount(node: Node) -> str | None:
    found = node.number()
    return None if found is None else money(found)


_READERS: list[tuple[Any, Callable[[Node], Any]]] = [
    (Reference, Node.ref),
    (Label, Node.label),
    (Amount, _amount),
    (Currency, lambda node: (node.text() or "").upper() or None),
    (Count, Node.count),
    (Sentiment, _felt),
    (bool, Node.flag),
]
