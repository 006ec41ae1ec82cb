"""A position that moves while records are on their way is a gap, and never taken for a hole."""

from collections.abc import Callable

import pytest
from aiokafka.consumer.subscription_state import TopicPartitionState

from libs.runtime.stream.api import Lane
from libs.runtime.stream.coverage import Coverage, Place, Span
from libs.runtime.stream.reader import _tell_of_moves

HERE = Place(Lane.EVENTS, 0)


def reset_by_the_client(state: TopicPartitionState) -> None:
    state.await_reset(-2)
    state.reset_to(30)


def sought_by_somebody(state: TopicPartitionState) -> None:
    state.seek(30)


@pytest.mark.parametrize("move", [reset_by_the_client, sought_by_somebody])
async def test_a_move_in_the_middle_of_a_fetch_starts_a_new_line(
    move: Callable[[TopicPartitionState], None],
) -> None:
    state, coverage = TopicPartitionState(None), Coverage()
    state.seek(10)
    for _ in range(2):  # each fetch tells again: once is enough
        _tell_of_moves(state, HERE, coverage)
    coverage.before_fetch(HERE, state.position)
    move(state)
    state.consumed_to(35)
    assert coverage.delivered(HERE, 30, state.position) == Span(30, 35)


async def test_a_position_that_records_moved_stays_on_its_line_and_holes_are_part_of_it() -> None:
    state, coverage = TopicPartitionState(None), Coverage()
    state.seek(10)
    _tell_of_moves(state, HERE, coverage)
    coverage.before_fetch(HERE, state.position)
    state.consumed_to(35)
    assert coverage.delivered(HERE, 30, state.position) == Span(10, 35)
