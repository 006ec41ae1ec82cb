"""Whatever event names a sum is held to the limit, read as a model or as a hot struct."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from libs.events.families.commerce import OrderCancelled, OrderPlaced, OrderRefunded, OrderUpdated
from libs.events.families.engagement import SiteVisited
from libs.events.hot import data_struct
from services.ingest.domain.errors import NotUnderstoodError
from services.ingest.domain.limits import check

NOW = datetime(2024, 6, 1, tzinfo=UTC)
MOST = 1_000


class Said(NamedTuple):
    """A fact of which only the data matters."""

    data: Any
    time: datetime | None = None


def says(model: Any, **fields: Any) -> list[Said]:
    """The same as a model and as a struct."""
    return [Said(model(**fields)), Said(data_struct(model)(**fields))]


ORDER = {"order_id": "1", "currency": "EUR"}
OVER = [
    *says(OrderPlaced, amount="1000.01", **ORDER),
    *says(OrderUpdated, amount="1000.01", **ORDER),  # its fields are its parent's
    *says(OrderCancelled, amount="1000.01", **ORDER),
    *says(OrderRefunded, refund_id="2", amount="1.00", order_amount="1000.01", **ORDER),
]


@pytest.mark.parametrize("said", OVER, ids=lambda said: type(said.data).__name__)
def test_a_sum_over_the_limit_is_absurd_wherever_it_stands(said: Said) -> None:
    with pytest.raises(NotUnderstoodError, match="over the limit"):
        check(said, NOW, MOST)


@pytest.mark.parametrize(
    "said",
    [
        *says(OrderUpdated, amount="1000.00", **ORDER),
        *says(OrderCancelled, order_id="1"),
        *says(SiteVisited, session_id="s"),
    ],
    ids=lambda said: type(said.data).__name__,
)
def test_a_sum_at_the_limit_and_none_at_all_are_fine(said: Said) -> None:
    check(said, NOW, MOST)
