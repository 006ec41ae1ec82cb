"""Codes, numbers and facts as people read them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.events import Facts
from services.outreach.console import words

NOW = datetime(2026, 3, 14, 10, tzinfo=UTC)


def said(**facts: Any) -> list[str]:
    return [known.text for known in words.facts_in_words(facts, NOW)]


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (123456, "USD", "$1,234.56"),
        (-500, "EUR", "-€5.00"),
        (5000, "JPY", "5,000 JPY"),
        (0, "GBP", "£0.00"),
        (None, "USD", words.NOTHING),
        (100, None, words.NOTHING),
    ],
)
def test_money_has_its_currency(minor: int | None, currency: str | None, text: str) -> None:
    assert words.money(minor, currency) == text


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=50), "50 minutes"),
        (timedelta(hours=30), "30 hours"),
        (timedelta(days=2), "2 days"),
        (timedelta(days=1000), "1,000 days"),
    ],
)
def test_a_span_is_told_in_its_largest_sensible_unit(length: timedelta, text: str) -> None:
    assert words.span(length) == text


def test_a_due_time_is_ahead_or_overdue() -> None:
    assert words.due(NOW + timedelta(hours=5), NOW) == "in 5 hours"
    assert words.due(NOW - timedelta(days=3), NOW) == "3 days overdue"


def test_what_is_not_known_is_not_said() -> None:
    assert said() == []
    assert said(**Facts().model_dump()) == []


def test_zero_is_said_only_where_it_means_something() -> None:
    assert said(orders_total=0, open_tickets=0, skips=0, spend_total=0) == ["No orders yet"]
    assert said(usage_14d=0) == ["0 uses of the product in 14 days"]


def test_facts_from_the_wire_are_told_in_sentences() -> None:
    wire = Facts(
        orders_total=1,
        last_order_at=NOW - timedelta(days=96),
        own_gap_days=31.4,
        days_overdue=1.0,  # as of the snapshot, which may be old
        skips=2,
        subscription_state="paused",
        subscription_changed_at=NOW - timedelta(days=2),
    ).model_dump(mode="json", exclude_none=True)
    assert said(**wire) == [
        "1 order so far, the last one 96 days ago",
        "Usually orders every 31 days; 65 days late",
        "Subscription paused, 2 days ago",
        "2 skipped deliveries in a row",
    ]


def test_site_facts_of_somebody_never_seen_there_are_not_said() -> None:
    assert said(visits_30d=0, site_known=False) == []
    assert said(visits_30d=0, site_known=True) == ["0 visits in the last 30 days"]


def test_a_pool_is_not_a_person() -> None:
    assert words.assignee("pool:success-managers") == "Success managers pool"
    assert words.assignee("Maria McCall") == "Maria McCall"
    assert words.assignee("eva.novak") == "Eva Novak"
