"""Site, product, e-mail and SMS."""

from typing import Literal

from libs.events.types import Count, Frozen, Label, Reference


class SiteVisited(Frozen):
    """One visit or page of it. `session_id` makes the pages of one visit one engagement."""

    session_id: Reference
    pages: Count = 1
    seconds: Count | None = None


class SiteSearched(Frozen):
    session_id: Reference
    results: Count | None = None


class ProductViewed(Frozen):
    product_id: Reference
    session_id: Reference | None = None


class ProductAddedToCart(ProductViewed):
    quantity: Count = 1


class ProductRemovedFromCart(ProductViewed):
    quantity: Count = 1


class MessageEvent(Frozen):
    """What every e-mail and SMS event carries. `machine` marks a scanner or a privacy proxy."""

    campaign_id: Reference | None = None
    message_id: Reference | None = None
    machine: bool = False


class EmailSent(MessageEvent):
    pass


class EmailDelivered(MessageEvent):
    pass


class EmailOpened(MessageEvent):
    """Opens lie (mail privacy proxies): shown on the timeline, never engagement."""


class EmailClicked(MessageEvent):
    pass


class EmailBounced(MessageEvent):
    kind: Literal["hard", "soft", "unknown"] = "unknown"


class EmailComplained(MessageEvent):
    pass


class EmailSubscribed(MessageEvent):
    list_id: Reference | None = None


class EmailUnsubscribed(MessageEvent):
    list_id: Reference | None = None
    reason: Label | None = None


class SmsSent(MessageEvent):
    pass


class SmsClicked(MessageEvent):
    pass


class SmsReplied(MessageEvent):
    pass


class SmsUnsubscribed(MessageEvent):
    pass


ENGAGEMENT: dict[str, type[Frozen]] = {
    "site.visited": SiteVisited,
    "site.searched": SiteSearched,
    "product.viewed": ProductViewed,
    "product.added_to_cart": ProductAddedToCart,
    "product.removed_from_cart": ProductRemovedFromCart,
    "email.sent": EmailSent,
    "email.delivered": EmailDelivered,
    "email.opened": EmailOpened,
    "email.clicked": EmailClicked,
    "email.bounced": EmailBounced,
    "email.complained": EmailComplained,
    "email.subscribed": EmailSubscribed,
    "email.unsubscribed": EmailUnsubscribed,
    "sms.sent": SmsSent,
    "sms.clicked": SmsClicked,
    "sms.replied": SmsReplied,
    "sms.unsubscribed": SmsUnsubscribed,
}
