"""Whatever is offered, what is held stays within the bounds, and nothing of it is held for ever."""

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.errors import LimitedError, OverloadedError, TooLargeError
from services.ingest.gate import Gate
from tests.unit.ingest.shop import source

IN_FLIGHT, BUFFERED, BODY = 3, 1_000, 600
OFFERED = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 700)), max_size=60)
LIMITED = source("shopify", limits={"per_second": 1, "burst": 4})


@given(OFFERED)
def test_memory_is_bounded_at_any_load(offered):
    """Deliveries by number: new ones enter, those inside read a piece, the refused leave."""
    gate = Gate(IN_FLIGHT, BUFFERED, BODY, lambda: 0.0)
    bodies: dict[int, int] = {}
    for number, size in offered:
        try:
            if number not in bodies:
                gate.enter(LIMITED)
                bodies[number] = 0
            gate.take(size, bodies[number])
            bodies[number] += size
        except (TooLargeError, OverloadedError, LimitedError):
            if number in bodies:
                gate.leave(bodies.pop(number))
        assert (gate.in_flight, gate.buffered) == (len(bodies), sum(bodies.values()))
        assert gate.in_flight <= IN_FLIGHT
        assert gate.buffered <= BUFFERED
        assert all(held <= BODY for held in bodies.values())
    assert len(gate.buckets) <= 1
