"""What Shopify's webhooks and its order export say in the same words."""

from functools import lru_cache

from libs.events.families.commerce import Channel

ORDER = "shopify/order"
NOT_PURCHASES = frozenset({"replacement", "exchange", "test", "draft"})  # tags
_MARKETPLACES = (
    "amazon",
    "ebay",
    "etsy",
    "facebook",
    "google",
    "instagram",
    "marketplace",
    "tiktok",
    "walmart",
)


@lru_cache(1_000)  # shops have few
def channel_of(source: str) -> Channel:
    """By the name of the order's source, in lower case."""
    if source == "pos":
        return "point_of_sale"
    if source.startswith("subscription_contract"):
        return "subscription"
    return "marketplace" if any(market in source for market in _MARKETPLACES) else "online"
