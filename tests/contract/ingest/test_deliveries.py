"""Each delivery on file becomes exactly what its file says, once; the files cover the documented topics."""

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from libs.events import CUSTOMER_EVENT_TYPES
from services.ingest.domain.providers import discover
from tests.contract.ingest.golden import Golden, deliveries, outcome, post
from tests.unit.ingest.shop import Shop

DOCS = (Path(__file__).resolve().parents[3] / "docs" / "providers.md").read_text()
TITLES = {"standard": "Standard Webhooks", "woocommerce": "WooCommerce", "bigcommerce": "BigCommerce"}
UNSEEN = {
    "intercom": """contact.merged content_stat.email content_stat.sms content_stat.survey granular.*
        visitor.signed_up ticket.admin.replied ticket.contact.replied ticket.rating.provided""",
    "klaviyo": "active_on_site submitted_rating submitted_review viewed_product",
    "recharge": "address store",
    "shopify": """returns/request approve process close returns/cancel decline fulfillment_events/create
        subscription_billing_attempts/* subscription_billing_cycles/skip""",
    "stripe": """checkout.session.completed async_payment_succeeded checkout.session.expired
        charge.dispute.created closed refund.* payment_intent.*""",
    "woocommerce": """coupon.* product.* subscription.created subscription.deleted subscription.restored
        switched""",
    "zendesk": "csat_requested",
}
"""Documented, and no file: nobody has shown us a body. Unit tests hold them to what the docs say."""
WORDS = """
sentiment_* reason=abuse email.* checkout-draft type data timestamp customer customer.events outreach.* text
webhook-id nps csat ces csat_delivery context.sessionId properties.session_id
"""
NO_TOPICS = frozenset(WORDS.split())
"""What stands among the documented topics and is none."""


@pytest.mark.parametrize("golden", deliveries(), ids=lambda golden: golden.id)
async def test_a_delivery_becomes_what_its_file_says(golden: Golden):
    assert await outcome(golden) == golden.expect


@pytest.mark.parametrize("provider", sorted(discover()))
async def test_a_second_round_of_all_deliveries_tells_nothing_new(provider):
    shop = Shop()
    told = [await told_by(shop, provider) for _ in range(2)]
    assert told[0]
    assert told[1] <= told[0]


async def told_by(shop: Shop, provider: str) -> set[str]:
    """Ids of events after one round; those of erased customers are new, as the customers are."""
    before = len(shop.events())
    mine = [golden for golden in deliveries() if golden.provider == provider]
    for golden in sorted(mine, key=lambda one: bool(one.after)):
        await post(shop, golden)
    return {event["id"] for event in shop.events()[before:] if event["type"] != "customer.erased"}


@pytest.mark.parametrize("provider", sorted(discover()))
def test_every_topic_of_the_docs_is_delivered_or_named_as_unseen(provider):
    delivered = {topic for golden in deliveries() if golden.provider == provider for topic in topics(golden)}
    missing = {one for one in documented(provider) if not any(is_of(topic, one) for topic in delivered)}
    assert delivered
    assert missing == set(UNSEEN.get(provider, "").split())


def documented(provider: str) -> set[str]:
    """The topics in the first column of a provider's table, or in its first paragraph if it has none."""
    section = DOCS.split(f"\n## {TITLES.get(provider, provider.capitalize())}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.*?) \|", section, re.MULTILINE)
    text = " ".join(rows) if rows else section.strip().split("\n\n")[0]
    return set(re.findall(r"`([\w./*=-]+)`", text)) - CUSTOMER_EVENT_TYPES.keys() - NO_TOPICS


def topics(golden: Golden) -> Iterator[str]:
    """Wherever a provider says what happened."""
    document = golden.document
    elements = document.get("data") if isinstance(document.get("data"), list) else []
    yield from (value for name, value in golden.headers.items() if name.endswith("-topic"))
    yield from golden.query.values()
    for place in (document, *elements):
        names = ("type", "topic", "event", "scope", "event_type")
        yield from (place[name] for name in names if isinstance(place.get(name), str))


def is_of(topic: str, documented: str) -> bool:
    """`updated` in a row of several stands for its family's; `order` for all of an order's."""
    ends = (f"*[./_:]{documented}", f"{documented}[./]*", documented)
    return any(fnmatch(topic, pattern) for pattern in ends)
