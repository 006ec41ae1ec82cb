"""From where to where: the score and the band that a firing carries, before and after."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from libs.events import AnyEvent
from libs.events.families.health import TriggerFired
from libs.runtime.stream import Transfer
from services.triggers.domain import requests
from services.triggers.domain.guard import Limits
from services.triggers.domain.lifecycle import Memory
from services.triggers.domain.requests import Action, Request
from services.triggers.service import Triggers
from tests.unit.triggers.shop import DAY, Shop, fired, probe, snapshot, standard

AT_ONCE = probe("open_tickets > 0", clear="open_tickets = 0")
PATIENT = probe("open_tickets > 0", clear="open_tickets = 0", **{"for": "2d"})
WELL: dict[str, Any] = {"score": 82.0, "band": "green"}
ILL: dict[str, Any] = {"score": 58.0, "band": "yellow", "open_tickets": 1}
WORSE: dict[str, Any] = {"score": 31.0, "band": "red", "open_tickets": 1}

Health = tuple[float | None, str | None]


def told(events: list[AnyEvent]) -> tuple[Health, Health]:
    """The one firing's health before and after."""
    (data,) = (event.data for event in events if isinstance(event.data, TriggerFired))
    return (data.score_before, data.band_before), (data.score, data.band)


def test_a_snapshot_that_fires_tells_the_health_of_the_snapshot_before_it() -> None:
    shop = Shop(AT_ONCE)
    shop.see(**WELL, open_tickets=0)
    assert told(shop.see(**ILL)) == ((82.0, "green"), (58.0, "yellow"))


def test_the_first_snapshot_has_no_health_before_it() -> None:
    assert told(Shop(AT_ONCE).see(**ILL)) == ((None, None), (58.0, "yellow"))


def test_a_customer_who_came_back_from_a_tombstone_has_none_either() -> None:
    shop = Shop(AT_ONCE)
    shop.see(**WELL)
    shop.forget("ann")
    assert told(shop.see(**ILL))[0] == (None, None)


def test_a_rule_that_waited_tells_the_health_before_it_began_to_wait() -> None:
    shop = Shop(PATIENT)
    shop.see(**WELL, open_tickets=0)
    shop.see(**ILL)
    shop.pass_days(1)
    shop.see(**WORSE)  # still waiting: what it fell from stays what it was
    assert told(shop.pass_days(1)) == ((82.0, "green"), (31.0, "red"))


def test_so_it_does_when_a_snapshot_ends_the_wait() -> None:
    shop = Shop(PATIENT)
    shop.see(**WELL, open_tickets=0)
    shop.see(**ILL)
    shop.now += 2 * DAY
    assert told(shop.see(**WORSE)) == ((82.0, "green"), (31.0, "red"))


def test_who_waited_from_the_first_snapshot_on_has_no_health_before() -> None:
    shop = Shop(PATIENT)
    shop.see(**ILL)
    shop.see(**WORSE)
    assert told(shop.pass_days(2)) == ((None, None), (31.0, "red"))


def test_a_wait_that_was_broken_off_leaves_nothing_behind() -> None:
    shop = Shop(PATIENT)
    shop.see(**WELL, open_tickets=0)
    shop.see(**ILL)
    shop.see(score=70.0, band="yellow", open_tickets=0)
    shop.see(**WORSE)
    assert told(shop.pass_days(2))[0] == (70.0, "yellow")


def test_silence_tells_the_health_of_the_last_snapshot() -> None:
    shop = Shop(probe("days_since(last_visit_at) >= 2"))
    shop.see(**WELL, last_visit_at=shop.now)
    assert told(shop.pass_days(2)) == ((82.0, "green"), (82.0, "green"))


def test_what_happened_while_silence_waited_is_a_fall_from_the_health_before() -> None:
    shop = Shop(probe("days_since(last_visit_at) >= 2", **{"for": "2d"}))
    visit = {"last_visit_at": shop.now}
    shop.see(**WELL, **visit)
    shop.pass_days(3)
    shop.see(score=64.0, band="yellow", **visit)
    assert told(shop.pass_days(1)) == ((82.0, "green"), (64.0, "yellow"))


def test_each_rule_tells_its_own() -> None:
    """Two rules of one customer that began to wait at different moments."""
    shop = Shop(standard())
    shop.see(**WELL, stage="mid")
    shop.see(score=58.0, band="yellow")  # leaves green
    shop.now += DAY / 2
    shop.see(score=31.0, band="red")  # turns red
    said = {e.data.rule: told([e])[0] for e in shop.pass_days(2) if isinstance(e.data, TriggerFired)}
    assert said == {"band-left-green": (82.0, "green"), "band-turned-red": (58.0, "yellow")}


def test_a_restart_while_it_waits_forgets_nothing() -> None:
    shop = Shop(PATIENT)
    shop.see(**WELL, open_tickets=0)
    shop.see(**ILL)
    shop.runner.restart()
    assert told(shop.pass_days(2))[0] == (82.0, "green")


def test_what_a_storm_held_tells_when_released_what_it_would_have_told() -> None:
    shop = Shop(AT_ONCE)
    shop.runner.service = Triggers(AT_ONCE, limits=Limits(share=0.01, least=1))
    shop.send(snapshot("ann", shop.now, **WELL), snapshot("ben", shop.now, **WELL))
    assert fired(shop.send(snapshot("ben", shop.now, **ILL), snapshot("ann", shop.now, **ILL))) == ["probe"]
    shop.see("ann", **WORSE)
    shop.runner.restart()
    ask(shop, "storm-release")
    assert told(shop.sweep()) == ((82.0, "green"), (31.0, "red"))


def test_what_was_silently_armed_tells_the_last_snapshot_when_released() -> None:
    shop = Shop(AT_ONCE)
    shop.see(**WELL, open_tickets=0, backfill=True)
    shop.see(**ILL, backfill=True)
    ask(shop, "release")
    assert told(shop.sweep()) == ((58.0, "yellow"), (58.0, "yellow"))


def ask(shop: Shop, action: Action) -> None:
    shop.runner.receive([Transfer(b"probe", requests.encode(Request("r1", action, "probe", 5)))], shop.now)


def test_the_id_is_not_touched_by_it() -> None:
    one, other = Shop(AT_ONCE), Shop(AT_ONCE)
    one.see(**WELL)
    (this,), (that,) = one.see(**ILL), other.see(**ILL)
    assert (this.id, told([this]) == told([that])) == (that.id, False)


def test_a_memory_of_before_is_read_and_knows_of_no_health_before() -> None:
    """State that is already on the topic."""
    old = msgspec.msgpack.encode([Shop(AT_ONCE).now, None, None, 3])
    read = msgspec.msgpack.decode(old, type=Memory)
    assert (read.episode, read.before) == (3, None)


@pytest.mark.parametrize("days", [0, 5])
def test_nothing_of_it_is_kept_once_the_rule_has_fired(days: int) -> None:
    shop = Shop(PATIENT)
    shop.see(**WELL, open_tickets=0)
    shop.see(**ILL)
    key = b"demo/ann\x00probe"
    assert memory(shop, key).before is not None
    shop.pass_days(2)
    shop.now += timedelta(days=days)
    shop.see(**WORSE)
    assert (memory(shop, key).episode, memory(shop, key).before) == (1, None)


def memory(shop: Shop, key: bytes) -> Memory:
    return msgspec.msgpack.decode(shop.runner.rows.sparse.get(key) or b"", type=Memory)
