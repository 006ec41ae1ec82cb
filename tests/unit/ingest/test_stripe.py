"""Stripe's events become ours: money once, state once."""

from typing import Any

import pytest

from tests.unit.ingest.platforms import (
    NOON,
    stripe,
    stripe_charge,
    stripe_invoice,
    stripe_item,
    stripe_session,
    stripe_subscription,
)
from tests.unit.ingest.shop import Shop, order, source


async def deliver(
    shop: Shop, topic: str, thing: Any, before: Any = None, **more: Any
) -> list[dict[str, Any]]:
    """The events of one delivery, as they stand on the topic."""
    answer = await shop.post("stripe", {**stripe(topic, thing, before), **more})
    assert answer.status_code == 200, answer.text
    return [
        next(e for e in reversed(shop.events()) if e["id"] == number) for number in answer.json()["events"]
    ]


async def updated(before: dict[str, Any], **after: Any) -> list[dict[str, Any]]:
    return await deliver(Shop(), "customer.subscription.updated", stripe_subscription(**after), before)


async def test_a_subscription_starts_with_its_terms():
    items = stripe_item(unit=1500, quantity=2), stripe_item("price_b", unit=250)
    (event,) = await deliver(Shop(), "customer.subscription.created", stripe_subscription(*items))
    assert (event["id"], event["time"]) == ("stripe:subscription:sub_1:started", "2024-05-30T12:00:00Z")
    assert event["data"] == {
        "subscription_id": "sub_1",
        "amount": "32.50",
        "currency": "USD",
        "interval_days": 30,
        "renewal_at": "2024-06-01T12:00:00Z",
    }


async def test_one_that_waits_for_its_first_payment_starts_with_it_under_the_same_id():
    shop = Shop()
    waiting = stripe_subscription(status="incomplete")
    assert await deliver(shop, "customer.subscription.created", waiting) == []
    before = {"status": "incomplete"}
    (begun,) = await deliver(shop, "customer.subscription.updated", stripe_subscription(), before)
    assert begun["id"] == "stripe:subscription:sub_1:started"
    never = stripe_subscription(status="incomplete_expired")
    assert await deliver(shop, "customer.subscription.updated", never, before) == []


@pytest.mark.parametrize(
    ("before", "after", "kind", "reason"),
    [
        (
            {"cancel_at_period_end": False},
            {
                "cancel_at_period_end": True,
                "cancellation_details": {"feedback": "too_expensive", "comment": "ask ada@shopper.example"},
            },
            "subscription.cancel_requested",
            "too_expensive",
        ),
        ({"cancel_at": None}, {"cancel_at": NOON + 99}, "subscription.cancel_requested", None),
        ({"cancel_at_period_end": True}, {}, "subscription.resumed", "cancellation_withdrawn"),
        (
            {"pause_collection": None},
            {"pause_collection": {"behavior": "void"}},
            "subscription.paused",
            "void",
        ),
        ({"pause_collection": {"behavior": "void"}}, {}, "subscription.resumed", None),
        ({"quantity": 1}, {"quantity": 3}, "subscription.changed", None),
        ({"items": {"data": [stripe_item("price_old")]}}, {}, "subscription.changed", None),
        ({"items": {"data": [stripe_item(quantity=4)]}}, {}, "subscription.changed", None),
        ({"plan": {"id": "a"}}, {"plan": {"id": "b"}}, "subscription.changed", None),
    ],
)
async def test_an_update_says_what_became_different(before, after, kind, reason):
    (event,) = await updated(before, **after)
    assert (event["type"], event["data"].get("reason")) == (kind, reason)
    assert event["id"].endswith(":evt_1")
    assert "@" not in str(event["data"])


@pytest.mark.parametrize(
    "before",
    [
        {"default_payment_method": None},
        {"latest_invoice": "in_0", "current_period_end": NOON},
        {"items": {"data": [stripe_item(current_period_end=NOON)]}},
        {"items": {"data": [{"current_period_end": NOON}]}},  # no prices: nothing to compare
        {"status": "past_due"},  # paid after all: the invoice says so
        {"status": "trialing"},
        {"cancellation_details": {"comment": "hm"}},
    ],
)
async def test_what_an_update_leaves_alone_or_an_invoice_tells_is_nothing(before):
    assert await updated(before) == []


async def test_one_update_may_say_two_things():
    before = {"cancel_at_period_end": False, "items": {"data": [stripe_item("price_old")]}}
    types = [event["type"] for event in await updated(before, cancel_at_period_end=True)]
    assert types == ["subscription.cancel_requested", "subscription.changed"]


async def test_what_was_so_before_is_not_told_again():
    held = {"cancel_at_period_end": True, "pause_collection": {"behavior": "void"}}
    types = [event["type"] for event in await updated({"quantity": 1}, quantity=2, **held)]
    assert types == ["subscription.changed"]


