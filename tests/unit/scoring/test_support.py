"""Tickets, ratings and what people heard (MISSION.md C7, FIELD.md 15, 16)."""

import pytest

from libs.events.families.customer import OutreachTaskCompleted
from libs.events.families.relationship import (
    NoteAdded,
    TicketCommented,
    TicketEscalated,
    TicketOpened,
    TicketRated,
    TicketReopened,
    TicketSolved,
)
from tests.unit.scoring.shop import Shop, day, order, signal

NAME = "support_sentiment"


def opened(ticket: str = "t1", sentiment: str | None = "negative") -> TicketOpened:
    return TicketOpened(ticket_id=ticket, sentiment=sentiment)


def task(outcome: str, sentiment: str | None = None) -> OutreachTaskCompleted:
    return OutreachTaskCompleted(intervention_id="i", task_id=outcome, outcome=outcome, sentiment=sentiment)


def test_a_ticket_without_sentiment_leaves_the_signal_out() -> None:
    shop = Shop()
    shop.happens(opened(sentiment=None), 0)
    assert signal(shop.health(), NAME) is None
    assert shop.health().facts.open_tickets == 1
    assert shop.health().facts.open_negative_tickets == 0


def test_an_open_negative_ticket_presses_down_and_does_not_fade_while_open() -> None:
    shop = Shop()
    shop.happens(order(1), 0)
    shop.happens(opened(), 1)
    pressed = signal(shop.health(), NAME).value
    assert pressed < 20
    assert shop.health().facts.open_negative_tickets == 1
    assert shop.health().facts.oldest_negative_at == day(1)
    shop.sweep(60)
    assert signal(shop.health(), NAME).value == pressed


def test_solving_it_lifts_the_score_and_the_rest_fades_toward_par() -> None:
    shop = Shop()
    shop.happens(opened(), 1)
    pressed = signal(shop.health(), NAME).value
    shop.happens(TicketSolved(ticket_id="t1"), 2)
    solved = signal(shop.health(), NAME)
    shop.sweep(300)
    faded = signal(shop.health(), NAME)
    assert pressed < solved.value < faded.value < 70.01
    assert faded.weight == solved.weight  # it keeps its weight
    assert faded.evidence < solved.evidence


def test_reopening_opens_and_escalation_is_negative_without_words() -> None:
    shop = Shop()
    shop.happens(opened(sentiment="positive"), 0)
    shop.happens(TicketSolved(ticket_id="t1"), 1)
    assert shop.health().facts.open_tickets == 0
    shop.happens(TicketReopened(ticket_id="t1"), 2)
    assert shop.health().facts.open_negative_tickets == 1
    shop.happens(TicketSolved(ticket_id="t1"), 3)
    shop.happens(TicketEscalated(ticket_id="t2"), 4)
    assert shop.health().facts.open_negative_tickets == 1


def test_a_solution_told_late_does_not_close_what_was_reopened_after_it() -> None:
    shop = Shop()
    shop.happens(opened(), 0)
    shop.happens(TicketReopened(ticket_id="t1"), 2)
    shop.send(shop.event(TicketSolved(ticket_id="t1"), 1, received=3))
    assert shop.health().facts.open_tickets == 1


def test_what_an_agent_writes_is_not_the_customers_mood() -> None:
    shop = Shop()
    shop.happens(TicketCommented(ticket_id="t1", sentiment="negative", by_customer=False), 0)
    assert signal(shop.health(), NAME) is None


def test_a_bad_rating_after_the_solution_is_open_trouble_until_someone_resolves_it() -> None:
    shop = Shop()
    shop.happens(opened(sentiment="neutral"), 0)
    shop.happens(TicketSolved(ticket_id="t1"), 1)
    shop.happens(TicketRated(ticket_id="t1", satisfaction=20), 2)
    assert shop.health().facts.open_negative_tickets == 1
    shop.happens(task("resolved"), 3)
    assert shop.health().facts.open_negative_tickets == 0


def test_a_good_rating_lifts_above_par() -> None:
    shop = Shop()
    shop.happens(TicketRated(ticket_id="t1", satisfaction=95), 0)
    assert signal(shop.health(), NAME).value > 70


def test_completing_a_task_moves_the_score_by_its_outcome() -> None:
    shop = Shop()
    shop.happens(opened(), 0)
    before = shop.health().score
    shop.happens(task("resolved", "positive"), 1)
    assert shop.health().score > before
    assert shop.health().facts.open_negative_tickets == 0
    assert shop.health().facts.csm_sentiment == 1
    shop.happens(task("not_resolved"), 2)
    assert shop.health().facts.open_negative_tickets == 1
    assert shop.health().facts.csm_sentiment == -1
    assert shop.health().facts.oldest_negative_at == day(2)


def test_a_note_carries_the_sentiment_of_the_csm() -> None:
    shop = Shop()
    shop.happens(NoteAdded(note_id="n", sentiment="negative"), 0)
    assert shop.health().facts.csm_sentiment == -1
    assert signal(shop.health(), NAME).value < 70


def test_tickets_are_counted_against_the_usual_rate() -> None:
    shop = Shop()
    shop.happens(order(1), 0)
    for i, at in enumerate((10, 40, 95, 98, 99)):
        shop.happens(opened(f"t{i}", "neutral"), at)
        shop.happens(TicketSolved(ticket_id=f"t{i}"), at)
    facts = shop.health().facts
    assert facts.tickets_14d == 3
    assert facts.tickets_baseline == pytest.approx(14 * 2 / (99 - 14))


def test_closed_tickets_make_room_and_open_ones_stay() -> None:
    shop = Shop()
    shop.happens(opened("kept"), 0)
    for i in range(10):
        shop.happens(opened(f"t{i}", "neutral"), 1 + i)
        shop.happens(TicketSolved(ticket_id=f"t{i}"), 1 + i)
    assert shop.health().facts.open_tickets == 1
    assert shop.health().facts.oldest_negative_at == day(0)
