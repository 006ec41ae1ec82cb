"""Each condition of an incident at its edge: enough customers, often enough, unlikely enough, and its end."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.outreach.domain.incidents import Limits, Seen, find, in_words, is_over, log_tail

LIMITS = Limits()
BROKEN = Seen("carrier", "ups", fired=41, of=52, customers=599, known=9_999)


def test_most_firings_of_a_rule_on_a_carrier_of_few_customers_are_an_incident() -> None:
    found = find([BROKEN], LIMITS)
    assert found is not None
    assert found.seen is BROKEN
    assert found.log_chance == pytest.approx(-39.9, abs=0.5)


def test_its_reason_is_told_in_numbers() -> None:
    found = find([BROKEN], LIMITS)
    assert found is not None
    assert in_words("negative-support-unresolved", found, timedelta(hours=24)) == (
        "41 of the 52 customers negative-support-unresolved fired for in 24 h have carrier ups;"
        " 6 % of all customers do: 1 in 10^40 by chance"
    )


def test_what_is_usual_for_the_rule_is_told_where_it_is_more() -> None:
    used_to = replace(BROKEN, before=20, before_of=100)
    found = find([used_to], LIMITS)
    assert found is not None
    assert "6 % of all customers do, 18 % of those it fires for as a rule: 1 in 10^" in in_words(
        "r", found, timedelta(hours=6)
    )


def test_a_share_that_rounds_to_nothing_is_told_as_little() -> None:
    found = find([replace(BROKEN, customers=2)], LIMITS)
    assert found is not None
    assert "under 1 % of all customers do" in in_words("r", found, timedelta(hours=24))


@pytest.mark.parametrize(("fired", "expected"), [(9, False), (10, True)])
def test_ten_customers_are_the_least(fired: int, expected: bool) -> None:
    seen = Seen("product", "p1", fired=fired, of=fired, customers=9, known=9_999)
    assert (find([seen], LIMITS) is not None) is expected


@pytest.mark.parametrize(("fired", "expected"), [(300, False), (301, True)])
def test_three_times_as_likely_is_the_least_however_sure(fired: int, expected: bool) -> None:
    seen = Seen("region", "DE", fired=fired, of=601, customers=2_499, known=9_999)
    assert seen.share == 0.25
    assert (seen.lift >= 3) is expected
    assert (find([seen], LIMITS) is not None) is expected


def test_the_chance_allowed_is_shared_by_all_values_and_all_looks() -> None:
    seen = Seen("carrier", "ups", fired=10, of=20, customers=199, known=1_999)
    one_in = log_tail(10, 20, 0.1)  # -5.14: allowed are 0.001 / 20 for one value, and -5.3 for four
    assert one_in == pytest.approx(-5.14, abs=0.01)
    others = [Seen("product", f"p{n}", fired=1, of=20, customers=100, known=1_999) for n in range(10)]
    assert find([seen], LIMITS) is not None
    assert find([seen, *others[:5]], LIMITS) is not None
    assert find([seen, *others], LIMITS) is None
    assert find([seen], replace(LIMITS, chance=1e-4)) is None


def test_the_value_that_explains_most_is_the_incident() -> None:
    weaker = replace(BROKEN, kind="region", value="DE", fired=30)
    for order in ([BROKEN, weaker], [weaker, BROKEN]):
        found = find(order, LIMITS)
        assert found is not None
        assert found.seen is BROKEN


def test_of_two_equals_the_first_by_name_is() -> None:
    twin = replace(BROKEN, kind="region", value="DE")
    found = find([twin, BROKEN], LIMITS)
    assert found is not None
    assert found.seen is BROKEN


def test_what_everybody_has_is_no_cause() -> None:
    assert find([Seen("region", "DE", fired=50, of=50, customers=1_000, known=1_000)], LIMITS) is None


def test_a_carrier_of_most_customers_can_still_be_one() -> None:
    assert find([Seen("carrier", "ups", fired=60, of=60, customers=599, known=999)], LIMITS) is not None


def test_a_rule_that_always_fires_for_a_product_tells_no_news() -> None:
    """A pause of a subscription concerns the products that are subscriptions."""
    seen = Seen("product", "box", fired=50, of=50, customers=599, known=9_999)
    assert find([seen], LIMITS) is not None
    assert find([replace(seen, before=300, before_of=300)], LIMITS) is None


def test_a_short_history_counts_little() -> None:
    seen = Seen("carrier", "ups", fired=40, of=52, customers=599, known=9_999, before=2, before_of=2)
    assert seen.usual == pytest.approx((2 + 20 * 0.06) / 22)
    assert find([seen], LIMITS) is not None


def test_a_history_without_it_does_not_make_a_cause_of_what_is_common() -> None:
    seen = Seen("carrier", "ups", fired=5, of=52, customers=599, known=9_999, before=0, before_of=1_000)
    assert seen.usual == seen.share == 0.06


def test_of_an_empty_shop_nothing_is_concluded() -> None:
    seen = Seen("carrier", "ups", fired=12, of=12, customers=0, known=0)
    assert seen.usual == 1
    assert find([seen], LIMITS) is None
    assert find([], LIMITS) is None


@pytest.mark.parametrize(
    ("fired", "of", "over"),
    [(41, 52, False), (5, 6, False), (4, 6, True), (20, 200, False), (15, 200, True), (0, 0, True)],
)
def test_it_is_over_at_half_of_what_opens_one(fired: int, of: int, over: bool) -> None:
    assert is_over(replace(BROKEN, fired=fired, of=of), LIMITS) is over


@pytest.mark.parametrize(
    ("least", "of", "share", "expected"),
    [(3, 5, 1.0, 0.0), (6, 5, 0.5, float("-inf")), (1, 5, 0.0, float("-inf"))],
)
def test_a_chance_at_its_ends(least: int, of: int, share: float, expected: float) -> None:
    assert log_tail(least, of, share) == expected
