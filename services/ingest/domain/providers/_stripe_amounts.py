"""Stripe's minor units. Part of the provider file stripe.py."""

from decimal import Decimal

from services.ingest.domain.reading import Node, money
from services.ingest.domain.sources import Source

# Stripe's own list, not ISO 4217's: ISK and UGX have no minor unit and are still sent in hundredths.
_WHOLE = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
_THOUSANDTHS = "BHD JOD KWD OMR TND"


def currency_of(thing: Node, source: Source) -> str:
    """In our upper case; Stripe's is lower."""
    return (thing.at("currency").text() or source.currency).upper()


def number_of(node: Node) -> Decimal:
    """Minor units; nothing is none of them."""
    return node.number() or Decimal(0)


def money_of(minor: Node, currency: str) -> str | None:
    """Minor units as our wire's text: 1234 usd is 12.34, 1234 jpy is 1234.00."""
    found = minor.number()
    if found is None:
        return None
    places = 0 if currency in _WHOLE else 3 if currency in _THOUSANDTHS else 2
    return money(found.scaleb(-places))
