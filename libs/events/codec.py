"""Bytes to events and back. Two speeds, one meaning; DecodeError is the only error that leaves."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from pydantic import ValidationError

from libs.events.compat import upcast, version_of
from libs.events.envelope import AnyEvent, Envelope
from libs.events.errors import DecodeError
from libs.events.hot import SUBJECT, TENANT, decoder, event_struct, quick_decoder
from libs.events.registry import MODELS, VERSIONS

_encoder = msgspec.json.Encoder()
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def encode(event: AnyEvent) -> bytes:
    """An event as JSON. Nulls and defaults that carry nothing are left out."""
    body = event.model_dump(mode="json", exclude_defaults=True, serialize_as_any=True)
    return _encoder.encode({"specversion": "1.0", **body})


def encode_hot(event: msgspec.Struct) -> bytes:
    """A hot struct as JSON."""
    return _encoder.encode(event)


def decode(raw: bytes) -> AnyEvent:
    """The edge's reading: pydantic, with every limit checked. Raises DecodeError."""
    body = _mapping(raw)
    model = MODELS.get(str(body.get("type")))
    if model is None:
        raise DecodeError(f"unknown event type {body.get('type')!r}")
    try:
        return Envelope[model].model_validate_json(_encoder.encode(_upcast(body)))  # type: ignore[valid-type]
    except ValidationError as error:
        raise DecodeError(_first(error)) from None


def decode_hot(raw: bytes, *event_types: str) -> Any:
    """The hot path's reading: a msgspec struct of the event's type. Raises DecodeError.

    Today's version is read in one pass; only an older one takes the slow way over an upcaster.
    """
    try:
        event = decoder(*event_types).decode(raw)
    except _UNREADABLE as error:
        if not VERSIONS:  # nothing has ever moved: there is no older version to try
            raise DecodeError(str(error)) from None
        return _convert_hot(_upcast(_mapping(raw)), event_types)
    if event.dataschema == event.current_schema:
        return event
    return _convert_hot(_upcast(_mapping(raw)), event_types)


class Decoded(NamedTuple):
    """What became of many records: the events in order, and the others by their place among all."""

    events: list[Any]
    refused: dict[int, DecodeError]


def decode_many(raws: Sequence[bytes]) -> Decoded:
    """What `decode_hot` says of each record of customer.events, for two thirds of the cost. Raises nothing.

    Each record is read by itself: as one JSON text they were no faster, and two broken ones could fuse.
    """
    read = quick_decoder().decode
    try:
        events = [read(raw) for raw in raws]
    except _UNREADABLE:  # a broken record or one of another version is among them
        return _one_by_one(raws)
    spelt = TENANT.all_spelt([e.tenant for e in events]) and SUBJECT.all_spelt([e.subject for e in events])
    return Decoded(events, {}) if spelt else _one_by_one(raws)


def _one_by_one(raws: Sequence[bytes]) -> Decoded:
    found = Decoded([], {})
    for i, raw in enumerate(raws):
        try:
            found.events.append(decode_hot(raw))
        except DecodeError as error:
            found.refused[i] = error
    return found


def _mapping(raw: bytes) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(raw)
    except _UNREADABLE as error:
        raise DecodeError(f"not JSON: {error}") from None
    if not isinstance(body, dict):
        raise DecodeError(f"expected a JSON object, got {type(body).__name__}")
    return body


def _upcast(body: dict[str, Any]) -> dict[str, Any]:
    version = version_of(body.get("dataschema"))
    data = body.get("data")
    if not isinstance(data, dict):
        raise DecodeError("data: expected an object")
    return {**body, "data": upcast(str(body.get("type")), version, data)}


def _convert_hot(body: dict[str, Any], event_types: tuple[str, ...]) -> Any:
    name = str(body.get("type"))
    if name not in (event_types or MODELS):
        raise DecodeError(f"unknown event type {name!r}")
    try:
        return msgspec.convert(body, event_struct(name))
    except msgspec.ValidationError as error:
        raise DecodeError(str(error)) from None


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
