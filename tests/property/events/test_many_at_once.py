"""Records read together say what each says alone: whatever stands beside them."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.events import CUSTOMER_EVENT_TYPES, DecodeError, decode_hot, decode_many
from tests.property.events.strategies import bodies, nearly
from tests.property.events.test_two_decoders_agree import plain

VALID = bodies(tuple(CUSTOMER_EVENT_TYPES)).map(lambda body: json.dumps(body).encode())
HALVES = st.sampled_from([b"", b"{", b"}", b"1],[2", b"null", b"[]", b'{"type":', b'"x"}', b"\xff", b"{},{}"])


@st.composite
def respelt(draw: st.DrawFn) -> bytes:
    """A valid event with a tenant or a subject that is odd in its characters or its length."""
    body = json.loads(draw(VALID))
    long = st.sampled_from([64, 65, 128, 129]).map(lambda n: "x" * n)
    odd = st.sampled_from(["", "a/b", "a b", "a:b", "é", "a\n", "\n"])
    body[draw(st.sampled_from(["tenant", "subject"]))] = draw(st.one_of(odd, long, st.text(max_size=4)))
    return json.dumps(body).encode()


def alone(raw: bytes) -> Any:
    try:
        return plain(decode_hot(raw))
    except DecodeError as error:
        return str(error)


def together(raws: list[bytes]) -> list[Any]:
    events, refused = decode_many(raws)
    rest = iter(events)
    said = [str(refused[i]) if i in refused else plain(next(rest)) for i in range(len(raws))]
    assert next(rest, None) is None
    return said


@settings(max_examples=300, deadline=None)
@given(st.lists(VALID, max_size=5))
def test_valid_records_are_all_events(raws: list[bytes]) -> None:
    assert decode_many(raws).refused == {}
    assert together(raws) == [alone(raw) for raw in raws]


@settings(max_examples=500, deadline=None)
@given(st.lists(st.one_of(VALID, nearly(), respelt(), HALVES), max_size=6))
def test_a_damaged_record_is_refused_for_its_own_reason_and_moves_no_other(raws: list[bytes]) -> None:
    assert together(raws) == [alone(raw) for raw in raws]
