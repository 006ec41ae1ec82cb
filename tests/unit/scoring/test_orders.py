"""What orders, refunds and returns do to the facts (FIELD.md 8, 10, 11, 18)."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from libs.events.families.commerce import (
    OrderCancelled,
    OrderDelivered,
    OrderRefunded,
    OrderShipped,
    OrderUpdated,
    ReturnRequested,
)
from services.scoring.domain.money import Money
from tests.unit.scoring.shop import Shop, day, order, signal


def edit(number: int, amount: str, **more: object) -> OrderUpdated:
    return OrderUpdated(order_id=str(number), amount=amount, currency="USD", **more)


def refund(number: int, amount: str, **more: object) -> OrderRefunded:
    return OrderRefunded(
        order_id=str(number), refund_id=f"r{number}{amount}", amount=amount, currency="USD", **more
    )


def test_orders_count_and_their_amounts_add_up_in_minor_units() -> None:
    shop = Shop()
    shop.happens(order(1, "12.50"), 0)
    shop.happens(order(2, "7.49"), 40)
    facts = shop.health().facts
    assert (facts.orders_total, facts.orders_90d, facts.spend_total, facts.currency) == (2, 2, 1999, "USD")
    assert (facts.first_order_at, facts.last_order_at) == (day(0), day(40))


def test_the_last_version_of_an_order_wins_whatever_arrives_first() -> None:
    for first, second in ((10.0, 20.0), (20.0, 10.0)):
        shop = Shop()
        shop.happens(order(1, "10.00"), 1)
        for at in (first, second):
            shop.send(shop.event(edit(1, f"{at:.2f}"), at, id=f"edit{at}", received=30))
        assert shop.health().facts.spend_total == 2000
        assert shop.health().facts.orders_total == 1


def test_an_order_edited_before_it_arrives_is_one_order_at_its_own_time() -> None:
    shop = Shop()
    shop.happens(edit(1, "30.00"), 5)
    assert shop.health().facts.orders_total == 0  # it waits for the order itself
    shop.send(shop.event(order(1, "10.00"), 1, received=6))
    facts = shop.health().facts
    assert (facts.orders_total, facts.spend_total, facts.last_order_at) == (1, 3000, day(1))


def test_a_cancelled_order_is_no_order_even_if_told_before_it() -> None:
    shop = Shop()
    shop.happens(OrderCancelled(order_id="2"), 3)
    shop.send(shop.event(order(2), 2, received=4))
    shop.happens(order(1), 5)
    shop.happens(OrderCancelled(order_id="1"), 6)
    facts = shop.health().facts
    assert (facts.orders_total, facts.spend_total, facts.last_order_at) == (0, 0, None)
    assert signal(shop.health(), "purchase_recency") is None


def test_an_old_order_cancelled_takes_its_amount_with_it() -> None:
    shop = Shop()
    for i in range(8):
        shop.happens(order(i, "10.00"), i * 10)
    shop.happens(OrderCancelled(order_id="0", amount="10.00", currency="USD", placed_at=day(0)), 80)
    facts = shop.health().facts
    assert (facts.orders_total, facts.spend_total) == (7, 7000)


@pytest.mark.parametrize("nothing", [order(1, counts=False), order(1, "0.00"), order(1, "-5.00")])
def test_test_zero_value_and_other_uncounted_orders_move_nothing(nothing: object) -> None:
    shop = Shop()
    shop.happens(nothing, 0)  # type: ignore[arg-type]
    facts = shop.health().facts
    assert (facts.orders_total, facts.spend_total, facts.first_order_at) == (0, 0, None)


def test_refunds_net_and_never_below_nothing() -> None:
    shop = Shop()
    shop.happens(order(1, "50.00"), 0)
    shop.happens(order(2, "20.00"), 1)
    shop.happens(refund(1, "30.00", order_amount="50.00"), 2)
    assert shop.health().facts.spend_total == 4000
    assert shop.health().facts.returned_share == pytest.approx(0.6)
    shop.happens(refund(1, "90.00"), 3)
    assert shop.health().facts.spend_total == 2000


def test_a_refund_of_a_cancelled_order_is_not_taken_twice() -> None:
    for order_of_arrival in ("refund first", "cancellation first"):
        shop = Shop()
        shop.happens(order(1, "50.00"), 0)
        shop.happens(order(2, "20.00"), 0)
        both = [shop.event(refund(1, "50.00"), 2), shop.event(OrderCancelled(order_id="1"), 2)]
        shop.send(*(both if order_of_arrival == "refund first" else reversed(both)))
        assert shop.health().facts.spend_total == 2000, order_of_arrival


def test_an_exchange_is_not_a_return() -> None:
    shop = Shop()
    shop.happens(order(1), 0)
    shop.happens(refund(1, "50.00", exchange=True), 1)
    shop.happens(
        ReturnRequested(return_id="x", order_id="1", amount="50.00", currency="USD", exchange=True), 2
    )
    facts = shop.health().facts
    assert facts.last_return_at is None
    assert facts.spend_total == 5000


def test_the_share_of_a_return_is_of_its_order_known_from_either_side() -> None:
    shop = Shop()
    shop.happens(order(1, "80.00"), 0)
    shop.happens(ReturnRequested(return_id="x", order_id="1", amount="20.00", currency="USD"), 2)
    assert shop.health().facts.last_return_at == day(2)
    assert shop.health().facts.returned_share == pytest.approx(0.25)


def test_an_amount_without_a_rate_is_left_out_but_its_order_counts() -> None:
    money = Money("USD")
    shop = Shop(money)
    shop.happens(order(1, "9.00", currency="EUR"), 0)
    facts = shop.health().facts
    assert (facts.orders_total, facts.spend_total, money.rateless) == (1, 0, 1)


def test_an_amount_with_a_rate_is_converted() -> None:
    shop = Shop(Money("USD", rates={"EUR": Decimal("1.10"), "JPY": Decimal("0.007")}))
    shop.happens(order(1, "10.00", currency="EUR"), 0)
    shop.happens(order(2, "1000", currency="JPY"), 1)
    assert shop.health().facts.spend_total == 1100 + 700


def test_a_gift_is_a_purchase_but_no_rhythm() -> None:
    shop = Shop()
    shop.happens(order(1, gift=True), 0)
    assert shop.health().facts.orders_total == 1
    assert shop.health().facts.own_gap_days is None
    assert signal(shop.health(), "purchase_recency") is None


def test_orders_of_one_day_are_one_occasion() -> None:
    shop = Shop()
    shop.happens(order(1), 0)
    shop.happens(order(2), 0.2)
    assert shop.health().facts.orders_total == 2
    assert signal(shop.health(), "order_frequency_trend") is None  # one occasion is no rhythm


def test_a_renewal_is_a_purchase_but_not_engagement() -> None:
    from libs.events.families.engagement import SiteVisited

    shop = Shop()
    shop.happens(SiteVisited(session_id="s"), 0)
    shop.happens(order(1, channel="subscription"), 0)
    shop.happens(order(2), 0)
    assert shop.health().facts.orders_total == 2
    assert shop.health().facts.engagement_30d == 2  # the visit and the second order


def test_a_parcel_is_open_until_delivered() -> None:
    shop = Shop()
    shop.happens(OrderShipped(order_id="1"), 1)
    assert shop.health().facts.open_shipment is True
    shop.happens(OrderDelivered(order_id="1"), 3)
    assert shop.health().facts.open_shipment is False


def test_absurd_times_are_held_to_what_is_possible() -> None:
    shop = Shop()
    future = shop.event(order(1), 0).model_copy(update={"time": datetime(2199, 1, 1, tzinfo=UTC)})
    past = shop.event(order(2), 0).model_copy(update={"time": datetime(1901, 1, 1, tzinfo=UTC)})
    shop.send(future, past)
    assert shop.health().facts.last_order_at == day(0)
    assert shop.health().facts.first_order_at == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
