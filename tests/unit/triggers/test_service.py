"""The service on one partition: what comes in, what goes out, what is remembered."""

from dataclasses import replace
from datetime import timedelta

import pytest

from libs.events import decode, encode
from libs.events.families.health import TriggerCleared, TriggerFired
from services.triggers.domain.firing import trigger_id
from services.triggers.domain.rows import Labels
from services.triggers.domain.rules import Rule
from services.triggers.ports import NoObserver
from services.triggers.service import Triggers
from tests.unit.triggers.shop import DAY, START, WHY, Shop, cleared, fired, probe, snapshot

LOW = probe("score < 30", clear="score > 60", cooldown="14d")


def test_a_firing_carries_all_a_reader_needs() -> None:
    shop = Shop(LOW)
    (event,) = shop.see(score=20.5, segment="vip", orders_total=7, cause="shopify:order:1")
    data = event.data
    assert isinstance(data, TriggerFired)
    assert (event.id, event.key, event.simulated, event.backfill) == (
        data.trigger_id,
        b"demo/ann",
        True,
        False,
    )
    assert (event.time, event.receivedat, data.fired_at) == (START, START, START)
    assert (data.rule, data.level, data.title, data.reason) == ("probe", "red", "Probe", "score 20.5")
    assert (data.rule_version, data.labels) == (LOW[0].version, {"team": "tests"})
    assert (data.score, data.band, data.stage, data.segment, data.tier) == (
        20.5,
        "yellow",
        "mid",
        "vip",
        "standard",
    )
    assert (data.episode, data.firings_before, data.cause) == (1, 0, "shopify:order:1")
    assert data.contributions == (WHY,)
    assert data.facts.orders_total == 7


def test_a_rule_fires_again_only_after_clearing_and_cooling_down() -> None:
    shop = Shop(LOW)
    assert fired(shop.see(score=20.0)) == ["probe"]
    assert shop.see(score=10.0) == []  # still firing
    assert shop.see(score=50.0) == []  # neither true nor clear: hysteresis
    (gone,) = shop.see(score=70.0, cause="shopify:order:2")
    assert isinstance(gone.data, TriggerCleared)
    assert (gone.data.episode, gone.data.cause) == (1, "shopify:order:2")
    assert fired(shop.see(score=20.0) + shop.pass_days(13)) == []  # cooling down
    (again,) = shop.pass_days(1)
    assert isinstance(again.data, TriggerFired)
    assert (again.data.episode, again.data.firings_before, again.data.cause) == (2, 1, "silence")
    assert again.data.trigger_id != gone.data.trigger_id
    assert (shop.ledger["fired"], shop.ledger["cleared"], shop.ledger["applied"]) == (2, 1, 5)


def test_what_fires_in_silence_keeps_the_contributions_of_the_snapshot_that_made_it_pending() -> None:
    shop = Shop(probe("score < 30", **{"for": "1d"}))
    shop.see(score=20.0)
    (event,) = shop.pass_days(1)
    assert isinstance(event.data, TriggerFired)
    assert (event.data.cause, event.data.contributions) == ("silence", (WHY,))
    shop.see(score=20.0)
    assert b"demo/ann\x00~contributions" not in dict(
        shop.runner.rows.sparse.items_with_prefix(b"demo/ann\x00")
    )


def test_a_pending_rule_whose_condition_ends_begins_anew() -> None:
    shop = Shop(probe("score < 30", **{"for": "2d"}))
    shop.see(score=20.0)
    assert shop.pass_days(1) == []
    shop.see(score=40.0)
    shop.see(score=20.0)
    assert shop.pass_days(1.5) == []
    assert fired(shop.pass_days(0.5)) == ["probe"]


def test_keep_firing_for_outlasts_a_short_recovery() -> None:
    shop = Shop(probe("score < 30", keep_firing_for="3d"))
    shop.see(score=20.0)
    shop.see(score=90.0)
    assert shop.pass_days(2) == []
    shop.see(score=20.0)
    shop.see(score=90.0)
    assert shop.pass_days(2) == []
    assert cleared(shop.pass_days(1)) == ["probe"]


