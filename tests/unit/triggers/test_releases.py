"""What is silently armed fires a few a day, the most valuable customers first."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta

import pytest

from libs.events import AnyEvent
from libs.runtime.stream import Rows, Transfer
from services.triggers import operate, releasing
from services.triggers.domain import requests
from services.triggers.domain.guard import Limits
from services.triggers.domain.requests import Request
from services.triggers.ports import NoObserver
from services.triggers.service import Triggers
from tests.unit.triggers.shop import DAY, Shop, fired, probe, snapshot

RULE = probe("score < 30", clear="score > 60")
WORTH = {"ann": (100, None), "ben": (900, 1), "cid": (900, 5), "dee": (None, None), "eve": (500, 9)}
BEST_FIRST = ["cid", "ben", "eve", "ann", "dee"]
HOUR = timedelta(hours=1)


def armed(slice_rows: int | None = None) -> Shop:
    """A shop whose history left everybody silently armed."""
    made = Shop(RULE, slice_rows)
    told = [
        snapshot(name, made.now, backfill=True, score=20.0, spend_total=spend, mrr=mrr)
        for name, (spend, mrr) in WORTH.items()
    ]
    assert made.send(*told) == []
    return made


def armed_many(count: int, true: int | None = None) -> Shop:
    """All silently armed, the last one worth most; only the first `true` of them are still so."""
    made, true = Shop(RULE), count if true is None else true

    def told(i: int, score: float) -> AnyEvent:
        return snapshot(f"c{i:03}", made.now, backfill=True, score=score, spend_total=i)

    made.send(*(told(i, 20.0) for i in range(count)))
    made.send(*(told(i, 50.0) for i in range(true, count)))  # neither true nor clear
    return made


def windows(made: Shop, size: int) -> Iterator[Rows]:
    rows = made.runner.rows
    return (rows.window(start, start + size) for start in range(0, rows.extent, size))


class Counting(NoObserver):
    """How many customers were evaluated."""

    customers = 0

    def evaluation(self, customers: int) -> AbstractContextManager[object]:
        self.customers += customers
        return super().evaluation(customers)


def ask(made: Shop, per_day: int, request: str = "r1", rule: str = "probe") -> None:
    value = requests.encode(Request(request, "release", rule, per_day))
    assert made.runner.receive([Transfer(b"probe", value)], made.now) == []


def who(events: list[AnyEvent]) -> list[str | None]:
    assert len(fired(events)) == len(events)
    return [event.subject for event in events]


@pytest.mark.parametrize("slice_rows", [None, 1, 2])
def test_so_many_fire_a_day_the_most_valuable_of_the_partition_first(slice_rows: int | None) -> None:
    made = armed(slice_rows)
    assert made.sweep() == []
    ask(made, 2)
    assert who(made.sweep()) == BEST_FIRST[:2]
    made.now += HOUR
    assert made.sweep() == []
    assert who(made.pass_days(1)) == BEST_FIRST[2:4]
    assert who(made.pass_days(1)) == BEST_FIRST[4:]
    assert made.pass_days(3) == []
    assert (made.ledger["silent_released"], made.ledger["fired"]) == (5, 5)


def test_a_released_firing_is_one_like_any_other() -> None:
    made = armed()
    ask(made, 1)
    (event,) = made.sweep()
    assert event.id == "trigger:probe:demo/cid:1"
    made.see("cid", score=70.0)
    (again,) = made.see("cid", score=20.0)
    assert again.id == "trigger:probe:demo/cid:2"


def test_the_days_count_outlives_restarts_and_being_asked_again() -> None:
    made = armed()
    ask(made, 1)
    made.runner.restart()
    assert who(made.sweep()) == ["cid"]
    made.runner.restart()
    assert made.sweep() == []
    ask(made, 1)  # the same request
    ask(made, 1, "r2")
    assert made.sweep() == []
    ask(made, 3, "r3")
    assert who(made.sweep()) == ["ben", "eve"]


def test_who_is_no_longer_so_is_passed_over() -> None:
    made = armed()
    made.see("cid", score=50.0, spend_total=900)  # neither true nor clear
    made.see("ben", score=90.0, spend_total=900)
    ask(made, 2)
    assert who(made.sweep()) == ["eve", "ann"]


def test_who_comes_true_again_later_in_the_day_waits_for_the_next() -> None:
    made = armed()
    for name in BEST_FIRST[1:]:
        made.see(name, score=50.0)
    ask(made, 2)
    assert who(made.sweep()) == ["cid"]
    made.see("ben", score=20.0)
    assert made.sweep() == []
    assert who(made.pass_days(1)) == ["ben"]


def test_a_release_of_none_a_day_ends_it() -> None:
    made = armed()
    ask(made, 1)
    assert who(made.sweep()) == ["cid"]
    ask(made, 0, "r2")
    assert made.pass_days(3) == []


def test_a_release_ends_with_the_condition_it_was_asked_for() -> None:
    made = armed()
    ask(made, 1)
    made.adopt(probe("score < 40", clear="score > 60"))
    assert made.pass_days(3) == []


def test_who_fired_within_the_cooldown_stays_silent() -> None:
    made = Shop(probe("score < 30", clear="score > 60", cooldown="5d"))
    made.see("ann", score=20.0)
    made.see("ann", score=70.0)
    made.see("ann", backfill=True, score=20.0)
    ask(made, 1)
    assert made.pass_days(4) == []
    assert who(made.pass_days(1)) == ["ann"]


def test_a_rule_just_switched_on_is_released_once_everybody_has_met_it() -> None:
    made = Shop(probe("nps < 3"), slice_rows=1)
    for name, (spend, _) in WORTH.items():
        made.see(name, score=20.0, spend_total=spend)
    made.adopt(RULE)
    ask(made, 1)
    assert who(made.sweep()) == ["ben"]


def test_more_than_one_slice_takes_goes_on_in_the_next() -> None:
    made = Shop(RULE, slice_rows=100)
    made.send(*(snapshot(f"c{i:03}", made.now, backfill=True, score=20.0) for i in range(600)))
    ask(made, 300)
    assert len(fired(made.sweep())) == 256  # the slice in which everybody had been seen
    assert len(fired(made.sweep())) == 44
    assert made.sweep() == []
    made.now += DAY
    assert len(fired(made.sweep() + made.sweep())) == 300


def test_a_slice_looks_at_nobody_but_its_own_and_the_few_it_fires() -> None:
    """3,000 are silently armed and no longer so, 30 still are: nobody walks past them all at once."""
    made, counting = armed_many(3_030, true=30), Counting()
    made.runner.service = Triggers(RULE, counting)
    ask(made, 20)
    said = []
    for window in windows(made, 100):
        counting.customers = 0
        said += list(made.runner.service.sweep(window, made.now))
        assert counting.customers <= 100 + 20
    assert len(said) == 20


def test_a_crash_between_two_slices_fires_nobody_twice_and_nobody_too_many() -> None:
    made = armed_many(600)
    ask(made, 300)
    first = who(made.sweep())
    made.runner.restart()
    made.runner.service = Triggers(RULE)  # another process
    assert first + who(made.sweep()) == [f"c{i:03}" for i in reversed(range(300, 600))]
    assert made.sweep() == []


def test_what_was_never_stored_is_fired_again_after_the_rows_were_read_back() -> None:
    """The same process goes on with the partition, its list knowing of firings that never came to be."""
    made = armed_many(600)
    ask(made, 300)
    lost = list(made.runner.service.sweep(made.runner.rows, made.now))
    made.runner.restart()
    again = made.sweep()
    assert [record.key for record in lost] == [event.key for event in again]
    assert len(again) == 256


def test_who_asks_in_the_middle_of_a_sweep_waits_for_one_that_sees_everybody() -> None:
    made, said = armed(), []
    for start, window in enumerate(windows(made, 2)):
        if start == 1:
            ask(made, 1)  # the most valuable is in the third place, the least in the first
        said += list(made.runner.service.sweep(window, made.now))
    assert said == []
    assert who(made.sweep()) == ["cid"]


def test_a_slot_that_became_anothers_is_not_fired_in_the_place_of_who_is_gone() -> None:
    made = armed_many(300)
    ask(made, 258)
    made.sweep()  # 256 of them; c043 and c042 are next
    made.forget("c043")
    made.see("new", score=20.0, backfill=True, spend_total=1)
    assert who(made.sweep()) == ["c042"]
    assert who(made.sweep()) == ["c041"]  # what the list lacked is found by the sweep after
    assert made.sweep() == []


def test_fewer_than_were_asked_for_are_all_fired() -> None:
    made = armed_many(300)
    ask(made, 400)
    assert [len(who(made.sweep())) for _ in range(3)] == [256, 44, 0]


@pytest.mark.parametrize("score", [90.0, 50.0])  # clear, and neither true nor clear
def test_who_is_no_longer_so_at_their_turn_is_left_out(score: float) -> None:
    made = armed_many(300)
    ask(made, 257)
    made.sweep()
    made.see("c043", score=score)
    assert made.sweep() == []
    assert who(made.sweep()) == ["c042"]


def test_those_who_cool_down_do_not_stand_in_the_way_of_the_others() -> None:
    made = Shop(probe("score < 30", clear="score > 60", cooldown="5d"))
    made.see("ann", score=20.0, spend_total=900)
    made.see("ann", score=70.0, spend_total=900)
    for name, spend in (("ann", 900), ("ben", 1)):
        made.see(name, backfill=True, score=20.0, spend_total=spend)
    ask(made, 1)
    assert who(made.sweep()) == ["ben"]


def test_more_than_a_list_holds_goes_on_with_the_next_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releasing, "LONGEST", 2)
    made = armed(slice_rows=2)
    ask(made, 5)
    assert [who(made.sweep()) for _ in range(4)] == [BEST_FIRST[:2], BEST_FIRST[2:4], BEST_FIRST[4:], []]


def test_two_rules_share_what_a_slice_may_fire() -> None:
    other = replace(RULE[0], id="other")
    made = Shop((*RULE, other))
    made.send(*(snapshot(f"c{i:03}", made.now, backfill=True, score=20.0) for i in range(200)))
    ask(made, 200)
    ask(made, 200, "r2", "other")
    assert [len(fired(made.sweep())) for _ in range(3)] == [256, 144, 0]


def test_dropping_a_storm_ends_a_release_and_a_held_rule_releases_nothing() -> None:
    made = armed()
    made.runner.service = Triggers(RULE, limits=Limits(share=0.01, least=1))
    made.see("fay", score=20.0)
    assert made.see("gil", score=20.0) == []  # held
    ask(made, 5)
    assert made.sweep() == []
    drop = requests.encode(Request("r2", "storm-drop", "probe"))
    made.runner.receive([Transfer(b"probe", drop)], made.now)
    assert made.pass_days(2) == []


@pytest.mark.parametrize("per_day", [0, 3, 4, 10])
def test_the_partitions_shares_add_up_to_what_was_asked(per_day: int) -> None:
    shares = [operate.share_of(per_day, number, 4) for number in range(4)]
    assert sum(shares) == per_day
    assert max(shares) - min(shares) <= 1
