from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.events.errors import MoneyError
from libs.events.money import convert, to_minor, to_text


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("12.34", "USD", 1234),
        ("-10.00", "EUR", -1000),
        ("1200", "JPY", 1200),
        ("1.234", "KWD", 1234),
        ("0.005", "USD", 0),
        ("0.015", "USD", 2),
        ("999999999999", "USD", 99999999999900),
    ],
)
def test_decimal_text_becomes_minor_units_rounded_half_to_even(
    amount: str, currency: str, minor: int
) -> None:
    assert to_minor(amount, currency) == minor


@pytest.mark.parametrize("amount", ["", "NaN", "Infinity", "twelve", "1,5"])
def test_what_is_not_an_amount_is_refused(amount: str) -> None:
    with pytest.raises(MoneyError):
        to_minor(amount, "USD")


@given(st.integers(-(10**14), 10**14), st.sampled_from(["USD", "JPY", "KWD"]))
def test_minor_units_survive_the_way_to_text_and_back(minor: int, currency: str) -> None:
    assert to_minor(to_text(minor, currency), currency) == minor


def test_conversion_uses_the_given_rate_and_both_exponents() -> None:
    assert convert(1000, "USD", "JPY", Decimal("150.5")) == 1505
    assert convert(1505, "JPY", "USD", Decimal("0.01")) == 1505
