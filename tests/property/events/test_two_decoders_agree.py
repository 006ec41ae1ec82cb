"""The edge (pydantic) and the hot path (msgspec) give the same answers: same refusals, same content."""

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from pydantic import BaseModel

from libs.events import DecodeError, decode, decode_hot, encode, encode_hot
from libs.events.registry import MODELS
from tests.property.events.strategies import bodies, nearly

ALL_TYPES = tuple(MODELS)


def plain(value: Any) -> Any:
    """Either kind of event as comparable plain data."""
    if isinstance(value, BaseModel):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields if name != "type"}
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    return [plain(item) for item in value] if isinstance(value, tuple | list) else value


def answer(read: Any, raw: bytes) -> Any:
    try:
        return plain(read(raw))
    except DecodeError:
        return "refused"


def read_hot(raw: bytes) -> Any:
    return decode_hot(raw, *ALL_TYPES)


@settings(max_examples=400, deadline=None)
@given(bodies())
def test_a_valid_event_reads_the_same_by_both_roads(body: dict[str, Any]) -> None:
    raw = json.dumps(body).encode()
    edge = answer(decode, raw)
    assert edge != "refused"
    assert answer(read_hot, raw) == edge


@settings(max_examples=600, deadline=None)
@given(nearly())
def test_a_damaged_event_is_judged_the_same_by_both_roads(raw: bytes) -> None:
    assert answer(read_hot, raw) == answer(decode, raw)


@settings(max_examples=200, deadline=None)
@given(bodies())
def test_encoding_and_decoding_gives_the_event_back(body: dict[str, Any]) -> None:
    event = decode(json.dumps(body).encode())
    assert decode(encode(event)) == event
    assert plain(decode(encode_hot(read_hot(encode(event))))) == plain(event)
