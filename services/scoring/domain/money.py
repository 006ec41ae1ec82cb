"""Amounts in the tenant's currency, or not at all: without a rate the order counts, its amount does not."""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache

from libs.events import MoneyError
from libs.events.money import convert, to_minor

_minor = lru_cache(maxsize=65_536)(to_minor)  # shops repeat their prices


class Money:
    """Turns amounts of the wire into minor units of the tenant's currency.

    `rates`: units of the default currency per unit of another. `rateless` counts amounts left out.
    """

    def __init__(
        self,
        currency: str = "USD",
        by_tenant: Mapping[str, str] | None = None,
        rates: Mapping[str, Decimal] | None = None,
    ) -> None:
        self._default = currency
        self._by_tenant = dict(by_tenant or {})
        self._rates = dict(rates or {})
        self.rateless = 0

    def currency_of(self, tenant: str) -> str:
        return self._by_tenant.get(tenant, self._default)

    def minor(self, tenant: str, amount: str | None, currency: str | None) -> int | None:
        """None: no amount was told, or there is no rate for its currency."""
        if amount is None or currency is None:
            return None
        home = self.currency_of(tenant)
        try:
            own = _minor(amount, currency)
        except MoneyError:
            self.rateless += 1
            return None
        if currency == home:
            return own
        rate = self._rates.get(currency)
        if rate is None or home != self._default:
            self.rateless += 1
            return None
        return convert(own, currency, home, rate)
