"""A privacy request: nothing of the customer is left, and what comes late for 30 days goes nowhere."""

from libs.events.families.customer import CustomerErased, CustomerMerged
from tests.unit.scoring.shop import Shop, day, order


def erased(shop: Shop, at: float, customer: str = "c1"):
    records = shop.happens(CustomerErased(request_id="r"), at, customer)
    return [*records, *shop.runner.settle(day(at))]


def keys_of(shop: Shop) -> str:
    """Every key and value of the state topic, readable."""
    return repr({k: v for k, v in shop.runner.state.items() if not k.startswith(b"\x00")})


def test_a_tombstone_on_the_health_topic_and_no_row_are_left() -> None:
    shop = Shop()
    shop.happens(order(1), 0)
    shop.happens(order(2), 0, "other")
    [record] = erased(shop, 1)
    assert (record.topic, record.key, record.value) == ("customer.health", b"demo/c1", None)
    assert b"demo/c1" not in shop.runner.state
    assert b"demo/other" in shop.runner.state


def test_what_came_before_it_in_the_same_chunk_is_erased_too() -> None:
    shop = Shop()
    shop.send(shop.event(order(1), 0), shop.event(CustomerErased(request_id="r"), 1))
    assert b"demo/c1" not in shop.runner.rows
    assert shop.ledger["applied"] == 2


def test_for_thirty_days_what_comes_late_goes_nowhere_and_is_counted() -> None:
    shop = Shop()
    shop.happens(order(1), 0)
    erased(shop, 1)
    for at in (1, 2, 30.9):
        assert shop.happens(order(2), at) == []
    assert b"demo/c1" not in shop.runner.rows
    assert shop.ledger["after_erasure"] == 3
    assert shop.ledger["applied"] == 5


def test_after_that_whoever_comes_is_somebody_new() -> None:
    shop = Shop()
    shop.happens(order(1), 0)
    erased(shop, 1)
    shop.happens(order(2), 31.1)
    assert shop.health().facts.orders_total == 1


def test_the_marker_goes_when_it_has_done_its_time() -> None:
    shop = Shop()
    erased(shop, 1)
    shop.happens(order(1), 2, "other")
    shop.sweep(30.9)
    assert "demo/c1" in keys_of(shop)
    shop.sweep(32)
    assert "demo/c1" not in keys_of(shop)


def test_the_marker_survives_a_restart() -> None:
    shop = Shop()
    erased(shop, 1)
    shop.runner.restart()
    assert shop.happens(order(1), 2) == []


def test_an_erasure_told_twice_is_a_duplicate_and_another_one_is_not() -> None:
    shop = Shop()
    told = shop.event(CustomerErased(request_id="r"), 1)
    shop.send(told)
    assert shop.send(told) == []
    assert shop.ledger == {"applied": 1, "duplicate": 1}
    shop.happens(CustomerErased(request_id="q"), 2)
    assert shop.ledger["applied"] == 2


def test_erasing_the_survivor_erases_whoever_became_them() -> None:
    shop = Shop()
    shop.happens(order(1), 0, "c1")
    shop.happens(CustomerMerged(into="c2"), 1, "c1")
    shop.happens(CustomerMerged(into="c3"), 1, "c2")
    shop.runner.settle(day(1))
    erased(shop, 2, "c3")
    assert not shop.runner.rows.slots.size
    assert "alias" not in keys_of(shop)
    assert "joined" not in keys_of(shop)
    for who in ("c1", "c2", "c3"):
        shop.happens(order(2), 3, who)
        shop.runner.settle(day(3))
    assert not shop.runner.rows.slots.size


def test_erasing_by_the_name_of_one_who_is_gone_erases_the_survivor() -> None:
    shop = Shop()
    shop.happens(order(1), 0, "c1")
    shop.happens(CustomerMerged(into="c2"), 1, "c1")
    shop.runner.settle(day(1))
    erased(shop, 2, "c1")
    assert not shop.runner.rows.slots.size


def test_a_row_under_way_to_somebody_erased_is_erased() -> None:
    shop = Shop()
    shop.happens(order(1), 0, "c1")
    shop.happens(CustomerMerged(into="c2"), 1, "c1")
    shop.happens(CustomerErased(request_id="r"), 1, "c2")  # before the row has arrived
    shop.runner.settle(day(1))
    assert not shop.runner.rows.slots.size
    assert "alias" not in keys_of(shop)
    assert shop.ledger["rows_sent"] == shop.ledger["rows_received"] == 1