def test_a_fact_that_becomes_unknown_neither_fires_nor_clears() -> None:
    shop = Shop(probe("orders_total < 3"))
    assert fired(shop.see(orders_total=1)) == ["probe"]
    assert shop.see(orders_total=None) == []
    assert cleared(shop.see(orders_total=5)) == ["probe"]


def test_an_excluded_customer_is_cleared_at_once() -> None:
    shop = Shop(probe("score < 30"))
    shop.see(score=20.0)
    assert cleared(shop.see(score=20.0, excluded=True)) == ["probe"]


def test_a_rule_for_segments_leaves_all_others_alone() -> None:
    shop = Shop(probe("score < 30", segments="[vip, b2b]"))
    assert fired(shop.see("ann", score=20.0)) == []
    assert fired(shop.see("ben", score=20.0, segment="b2b")) == ["probe"]
    assert cleared(shop.see("ben", score=20.0, segment="consumer")) == ["probe"]


def test_of_several_snapshots_in_a_chunk_the_last_one_counts() -> None:
    shop = Shop(LOW)
    low, high = snapshot("ann", START, score=20.0), snapshot("ann", START, score=90.0)
    assert shop.send(low, high) == []
    assert fired(shop.send(high, low)) == ["probe"]
    assert shop.ledger["applied"] == 4


def test_history_and_life_in_one_chunk_are_kept_apart() -> None:
    shop = Shop(probe("open_tickets > 0"))
    history = snapshot("ann", START, backfill=True, open_tickets=0)
    assert fired(shop.send(history, snapshot("ann", START, open_tickets=1))) == ["probe"]
    troubled = snapshot("ben", START, backfill=True, open_tickets=1)
    assert fired(shop.send(troubled, snapshot("ben", START, open_tickets=1))) == []


def test_a_tombstone_takes_everything_of_a_customer() -> None:
    shop = Shop(LOW)
    shop.see("ann", score=20.0)
    shop.see("anna", score=20.0)
    shop.forget("ann")
    assert list(shop.runner.rows.keys()) == [b"demo/anna"]
    assert len(shop.runner.rows.sparse) == 1
    assert shop.pass_days(2) == []
    shop.forget("ann")  # again does nothing


def test_a_snapshot_after_a_tombstone_begins_anew() -> None:
    shop = Shop(LOW)
    shop.see(score=20.0)
    shop.forget("ann")
    assert fired(shop.see(score=20.0)) == ["probe"]


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (b"demo/ann", b"{}", "undecodable"),
        (b"demo/ann", b"\xff", "undecodable"),
        (b"demo/ann", b'{"type":"order.placed"}', "undecodable"),
        (None, b"{}", "no_key"),
        (b"", None, "no_key"),
    ],
)
def test_what_cannot_be_read_is_a_dead_letter_and_the_rest_goes_on(
    key: bytes | None, value: bytes | None, reason: str
) -> None:
    shop = Shop(LOW)
    good = snapshot("ann", START, score=20.0)
    given = shop.runner.send([(key, value), (good.key, encode(good))], START)
    assert fired([decode(record.value or b"") for record in given]) == ["probe"]
    assert [letter.reason for letter in shop.runner.dead_letters] == [reason]
    assert (shop.ledger["applied"], shop.ledger["dead_lettered"]) == (1, 1)


def test_a_snapshot_under_another_customers_key_is_a_dead_letter() -> None:
    shop = Shop(LOW)
    shop.runner.send([(b"demo/ben", encode(snapshot("ann", START)))], START)
    assert [letter.reason for letter in shop.runner.dead_letters] == ["wrong_key"]
    assert len(shop.runner.rows) == 0


def both(when: str) -> tuple[Rule, ...]:
    """LOW, and a rule `second` that is switched on later."""
    (other,) = probe(when)
    return (*LOW, replace(other, id="second"))


def test_a_rule_switched_on_arms_silently_what_is_already_true() -> None:
    shop = Shop(LOW)
    shop.see("ann", score=40.0)
    shop.see("ben", score=80.0)
    shop.adopt(both("score < 50"))
    assert shop.sweep() == []
    assert fired(shop.see("ann", score=35.0)) == []
    assert fired(shop.see("ben", score=45.0)) == ["second"]  # came true later
    assert fired(shop.see("cid", score=45.0)) == ["second"]  # first seen live
    assert shop.see("ann", score=70.0) == []
    assert fired(shop.see("ann", score=40.0)) == ["second"]


