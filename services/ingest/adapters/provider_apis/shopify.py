"""Shopify's Admin API: REST, for its orders are what the webhooks carry, to the letter."""

import re
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import unquote

from services.ingest.adapters.api_plan import Answer, Api, Call, Hooks, Listing, One, iso
from services.ingest.domain.hooks import Hook
from services.ingest.domain.reading import Node
from services.ingest.domain.sources import Source

_ROOT = "/admin/api/2024-10"
_NEXT = re.compile(r'[?&]page_info=([^&>]+)[^>]*>;\s*rel="?next')


def _changed(since: datetime, until: datetime) -> Call:
    window = {"updated_at_min": iso(since), "updated_at_max": iso(until)}
    return Call(f"{_ROOT}/orders.json", {"status": "any", "limit": "250", **window})


def _following(call: Call, answer: Answer) -> Call | None:
    """Only the page's word is taken from the link, never the address: the key goes nowhere else."""
    found = _NEXT.search(answer.headers.get("link", ""))
    return Call(call.path, {"limit": "250", "page_info": unquote(found[1])}) if found else None


def _hooks(node: Node) -> Iterator[Hook]:
    yield Hook(node.at("id").text() or "", node.at("topic").text() or "", node.at("address").text() or "")


def _make(topic: str, address: str, _source: Source) -> Call:
    hook = {"topic": topic, "address": address, "format": "json"}
    return Call(f"{_ROOT}/webhooks.json", method="POST", body={"webhook": hook})


API = Api(
    name="shopify",
    headers=lambda key: {"X-Shopify-Access-Token": key},
    example="https://SHOP.myshopify.com",
    objects={"customer": One(f"{_ROOT}/customers/{{id}}.json", ("customer",), kept=True)},
    listing=Listing(_changed, _following, ("orders",)),
    hooks=Hooks(
        Call(f"{_ROOT}/webhooks.json", {"limit": "250"}),
        _following,
        _hooks,
        None,
        ("webhooks",),
        _make,
    ),
)