async def test_a_period_of_the_newer_api_stands_on_the_items():
    items = stripe_item(current_period_end=NOON + 60), stripe_item("b", current_period_end=NOON + 30)
    newer = stripe_subscription(*items, current_period_end=None)
    (event,) = await deliver(Shop(), "customer.subscription.created", newer)
    assert event["data"]["renewal_at"] == "2024-05-31T12:00:30Z"


async def test_metered_use_has_no_amount():
    metered = stripe_item()
    del metered["quantity"]
    (event,) = await deliver(Shop(), "customer.subscription.created", stripe_subscription(metered))
    assert "amount" not in event["data"]


@pytest.mark.parametrize("reason", ["cancellation_requested", "payment_failed", "payment_disputed"])
async def test_an_end_says_whether_somebody_wanted_it(reason):
    over = stripe_subscription(
        status="canceled", ended_at=NOON - 5, cancellation_details={"feedback": None, "reason": reason}
    )
    (event,) = await deliver(Shop(), "customer.subscription.deleted", over)
    assert (event["id"], event["time"]) == ("stripe:subscription:sub_1:cancelled", "2024-05-31T11:59:55Z")
    assert event["data"]["reason"] == reason
    assert "renewal_at" not in event["data"]


async def test_a_trial_that_ends_without_a_card_pauses_and_can_go_on():
    shop = Shop()
    (stopped,) = await deliver(shop, "customer.subscription.paused", stripe_subscription(status="paused"))
    assert (stopped["type"], stopped["data"]["reason"]) == ("subscription.paused", "trial_without_card")
    (again,) = await deliver(shop, "customer.subscription.resumed", stripe_subscription(), id="evt_2")
    assert (again["type"], again["id"]) == ("subscription.resumed", "stripe:subscription:sub_1:resumed:evt_2")


@pytest.mark.parametrize("newer", [False, True])
async def test_a_renewal_is_money_once_and_state_once_whichever_topic_tells_it(newer):
    shop = Shop()
    moved = {"subscription": None, "parent": {"subscription_details": {"subscription": "sub_1"}}}
    invoice = stripe_invoice(**(moved if newer else {}))
    placed, renewed = await deliver(shop, "invoice.paid", invoice)
    assert (placed["id"], placed["time"]) == ("stripe:order:in_1:placed", "2024-05-31T11:59:00Z")
    assert placed["data"] == {
        "order_id": "in_1",
        "amount": "15.00",
        "currency": "USD",
        "products": ["prod_1"],
        "channel": "subscription",
    }
    assert renewed["data"] == {
        "subscription_id": "sub_1",
        "amount": "15.00",
        "currency": "USD",
        "renewal_at": "2024-05-31T12:00:09Z",
    }
    again = await deliver(shop, "invoice.payment_succeeded", invoice, id="evt_2")
    assert [event["id"] for event in again] == [placed["id"], renewed["id"]]
    assert await deliver(shop, "charge.succeeded", stripe_charge(invoice="in_1")) == []
    assert await deliver(shop, "payment_intent.succeeded", {"id": "pi_1"}) == []


@pytest.mark.parametrize(
    ("more", "types", "channel"),
    [
        ({"billing_reason": "subscription_create"}, ["order.placed"], "online"),
        ({"billing_reason": "subscription_update"}, ["order.placed"], "subscription"),
        ({"billing_reason": "manual", "subscription": None}, ["order.placed"], "online"),
        ({"amount_paid": 0}, ["subscription.renewed"], None),
        ({"amount_paid": 0, "billing_reason": "subscription_create"}, [], None),
    ],
)
async def test_not_every_paid_invoice_is_a_renewal(more, types, channel):
    events = await deliver(Shop(), "invoice.paid", stripe_invoice(**more))
    assert [event["type"] for event in events] == types
    assert channel is None or events[0]["data"].get("channel", "online") == channel


async def test_each_failed_attempt_is_told_and_the_last_is_called_that():
    shop = Shop()
    first = stripe_invoice(next_payment_attempt=NOON + 9)
    (event,) = await deliver(shop, "invoice.payment_failed", first)
    assert event["id"] == "stripe:invoice:in_1:payment_failed:1"
    assert event["data"] == {"subscription_id": "sub_1", "amount": "15.00", "currency": "USD", "attempt": 1}
    (last,) = await deliver(shop, "invoice.payment_failed", stripe_invoice(attempt_count=4))
    assert (last["data"]["attempt"], last["data"]["reason"]) == (4, "last_attempt")


@pytest.mark.parametrize("more", [{"billing_reason": "subscription_create"}, {"subscription": None}])
async def test_a_first_payment_that_fails_is_no_dunning(more):
    assert await deliver(Shop(), "invoice.payment_failed", stripe_invoice(**more)) == []


