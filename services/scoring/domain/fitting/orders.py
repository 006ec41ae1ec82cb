"""A shop's purchases by customer and day: what the purchase model is fitted on."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Days = npt.NDArray[np.int64]


class OrderLog(NamedTuple):
    """Purchases that count, gifts left out, in order of customer and day. Days are whole days since 1970.

    Shapes: `days` and `minor` (n,), `starts` (customers + 1,): customer i has `starts[i]:starts[i + 1]`.
    Several purchases of one day are one occasion; their amounts (minor units) are added.
    """

    days: Days
    minor: Days
    starts: Days

    @classmethod
    def of(cls, customers: Days, days: Days, minor: Days, count: int) -> "OrderLog":
        """From one line a purchase, in any order; `customers` are numbers below `count`."""
        key = customers << 32 | days
        unique, where = np.unique(key, return_inverse=True)
        amounts = np.zeros(len(unique), np.int64)
        np.add.at(amounts, where, minor)
        owners = unique >> 32
        starts = np.searchsorted(owners, np.arange(count + 1))
        return cls(unique & 0xFFFFFFFF, amounts, starts)

    @property
    def customers(self) -> int:
        return len(self.starts) - 1

    def owners(self) -> Days:
        """(n,): whose each occasion is."""
        return np.repeat(np.arange(self.customers), np.diff(self.starts))

    def until(self, day: int) -> "OrderLog":
        """The log as it stood at the end of `day`; customers keep their numbers."""
        owners = self.owners()
        kept = self.days <= day
        return OrderLog.of(owners[kept], self.days[kept], self.minor[kept], self.customers)

    def buys_in(self, after: int, until: int) -> npt.NDArray[np.bool_]:
        """Which customers bought on a day in (after, until]."""
        owners = self.owners()
        found = np.zeros(self.customers, np.bool_)
        found[owners[(self.days > after) & (self.days <= until)]] = True
        return found

    def thinned(self, most: int) -> "OrderLog":
        """At most so many customers, evenly taken; they are numbered anew."""
        owners = self.owners()
        step = max(-(-self.customers // most), 1)
        kept = owners % step == 0
        return OrderLog.of(
            owners[kept] // step, self.days[kept], self.minor[kept], -(-self.customers // step)
        )

    @property
    def repeat_customers(self) -> int:
        return int((np.diff(self.starts) > 1).sum())

    @property
    def mean_gap(self) -> float:
        """Days between two occasions of one customer, over all of them; NaN without any."""
        same = np.ones(len(self.days), np.bool_)
        same[self.starts[:-1][self.starts[:-1] < len(self.days)]] = False
        gaps = np.diff(self.days, prepend=0)[same]
        return float(gaps.mean()) if len(gaps) else float("nan")
