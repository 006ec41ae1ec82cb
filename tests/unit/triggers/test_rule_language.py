"""What a condition may say, what it may not, and that whatever it says does no harm."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from services.triggers.domain.columns import Columns
from services.triggers.domain.language import MAX_LENGTH, ConditionError, compile_condition
from tests.unit.triggers.shop import DAY, START, answers, snapshot


def holds(sql: str, **known: Any) -> bool | None:
    """The condition on one customer: true, false or null."""
    return answers(compile_condition(sql), snapshot("ann", START, **known))[0]


TRICKS = [
    "SELECT 1",
    "score > 1; DROP TABLE customers",
    "score IN (SELECT score FROM other)",
    "score > ALL (SELECT 1)",
    "EXISTS (SELECT 1)",
    "read_csv('/etc/passwd') IS NULL",
    "pg_read_file('/etc/passwd') = 'x'",
    "read_parquet('x.parquet') > 1",
    "sum(score) > 1",
    "avg(score) > score",
    "max(score) = score",
    "count(*) > 1",
    "row_number() OVER (ORDER BY score) = 1",
    "lag(score) OVER () > score",
    "score > (SELECT max(score) FROM t)",
    "segment LIKE '%vip%'",
    "segment SIMILAR TO '(a+)+$'",
    "segment ~ '(a+)+b'",
    "regexp_like(segment, '(((a+)+)+)+b')",
    "segment || tier = 'ab'",
    "score::text = '50'",
    "CAST(score AS text) = '50'",
    "generate_series(1, 1000000000) > 1",
    "unnest(score) > 1",
    "pg_sleep(10) IS NULL",
    "random() > 0.5",
    "now() > last_visit_at",
    "other.score > 1",
    "score[0] > 1",
    "@score > 1",
    "? > 1",
    ":score > 1",
    "* > 1",
    "score > 1e400",
    "score = NULL",
    "score IN (NULL, 1)",
    "score IN (orders_total)",
    "CASE score WHEN 1 THEN TRUE END",
    "score % 2 = 0",
    "score",
    "'red'",
    "score > '1'",
    "segment = tier",
    "band > 'green'",
    "site_known > excluded",
    "NOT score",
    "score AND site_known",
    "last_visit_at - last_order_at > 3",
    "days_since(score) > 3",
    "days_since() > 3",
    "days_since(last_visit_at, last_order_at) > 3",
    "GREATEST(score, last_visit_at) IS NULL",
    "GREATEST(site_known, excluded)",
    "COALESCE(segment, 'x') = 'x'",
    "ROUND(score, 400) > 1",
    "score IS score",
    "score >",
    "",
    "-- nothing",
    '"Score" > 1',
    "(" * 900 + "score > 1" + ")" * 900,
    "NOT " * 400 + "site_known",
    " OR ".join(["score > 1"] * 200),
    "score > 1 " + "-" * MAX_LENGTH,
]


@pytest.mark.parametrize("sql", TRICKS, ids=lambda sql: sql[:50] or "empty")
def test_what_is_not_in_the_language_is_refused(sql: str) -> None:
    with pytest.raises(ConditionError):
        compile_condition(sql)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("engagement_30 > 1", "unknown column 'engagement_30', did you mean 'engagement_30d'?"),
        ("last_visit > now", "did you mean 'last_visit_at'?"),
        ("band = 'rde'", "did you mean 'red'?"),
        ("last_visit_at > 60", "use days_since(...)"),
        ("score = NULL", "write IS NULL"),
        ("day_since(last_visit_at) > 60", "did you mean days_since?"),
        ("sum(score) > 1", "SUM is not part of the rule language"),
        ("score > 1 1", "cannot read it near '1'"),
        ("score + 1", "a condition must be true or false, this is a number"),
    ],
)
def test_a_refusal_says_what_to_write_instead(sql: str, said: str) -> None:
    with pytest.raises(ConditionError) as error:
        compile_condition(sql)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("sql", "known", "answer"),
    [
        ("orders_total >= 3 AND days_overdue > 0.5", {"orders_total": 3, "days_overdue": 0.6}, True),
        ("ORDERS_TOTAL > 3 -- upper case, comment", {"orders_total": 3}, False),
        (
            "engagement_30d <= 0.8 * engagement_prev_30d",
            {"engagement_30d": 4, "engagement_prev_30d": 5},
            True,
        ),
        ("days_since(last_visit_at) >= 60", {"last_visit_at": START - 60 * DAY}, True),
        ("hours_since(last_visit_at) >= 24", {"last_visit_at": START - timedelta(hours=23)}, False),
        ("days_until(renewal_at) < 30", {"renewal_at": START + 29 * DAY}, True),
        ("last_order_at < now", {"last_order_at": START - DAY}, True),
        (
            "last_order_at BETWEEN first_order_at AND now",
            {"last_order_at": START, "first_order_at": START},
            True,
        ),
        ("days_since(GREATEST(last_visit_at, last_order_at)) < 2", {"last_order_at": START - DAY}, True),
        ("days_since(LEAST(last_visit_at, last_order_at)) < 2", {"last_order_at": START - DAY}, True),
        ("band IN ('red', 'yellow')", {}, True),
        ("band NOT IN ('red', 'yellow')", {}, False),
        ("band <> 'green'", {}, True),
        ("segment = 'vip'", {"segment": "vip"}, True),
        ("segment = 'never-seen'", {"segment": "vip"}, False),
        ("site_known", {"site_known": True}, True),
        ("NOT site_known", {"site_known": True}, False),
        ("site_known = TRUE", {"site_known": True}, True),
        ("site_tracking_live IS NOT FALSE", {}, True),
        ("site_tracking_live IS NOT FALSE", {"site_tracking_live": False}, False),
        ("site_tracking_live IS TRUE", {}, False),
        ("unsubscribed_at IS NULL", {}, True),
        ("unsubscribed_at IS NOT NULL", {"unsubscribed_at": START}, True),
        ("COALESCE(sends_since_engagement, 0) < 3", {}, True),
        ("CASE WHEN site_known THEN score ELSE 0 END > 1", {"site_known": True}, True),
        ("CASE WHEN site_known THEN score END > 1", {"site_known": False}, None),
        ("NULLIF(orders_total, 0) IS NULL", {"orders_total": 0}, True),
        ("NULLIF(score, p_buy) = 50", {}, True),
        ("ROUND(score / 7, 1) = 7.1", {}, True),
        ("ABS(-score) = 50 AND FLOOR(score / 7) = 7 AND CEIL(score / 7) = 8", {}, True),
        ("orders_total / 2 = 1.5", {"orders_total": 3}, True),
        ("csm_sentiment = -1", {"csm_sentiment": -1}, True),
        ("csm_sentiment IN (-1, 0)", {"csm_sentiment": -1}, True),
        ("csm_sentiment NOT IN (-1, 0)", {"csm_sentiment": 1}, True),
        ("score BETWEEN 50 AND 51", {}, True),
        ("(score - 10) * 2 + 1 = 81", {}, True),
    ],
)
def test_a_condition_means_what_sql_means(sql: str, known: dict[str, Any], answer: bool | None) -> None:
    assert holds(sql, **known) is answer


@pytest.mark.parametrize(
    ("sql", "answer"),
    [
        ("orders_total > 3", None),
        ("NOT orders_total > 3", None),
        ("orders_total > 3 OR TRUE", True),
        ("orders_total > 3 AND FALSE", False),
        ("orders_total > 3 AND TRUE", None),
        ("orders_total IN (1, 2)", None),
        ("orders_total NOT IN (1, 2)", None),
        ("orders_total <> orders_90d", None),
        ("orders_total BETWEEN 1 AND 2", None),
        ("days_since(last_visit_at) > 3", None),
        ("subscription_state = 'paused'", None),
        ("subscription_state <> 'paused'", None),
        ("GREATEST(orders_total, orders_90d) > 1", None),
        ("COALESCE(orders_total, orders_90d) > 1", None),
        ("-orders_total * 2 + 1 > 1", None),
    ],
)
def test_null_follows_the_three_values_of_sql(sql: str, answer: bool | None) -> None:
    assert holds(sql) is answer


@pytest.mark.parametrize("sql", ["score / 0 > 1", "0 / orders_total > 1", "score / (score - 50) > 1"])
def test_a_division_by_zero_is_null(sql: str) -> None:
    assert holds(sql, orders_total=0) is None


def test_numbers_do_not_wrap_around() -> None:
    assert holds("spend_total * spend_total * 4 > spend_total", spend_total=1_000_000_000) is True


def test_a_million_rows_and_one_row_are_the_same_function() -> None:
    condition = compile_condition("score / 0 > 1 OR score > 49")
    columns = Columns(1_000_000, lambda _: np.full(1_000_000, 50.0), {})
    with np.errstate(all="ignore"):
        assert condition.part(columns).true.sum() == 1_000_000
