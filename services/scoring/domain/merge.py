"""Two customers who turn out to be one: the facts of both in one row."""

from typing import Any

from numba import njit

from services.scoring.domain.account import join_account, join_subscription
from services.scoring.domain.buckets import earlier
from services.scoring.domain.engagement import join_engagement
from services.scoring.domain.onboarding import join_onboarding
from services.scoring.domain.orders import join_orders
from services.scoring.domain.rings import join_rings
from services.scoring.domain.support import join_support
from services.scoring.domain.usage import join_usage


@njit(cache=True)
def _join_standing(into: Any, other: Any) -> None:
    into.first_seen = earlier(into.first_seen, other.first_seen)
    into.imported_at = max(into.imported_at, other.imported_at)
    into.simulated |= other.simulated
    into.scored_at = max(into.scored_at, other.scored_at)
    into.pending_import |= other.pending_import


@njit(cache=True)
def merge_rows(into: Any, other: Any, card: Any) -> None:
    """Add the facts of one customer's row to another's, as if one customer had had the events of both.

    Each event was told to one of the two; who had which, and in what order, makes no difference within the
    bounds of docs/health.md. The two may each know a part of one order, ticket or session. `other` stays as
    it is; the caller removes it.

    - `tenant` and `segment` are indices into the partition's memo: `other`'s are those of the partition that
      holds `into`. The tenant's feeds are the partition's: the caller brings them along.
    - `other` is as it stood before the merge itself excluded it: the later word on `excluded` wins.
    - Two order days are one occasion where both rows still hold that day: 96 days back from the last order.
    - What both were told under one id counts twice: who counted what is not known.
    - Memory is the survivor's (`into`): its band, and what was last said of it. The rings join. An import of
      either that has not been said yet is still to be said: what comes from it is nobody's news.
    """
    if into.first_seen == 0:
        into.tenant = other.tenant
    join_engagement(into, other)
    join_orders(into, other, card.tau)
    join_support(into, other, card.mood_tau)
    join_subscription(into, other)
    join_account(into, other)
    join_usage(into, other)
    join_onboarding(into, other)
    join_rings(into, other)
    _join_standing(into, other)