async def test_partial_refunds_are_the_steps_of_the_sum_so_far():
    shop = Shop()
    part = stripe_charge(amount_refunded=1200, refunded=False)
    (first,) = await deliver(shop, "charge.refunded", part, {"amount_refunded": 0})
    assert first["id"] == "stripe:charge:ch_1:refunded:1200"
    assert first["data"] == {
        "order_id": "pi_1",
        "refund_id": "ch_1:1200",
        "amount": "12.00",
        "currency": "USD",
        "order_amount": "50.00",
    }
    listed = {"data": [{"id": "re_2", "amount": 3800}, {"id": "re_1", "amount": 1200}]}
    rest = stripe_charge(amount_refunded=5000, refunded=True, refunds=listed, invoice="in_1")
    (second,) = await deliver(shop, "charge.refunded", rest, {"amount_refunded": 1200})
    assert second["data"]["amount"] == "38.00"
    assert (second["data"]["refund_id"], second["data"]["order_id"]) == ("re_2", "in_1")
    for topic in ("refund.created", "refund.updated", "refund.failed", "charge.refund.updated"):
        assert await deliver(shop, topic, {"id": "re_2", "charge": "ch_1", "amount": 3800}) == []
    assert await deliver(shop, "charge.refunded", part, {"amount_refunded": 1200}) == []


async def test_a_payers_card_names_a_guest_and_nobody_else():
    shop = Shop()
    await deliver(shop, "charge.succeeded", stripe_charge())
    assert shop.profiles() == []
    guest = stripe_charge(id="ch_2", payment_intent="pi_2", customer=None, amount_refunded=10)
    assert len(await deliver(shop, "charge.refunded", guest)) == 1
    assert shop.profiles() == [{"email": "card.holder@elsewhere.example"}]
    nobody = stripe_charge(
        id="ch_3", payment_intent=None, customer=None, billing_details={}, amount_refunded=10
    )
    assert await deliver(shop, "charge.refunded", nobody) == []


async def test_a_dispute_is_a_demand_for_money_and_a_lost_one_a_refund():
    shop = Shop()
    await deliver(shop, "charge.succeeded", stripe_charge())
    dispute = {"id": "dp_1", "charge": "ch_1", "payment_intent": "pi_1", "amount": 5000, "currency": "usd"}
    (opened,) = await deliver(shop, "charge.dispute.created", {**dispute, "reason": "product_not_received"})
    assert opened["data"] == {
        "return_id": "dp_1",
        "order_id": "pi_1",
        "amount": "50.00",
        "currency": "USD",
        "reason": "product_not_received",
    }
    (won,) = await deliver(shop, "charge.dispute.closed", {**dispute, "status": "won"})
    assert won["type"] == "return.closed"
    lost = await deliver(shop, "charge.dispute.closed", {**dispute, "status": "lost"})
    assert [event["type"] for event in lost] == ["return.closed", "order.refunded"]
    assert lost[1]["data"]["refund_id"] == "dp_1"


async def test_a_checkout_is_left_behind_or_gone_through():
    shop = Shop()
    (left,) = await deliver(shop, "checkout.session.expired", stripe_session(payment_status="unpaid"))
    assert (left["type"], left["data"]["amount"]) == ("checkout.abandoned", "50.00")
    completed, placed = await deliver(shop, "checkout.session.completed", stripe_session())
    assert completed["data"] == {
        "checkout_id": "cs_1",
        "amount": "50.00",
        "currency": "USD",
        "order_id": "pi_1",
    }
    assert (placed["id"], placed["data"]["order_id"]) == ("stripe:order:pi_1:placed", "pi_1")
    same = {"email": "ada@shopper.example"}
    charge = stripe_charge(customer=None, amount_refunded=500, billing_details=same)
    (refunded,) = await deliver(shop, "charge.refunded", charge)
    assert (refunded["data"]["order_id"], refunded["subject"]) == ("pi_1", placed["subject"])
    stranger = stripe_session(id="cs_2", customer_details=None)
    assert await deliver(shop, "checkout.session.expired", stranger) == []


async def test_money_that_comes_days_after_the_checkout_is_an_order_then():
    shop = Shop()
    (completed,) = await deliver(shop, "checkout.session.completed", stripe_session(payment_status="unpaid"))
    assert completed["type"] == "checkout.completed"
    events = await deliver(shop, "checkout.session.async_payment_succeeded", stripe_session())
    assert [event["id"] for event in events] == [completed["id"], "stripe:order:pi_1:placed"]


async def test_a_checkout_with_an_invoice_is_the_order_of_that_invoice():
    shop = Shop()
    _, placed = await deliver(shop, "checkout.session.completed", stripe_session(invoice="in_1"))
    one_off = stripe_invoice(subscription=None, billing_reason="manual", amount_paid=5000)
    (again,) = await deliver(shop, "invoice.paid", one_off)
    assert placed["id"] == again["id"] == "stripe:order:in_1:placed"
    subscribed = stripe_session(mode="subscription", invoice="in_2", id="cs_2")
    types = [event["type"] for event in await deliver(shop, "checkout.session.completed", subscribed)]
    assert types == ["checkout.completed"]


