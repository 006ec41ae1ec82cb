"""What is silently armed fires a few a day, the most valuable customers first."""

from datetime import timedelta

import pytest

from libs.events import AnyEvent
from libs.runtime.stream import Transfer
from services.triggers import operate
from services.triggers.domain import requests
from services.triggers.domain.guard import Limits
from services.triggers.domain.requests import Request
from services.triggers.service import Triggers
from tests.unit.triggers.shop import Shop, fired, probe, snapshot

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


def ask(made: Shop, per_day: int, request: str = "r1") -> None:
    value = requests.encode(Request(request, "release", "probe", per_day))
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
    assert len(fired(made.sweep())) == 300
    assert len(fired(made.pass_days(1))) == 300


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
