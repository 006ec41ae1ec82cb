"""Sweeps while events wait before us, or while nobody has heard how far the log goes."""

import asyncio
from datetime import timedelta

from libs.runtime.stream import Lane
from libs.runtime.stream.coverage import Place, Span
from tests.unit.stream.conftest import NOW, eventually
from tests.unit.stream.fakes import Bench

HOUR = timedelta(hours=1)
EVENTS = Place(Lane.EVENTS, 0)


async def caught_up_at(bench: Bench) -> None:
    """One event taken in at NOW, all taken, and the sweep that comes at the start."""
    await bench.own(0)
    await bench.engine.take(bench.chunk(0, b"1"))
    bench.all_taken()
    await eventually(lambda: bench.service.swept == [NOW])


async def several_looks() -> None:
    await asyncio.sleep(0.35)  # a look is 0.1 s; that nothing comes of them has no event


async def test_while_events_wait_before_us_time_stands_at_the_last_one_taken_in(bench: Bench):
    await caught_up_at(bench)
    bench.held = True
    bench.clock.advance(HOUR)
    await several_looks()
    assert bench.service.swept == [NOW]


async def test_when_they_have_come_sweeps_look_at_the_clock_again(bench: Bench):
    bench.held = True
    await bench.own(0)
    await bench.engine.take(bench.chunk(0, b"1"))
    bench.all_taken()
    bench.clock.advance(HOUR)
    await eventually(lambda: bench.service.swept == [NOW])
    bench.held = False
    await eventually(lambda: bench.service.swept == [NOW, NOW + HOUR])


async def test_an_end_of_the_log_that_was_heard_long_ago_is_none_to_judge_by(bench: Bench):
    await caught_up_at(bench)
    bench.source.deaf_since = bench.clock.wall()
    bench.clock.advance(HOUR)
    await several_looks()
    assert bench.service.swept == [NOW]
    bench.source.deaf_since = None
    await eventually(lambda: bench.service.swept[-1] == NOW + HOUR)


async def test_what_a_backlog_left_to_the_sweep_is_not_told_before_it(bench: Bench):
    await bench.own(0)
    assert not bench.engine.settled()
    bench.source.ends[EVENTS] = 10
    old = bench.chunk(0, b"1")
    bench.clock.advance(HOUR)
    await bench.engine.take(old)
    bench.source.spans[EVENTS] = Span(1, 1)
    await eventually(lambda: bench.service.swept != [])
    assert not bench.engine.settled()
    await bench.engine.take(bench.chunk(1, *[b"1"] * 9))
    bench.all_taken()
    await eventually(bench.engine.settled)
    assert len(bench.service.swept) == 2


async def test_nor_is_one_that_comes_and_goes_between_two_looks(bench: Bench, monkeypatch):
    await caught_up_at(bench)
    await eventually(bench.engine.settled)
    seen, sweep = [], bench.service.sweep

    def looking(rows, now):
        seen.append(bench.engine.settled())
        return sweep(rows, now)

    monkeypatch.setattr(bench.service, "sweep", looking)
    old = bench.chunk(1, b"1")
    bench.clock.advance(timedelta(seconds=2))  # no sweep is due for a minute
    bench.source.ends[EVENTS] = 3
    await bench.engine.take(old)
    await bench.engine.take(bench.chunk(2, b"1"))
    bench.all_taken()
    assert not bench.engine.settled()
    await eventually(bench.engine.settled)
    assert seen == [False]


async def test_nothing_is_settled_while_partitions_change_hands(bench: Bench):
    await caught_up_at(bench)
    await eventually(bench.engine.settled)
    bench.engine.halt()
    assert not bench.engine.settled()