async def test_a_parcel_to_somebody_else_is_a_gift():
    ada = {"name": "Ada Byron", "address": {"postal_code": "10115"}, "email": "ada@shopper.example"}
    max_ = {"name": "Max Hill", "address": {"postal_code": "94110"}}
    for place in ({"shipping_details": max_}, {"collected_information": {"shipping_details": max_}}):
        session = stripe_session(customer_details=ada, **place)
        assert (await deliver(Shop(), "checkout.session.completed", session))[1]["data"]["gift"] is True
    moved = stripe_session(customer_details=ada, shipping_details={**max_, "name": "Ada Byron"})
    assert "gift" not in (await deliver(Shop(), "checkout.session.completed", moved))[1]["data"]


@pytest.mark.parametrize(
    ("currency", "minor", "amount"),
    [
        ("usd", 1999, "19.99"),
        ("jpy", 1999, "1999.00"),
        ("krw", 50_000, "50000.00"),
        ("mga", 1999, "1999.00"),
        ("kwd", 5120, "5.12"),
        ("isk", 50_000, "500.00"),  # no minor unit, yet in hundredths
        ("ugx", 50_000, "500.00"),
        ("clp", 1990, "1990.00"),
    ],
)
async def test_minor_units_are_stripes_own(currency, minor, amount):
    invoice = stripe_invoice(currency=currency, amount_paid=minor)
    placed = (await deliver(Shop(), "invoice.paid", invoice))[0]
    assert (placed["data"]["amount"], placed["data"]["currency"]) == (amount, currency.upper())


async def test_test_mode_is_ignored_unless_the_source_is_for_it():
    shop = Shop(sources=(source("stripe"), source("stripe", name="stripe-test", simulated=True)))
    assert await deliver(shop, "invoice.paid", stripe_invoice(), livemode=False) == []
    assert shop.metric("greenline_ingest_ignored_total", provider="stripe", reason="test_mode") == 1
    body = {**stripe("invoice.paid", stripe_invoice()), "livemode": False}
    assert len((await shop.post("stripe-test", body)).json()["events"]) == 2
    assert all(event["simulated"] for event in shop.events())


async def test_a_customer_is_linked_by_address_and_staff_stay_for_the_shop_to_name():
    shop = Shop()
    await shop.shopify("orders/create", order())
    ada = {"id": "cus_1", "email": "ada@shopper.example", "name": "Ada B", "preferred_locales": ["de-DE"]}
    assert await deliver(shop, "customer.updated", ada) == []
    assert shop.profiles()[-1]["locale"] == "de-de"
    (started,) = await deliver(shop, "customer.subscription.created", stripe_subscription())
    assert started["subject"] == shop.events()[0]["subject"]
    expanded = stripe_subscription(id="sub_2", customer=ada)
    (second,) = await deliver(shop, "customer.subscription.created", expanded)
    assert second["subject"] == started["subject"]


@pytest.mark.parametrize(
    "topic",
    ["customer.deleted", "payout.paid", "invoice.finalized", "customer.source.updated", "price.updated"],
)
async def test_topics_of_no_interest_are_accepted_in_silence(topic):
    shop = Shop()
    assert await deliver(shop, topic, {"id": "x"}) == []
    assert shop.letters.letters == {}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"object": "v2.core.event", "type": "v1.customer.updated", "created": "2024"}, "thin_payload"),
        (stripe("unheard.of", {}), "unknown_topic"),
        ({}, "unknown_topic"),
        (stripe("customer.subscription.created", stripe_subscription(customer=None)), "missing_customer"),
        (stripe("customer.subscription.created", stripe_subscription(id=None)), "missing_id"),
        ({**stripe("charge.dispute.created", {"id": "dp"}), "created": None}, "missing_date"),
        (stripe("invoice.paid", stripe_invoice(amount_paid=-5)), "absurd_amount"),
        (stripe("invoice.paid", stripe_invoice(currency="bitcoin")), "invalid_data"),
    ],
)
async def test_what_cannot_be_used_is_kept(body, reason):
    answer = await Shop().post("stripe", body)
    assert (answer.status_code, answer.json().get("dead_letter")) == (202, reason)


async def test_the_same_delivery_twice_has_the_same_ids():
    shop = Shop()
    before = {"cancel_at_period_end": False}
    ending = stripe_subscription(cancel_at_period_end=True)
    first = await deliver(shop, "customer.subscription.updated", ending, before)
    assert await deliver(shop, "customer.subscription.updated", ending, before) == first