def test_a_rule_switched_on_is_silent_even_if_a_snapshot_comes_before_the_sweep() -> None:
    shop = Shop(LOW)
    shop.see("ann", score=40.0)
    shop.adopt(both("score < 50"))
    assert fired(shop.see("ann", score=40.0)) == []


def test_silence_survives_a_restart() -> None:
    shop = Shop(LOW)
    shop.see("ann", score=40.0)
    shop.adopt(both("score < 50"))
    shop.sweep()
    shop.adopt(both("score < 50"))
    assert shop.sweep() == []


def test_an_edited_condition_does_not_fire_at_everybody() -> None:
    shop = Shop(LOW)
    shop.see("ann", score=40.0)
    shop.see("ben", score=20.0)
    shop.adopt(probe("score < 50", clear="score > 60", cooldown="14d"))
    assert shop.sweep() == []
    assert cleared(shop.see("ben", score=70.0)) == ["probe"]  # what was firing went on


def test_a_rule_taken_out_and_put_back_goes_on_counting_its_episodes() -> None:
    shop = Shop(both("score < 50"))
    shop.see(score=40.0)
    shop.adopt(LOW)
    shop.sweep()
    shop.adopt(both("score < 50"))
    assert shop.sweep() == []
    shop.see(score=90.0)
    (event,) = shop.see(score=40.0)
    assert isinstance(event.data, TriggerFired)
    assert (event.data.rule, event.data.episode) == ("second", 2)


def test_a_restart_in_the_middle_changes_nothing() -> None:
    rules = probe("score < 30", **{"for": "2d"})
    through, stopped = Shop(rules), Shop(rules)
    for shop in (through, stopped):
        shop.see(score=20.0, segment="vip", orders_total=7)
        shop.pass_days(1)
    stopped.runner.restart()
    assert stopped.pass_days(1) == through.pass_days(1)
    assert stopped.ledger == through.ledger


@pytest.mark.parametrize("slice_rows", [1, 3, 1_000])
def test_slices_of_a_sweep_add_up_to_the_whole(slice_rows: int) -> None:
    shop = Shop(probe("days_since(last_visit_at) >= 2"), slice_rows)
    for i in range(10):
        shop.see(f"c{i}", last_visit_at=START - timedelta(hours=i))
    assert [event.subject for event in shop.pass_days(2)] == [f"c{i}" for i in range(10)]


def test_a_sweep_over_nobody_says_nothing() -> None:
    assert Shop(LOW).sweep() == []


def test_the_watermark_is_the_latest_receivedat() -> None:
    shop = Shop(LOW)
    shop.send(snapshot("ann", START + DAY), snapshot("ben", START))
    assert shop.runner.rows.watermark == START + DAY


def test_an_id_is_the_same_when_computed_again_and_fits_the_contract() -> None:
    assert (
        trigger_id("probe", b"demo/ann", 1)
        == trigger_id("probe", b"demo/ann", 1)
        == "trigger:probe:demo/ann:1"
    )
    long = b"t" * 64 + b"/" + b"c" * 128
    assert len(trigger_id("probe", long, 1)) <= 128
    assert trigger_id("probe", long, 1) != trigger_id("probe", long, 2)


def test_words_past_the_limit_are_one_word() -> None:
    labels = Labels.of(f"w{i}" for i in range(Labels.MAX))
    assert labels.code("w7") == 8
    assert labels.words[labels.code("new") - 1] == labels.words[labels.code("newer") - 1] == "other"


class Watching(NoObserver):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def moved(self, rule: str, phase: object, customers: int = 1) -> None:
        self.seen.append(f"{rule} {phase!s} {customers}")

    def said(self, rule: str, action: str) -> None:
        self.seen.append(f"{rule} {action}")


def test_whoever_watches_is_told_of_each_move() -> None:
    shop, watching = Shop(LOW), Watching()
    shop.runner.service = Triggers(LOW, watching)
    shop.see("ann", score=20.0)
    shop.send(*(snapshot(name, START, backfill=True, score=20.0) for name in ("ben", "cid")))
    assert watching.seen == ["probe 2 1", "probe fired", "probe 4 2"]
