"""Every record of customer.events is exactly one of applied, duplicate, dead-lettered."""

from libs.events.families.commerce import CheckoutAbandoned
from libs.events.families.customer import OutreachMessageSent
from libs.events.families.engagement import EmailClicked, EmailOpened, SiteVisited
from tests.unit.scoring.shop import Shop, order, snapshots


def test_a_record_seen_before_is_a_duplicate_and_says_nothing() -> None:
    shop = Shop()
    first = shop.event(order(1), 0)
    shop.send(first)
    before = shop.runner.rows.array.tobytes()
    assert shop.send(first) == []
    assert shop.runner.rows.array.tobytes() == before
    assert shop.ledger == {"applied": 1, "duplicate": 1}


def test_events_that_move_no_fact_are_applied() -> None:
    shop = Shop()
    shop.send(
        shop.event(EmailOpened(), 0),
        shop.event(CheckoutAbandoned(checkout_id="k"), 0),
        shop.event(
            OutreachMessageSent(intervention_id="i", channel="email", template="t", message_id="m"), 0
        ),
    )
    assert shop.ledger == {"applied": 3, "duplicate": 0}


def test_what_cannot_be_decoded_is_a_dead_letter_with_the_reason() -> None:
    shop = Shop()
    shop.raw(b"{not json")
    shop.raw(None)
    shop.raw(b'{"type": "order.eaten"}')
    assert shop.ledger["dead_lettered"] == 3
    assert [letter.reason for letter in shop.runner.dead_letters] == ["undecodable"] * 3
    assert all(letter.detail for letter in shop.runner.dead_letters)


def test_the_rest_of_a_chunk_is_taken_in_around_a_dead_letter() -> None:
    shop = Shop()
    good = [shop.event(order(i), i) for i in range(2)]
    from libs.events import encode

    shop.runner.send([(b"x", encode(good[0])), (b"x", b"?"), (b"x", encode(good[1]))], good[1].receivedat)
    assert shop.health().facts.orders_total == 2
    assert shop.ledger == {"applied": 2, "duplicate": 0, "dead_lettered": 1}


def test_a_browsing_session_cannot_push_an_order_out_of_what_is_remembered() -> None:
    shop = Shop()
    placed, clicked = shop.event(order(1), 0), shop.event(EmailClicked(), 0)
    shop.send(placed, clicked)
    shop.send(*[shop.event(SiteVisited(session_id=f"s{i}"), 0) for i in range(60)])
    shop.send(placed)
    assert shop.ledger["duplicate"] == 1
    shop.send(clicked)  # past the behavioural ring: the stated limit
    assert shop.ledger["duplicate"] == 1


def test_an_order_past_the_ring_is_still_one_order_while_it_is_among_the_recent() -> None:
    shop = Shop()
    placed = shop.event(order(1), 0)
    shop.send(placed)
    from libs.events.families.relationship import SurveyAsked

    shop.send(*[shop.event(SurveyAsked(survey_id=str(i), kind="nps"), 1) for i in range(20)])
    shop.send(placed)
    assert shop.health().facts.orders_total == 1


def test_a_customer_touched_often_in_a_chunk_gets_one_snapshot() -> None:
    shop = Shop()
    records = shop.send(*[shop.event(order(i), i) for i in range(5)])
    assert len(snapshots(records)) == 1
    assert snapshots(records)[0].data.cause == "e5"
