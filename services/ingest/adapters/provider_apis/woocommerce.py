"""WooCommerce's REST API: consumer key and secret, in one word with a colon between."""

from collections.abc import Iterator
from datetime import datetime

from services.ingest.adapters.api_plan import Api, Call, Hooks, Listing, One, basic, iso, pages
from services.ingest.domain.hooks import Hook
from services.ingest.domain.reading import Node
from services.ingest.domain.sources import Source

_ROOT = "/wp-json/wc/v3"
_PAGE = 100


def _changed(since: datetime, until: datetime) -> Call:
    window = {"modified_after": iso(since), "modified_before": iso(until), "dates_are_gmt": "true"}
    query = {"per_page": str(_PAGE), "orderby": "modified", "order": "asc", "status": "any"}
    return Call(f"{_ROOT}/orders", {**query, **window})


def _hooks(node: Node) -> Iterator[Hook]:
    yield Hook(
        node.at("id").text() or "",
        node.at("topic").text() or "",
        node.at("delivery_url").text() or "",
        active=node.at("status").text() == "active",
    )


def _make(topic: str, address: str, source: Source) -> Call:
    hook = {"name": f"Greenline {topic}", "topic": topic, "delivery_url": address, "status": "active"}
    return Call(f"{_ROOT}/webhooks", method="POST", body={**hook, "secret": source.lasting_secret()})


API = Api(
    name="woocommerce",
    headers=basic,
    example="https://SHOP",
    objects={"customer": One(f"{_ROOT}/customers/{{id}}", kept=True)},
    listing=Listing(_changed, pages(_PAGE)),
    hooks=Hooks(
        Call(f"{_ROOT}/webhooks", {"per_page": str(_PAGE)}),
        pages(_PAGE),
        _hooks,
        lambda number: Call(f"{_ROOT}/webhooks/{number}", method="PUT", body={"status": "active"}),
        make=_make,
    ),
)
