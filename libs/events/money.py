"""Money: decimal text on the wire, integer minor units in state. No floats anywhere."""

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from libs.events.errors import MoneyError

# ISO 4217 currencies whose minor unit is not a hundredth.
_WHOLE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"


def exponent(currency: str) -> int:
    """Digits after the point in this currency: 2 unless ISO 4217 says otherwise."""
    if currency in _WHOLE:
        return 0
    return 3 if currency in _THOUSANDTHS else 2


def to_minor(amount: str, currency: str) -> int:
    """Decimal text to integer minor units, rounded half to even. Raises MoneyError on non-numbers."""
    try:
        scaled = Decimal(amount).scaleb(exponent(currency))
        return int(scaled.to_integral_value(rounding=ROUND_HALF_EVEN))
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise MoneyError(f"not an amount: {amount!r} {currency!r}") from error


def to_text(minor: int, currency: str) -> str:
    """Integer minor units to decimal text: 1234 USD is 12.34."""
    return str(Decimal(minor).scaleb(-exponent(currency)))


def convert(minor: int, currency: str, target: str, rate: Decimal) -> int:
    """Minor units of one currency in those of another; `rate` is target units per unit of `currency`."""
    units = Decimal(minor).scaleb(-exponent(currency)) * rate
    return int(units.scaleb(exponent(target)).to_integral_value(rounding=ROUND_HALF_EVEN))
