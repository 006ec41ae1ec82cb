"""A rule that fires for too many at once is held until somebody decides."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from libs.events import AnyEvent
from libs.runtime.stream import Transfer
from services.triggers.domain import requests
from services.triggers.domain.guard import Limits
from services.triggers.domain.requests import Action, Request
from services.triggers.ports import NoObserver
from services.triggers.service import Triggers
from tests.unit.triggers.shop import DAY, Shop, cleared, fired, probe, snapshot

RULE = probe("score < 30", clear="score > 60")
NAMES = [f"c{i:03}" for i in range(100)]
FEW = Limits(share=0.05, least=3)  # of 100 customers five may fire in an hour
HOUR = timedelta(hours=1)


def shop(limits: Limits = FEW) -> Shop:
    """A hundred customers who are well."""
    made = Shop(RULE)
    made.runner.service = Triggers(RULE, limits=limits)
    see(made, NAMES, 70.0)
    return made


def see(made: Shop, names: list[str], score: float) -> list[AnyEvent]:
    return made.send(*(snapshot(name, made.now, score=score) for name in names))


def ask(made: Shop, action: Action, rule: str = "probe") -> list[AnyEvent]:
    """The request is taken in; the sweep after it carries it out."""
    value = requests.encode(Request("r1", action, rule))
    assert made.runner.receive([Transfer(rule.encode(), value)], made.now) == []
    return made.sweep()


def test_what_fires_past_the_limit_is_held() -> None:
    made = shop()
    assert len(fired(see(made, NAMES, 20.0))) == 5
    assert (made.ledger["fired"], made.ledger["held"]) == (5, 95)
    assert made.pass_days(3) == []


def test_few_firings_are_no_storm_whatever_share_they_are() -> None:
    made = shop(Limits(share=0.05, least=50))
    assert len(fired(see(made, NAMES[:50], 20.0))) == 50
    assert fired(see(made, NAMES[50:51], 20.0)) == []


def test_an_hour_later_as_many_may_fire_again() -> None:
    made = shop()
    assert len(fired(see(made, NAMES[:5], 20.0))) == 5
    made.now += HOUR - timedelta(minutes=5)
    made.sweep()
    made.now += timedelta(minutes=5)
    assert len(fired(see(made, NAMES[5:10], 20.0))) == 5
    assert fired(see(made, NAMES[10:11], 20.0)) == []


def test_what_ripened_while_nobody_looked_is_no_storm() -> None:
    made = shop()
    made.now += 10 * HOUR
    assert len(fired(see(made, NAMES, 20.0))) == 50
    assert made.ledger["held"] == 50


def test_one_rule_in_a_storm_holds_no_other() -> None:
    (other,) = probe("nps < 3")
    rules = (*RULE, replace(other, id="mark"))
    made = Shop(rules)
    made.runner.service = Triggers(rules, limits=FEW)
    see(made, NAMES, 70.0)
    see(made, NAMES, 20.0)
    assert fired(made.see("c099", score=20.0, nps=1)) == ["mark"]


def test_a_held_customer_who_recovers_was_never_told_of() -> None:
    made = shop()
    see(made, NAMES, 20.0)
    assert len(cleared(see(made, NAMES, 70.0))) == 5
    assert made.ledger["held_cleared"] == 95
    assert ask(made, "storm-release") == []


def test_a_release_fires_each_once_under_the_id_it_would_have_had() -> None:
    free, made = shop(Limits(share=1.0)), shop()
    wanted = see(free, NAMES, 20.0)
    sent = see(made, NAMES, 20.0)
    made.now += HOUR
    released = ask(made, "storm-release")
    assert sorted(event.id for event in sent + released) == sorted(event.id for event in wanted)
    assert {event.time for event in released} == {made.now}
    assert made.pass_days(2) == []
    assert made.ledger["held_released"] == 95
    assert len(cleared(see(made, NAMES, 70.0))) == 100


def test_after_a_release_a_rule_fires_as_ever() -> None:
    made = shop()
    see(made, NAMES[:50], 20.0)
    ask(made, "storm-release")
    assert len(fired(see(made, NAMES[50:55], 20.0))) == 5
    assert fired(see(made, NAMES[55:56], 20.0)) == []  # and is held again for the same reason


def test_what_is_dropped_fires_only_after_it_has_cleared() -> None:
    made = shop()
    see(made, NAMES, 20.0)
    assert ask(made, "storm-drop") == []
    assert made.ledger["held_dropped"] == 95
    assert made.pass_days(3) == []
    assert see(made, NAMES[50:55], 70.0) == []
    (event, *_) = see(made, NAMES[50:55], 20.0)
    assert event.id == "trigger:probe:demo/c050:1"


def test_asking_twice_fires_nothing_twice() -> None:
    made = shop()
    see(made, NAMES, 20.0)
    assert len(ask(made, "storm-release")) == 95
    assert ask(made, "storm-release") == []


@pytest.mark.parametrize("action", ["storm-release", "storm-drop"])
def test_a_request_without_a_storm_changes_nothing(action: Action) -> None:
    made = shop()
    assert ask(made, action) == []
    assert len(fired(see(made, NAMES[:5], 20.0))) == 5


@pytest.mark.parametrize("when", ["before", "asked"])
def test_a_storm_outlives_a_restart(when: str) -> None:
    made = shop()
    see(made, NAMES, 20.0)
    made.runner.restart()
    if when == "asked":
        value = requests.encode(Request("r1", "storm-release", "probe"))
        made.runner.receive([Transfer(b"probe", value)], made.now)
        made.runner.restart()
        assert len(fired(made.sweep())) == 95
    else:
        assert made.sweep() == []
        assert len(fired(ask(made, "storm-release"))) == 95


def test_who_is_erased_in_a_storm_is_no_longer_held() -> None:
    made = shop()
    see(made, NAMES, 20.0)
    for name in NAMES[5:]:
        made.forget(name)
    assert made.ledger["held_erased"] == 95
    assert ask(made, "storm-release") == []
    assert len(fired(see(made, NAMES[5:10], 20.0))) == 5  # the storm is over


def test_a_rule_taken_out_takes_its_storm_along() -> None:
    made = shop()
    see(made, NAMES, 20.0)
    (kept,) = probe("nps < 3")
    made.adopt([replace(kept, id="other")])
    made.sweep()
    made.adopt(RULE)
    assert made.sweep() == []
    made.forget("c099")
    see(made, NAMES[:3], 70.0)
    assert len(fired(see(made, NAMES[:3], 20.0))) == 3


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"{}", "undecodable"),
        (b'{"id":"r","action":"storm-burn","rule":"probe"}', "undecodable"),
        (b'{"id":"r","action":"storm-drop","rule":"prob"}', "unknown_rule"),
    ],
)
def test_a_request_that_cannot_be_used_is_a_dead_letter(value: bytes, reason: str) -> None:
    made = shop()
    made.runner.receive([Transfer(b"probe", value)], made.now)
    assert [letter.reason for letter in made.runner.dead_letters] == [reason]


class Watching(NoObserver):
    def __init__(self) -> None:
        self.began: list[str] = []
        self.held: Mapping[str, int] = {}

    def storm_began(self, rule: str, customers: int) -> None:
        self.began.append(f"{rule} of {customers}")

    def storms(self, partition: int, held: Mapping[str, int]) -> None:
        self.held = held


def test_whoever_watches_is_told_once_that_a_storm_began_and_always_what_is_held() -> None:
    made, watching = shop(), Watching()
    made.runner.service = Triggers(RULE, watching, FEW)
    see(made, NAMES[:50], 20.0)
    see(made, NAMES[50:], 20.0)
    assert watching.began == ["probe of 100"]
    assert watching.held == {"probe": 95}
    made.runner.restart()
    watching.held = {}
    made.now += DAY
    made.sweep()
    assert watching.held == {"probe": 95}
    ask(made, "storm-drop")
    assert watching.held == {}
