"""A reason tells numbers as people say them."""

from datetime import UTC, datetime, timedelta

import pytest

from services.triggers.domain.reason import Reason
from services.triggers.domain.vocabulary import VOCABULARY

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "age"),
    [
        (0.2, "0 hours"),
        (1, "1 hour"),
        (47.4, "47 hours"),
        (47.5, "2 days"),
        (48, "2 days"),
        (2391, "100 days"),
    ],
)
def test_an_age_is_told_in_hours_and_from_two_days_on_in_days(hours: float, age: str) -> None:
    opened = NOW - timedelta(hours=hours)
    told = Reason("for {oldest_negative_at:age}", VOCABULARY).render({"oldest_negative_at": opened}, NOW)
    assert told == f"for {age}"


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{last_visit_at:days} days", "3 days"),
        ("{last_visit_at:hours} hours", "72 hours"),
        ("{last_visit_at}", "2026-02-26"),
        ("{returned_share:percent}", "30 %"),
        ("{spend_total:money}", "12.50 EUR"),
        ("{nps}", "unknown"),
    ],
)
def test_each_format_tells_its_kind(template: str, told: str) -> None:
    values = {
        "last_visit_at": NOW - timedelta(days=3),
        "returned_share": 0.3,
        "spend_total": 1250,
        "currency": "EUR",
    }
    assert Reason(template, VOCABULARY).render(values, NOW) == told
