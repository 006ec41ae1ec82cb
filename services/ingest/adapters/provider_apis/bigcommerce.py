"""BigCommerce's API: orders in its second version, everything else in its third."""

from collections.abc import Iterator
from datetime import datetime

from services.ingest.adapters.api_plan import Api, Call, Hooks, Listing, One, iso, pages
from services.ingest.domain.hooks import Hook
from services.ingest.domain.reading import Node
from services.ingest.domain.sources import Source

_PAGE = 250


def _changed(since: datetime, until: datetime) -> Call:
    window = {"min_date_modified": iso(since), "max_date_modified": iso(until)}
    return Call("/v2/orders", {"limit": str(_PAGE), "sort": "date_modified:asc", **window})


def _hooks(node: Node) -> Iterator[Hook]:
    yield Hook(
        node.at("id").text() or "",
        node.at("scope").text() or "",
        node.at("destination").text() or "",
        active=node.at("is_active").flag() is not False,
    )


def _make(topic: str, address: str, _source: Source) -> Call:
    hook = {"scope": topic, "destination": address, "is_active": True}
    return Call("/v3/hooks", method="POST", body=hook)


API = Api(
    name="bigcommerce",
    headers=lambda key: {"X-Auth-Token": key},
    example="https://api.bigcommerce.com/stores/HASH",
    objects={
        "order": One("/v2/orders/{id}"),
        "refund": One("/v3/orders/{id}/payment_actions/refunds", ("data",)),
        "cart": One("/v3/carts/{id}", ("data",)),
        "customer": One("/v3/customers", ("data",), {"id:in": "{id}"}, of_list=True, kept=True),
        "subscriber": One("/v3/customers/subscribers/{id}", ("data",)),
    },
    listing=Listing(_changed, pages(_PAGE)),
    hooks=Hooks(
        Call("/v3/hooks", {"limit": str(_PAGE)}),
        pages(_PAGE, "data"),
        _hooks,
        lambda number: Call(f"/v3/hooks/{number}", method="PUT", body={"is_active": True}),
        ("data",),
        _make,
    ),
)
