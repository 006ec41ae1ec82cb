"""Orders, checkouts, returns and subscriptions."""

from typing import Literal

from libs.events.types import Amount, Count, Currency, Frozen, Instant, Label, Reference, Region

Channel = Literal["online", "point_of_sale", "marketplace", "subscription"]


class OrderPlaced(Frozen):
    """A purchase. `counts` is false for test, void, fraud, zero-value, replacement and draft orders.

    `region` is where it goes: ISO 3166, a country (DE) or a part of one (US-CA), nothing finer.
    """

    order_id: Reference
    amount: Amount
    currency: Currency
    items: Count = 1
    products: tuple[Reference, ...] = ()
    channel: Channel = "online"
    gift: bool = False
    counts: bool = True
    region: Region | None = None


class OrderUpdated(OrderPlaced):
    """The last version of an order wins; the order's id stays one fact."""


class OrderPaid(Frozen):
    order_id: Reference
    amount: Amount
    currency: Currency


class OrderCancelled(Frozen):
    order_id: Reference
    reason: Label | None = None
    amount: Amount | None = None
    currency: Currency | None = None
    placed_at: Instant | None = None


class OrderShipped(Frozen):
    order_id: Reference
    carrier: Label | None = None
    due_at: Instant | None = None


class OrderDelivered(Frozen):
    order_id: Reference


class OrderRefunded(Frozen):
    """Money back. `order_amount` lets a rule ask for a share; an exchange is not a refund."""

    order_id: Reference
    refund_id: Reference
    amount: Amount
    currency: Currency
    order_amount: Amount | None = None
    exchange: bool = False


class CheckoutStarted(Frozen):
    checkout_id: Reference
    amount: Amount | None = None
    currency: Currency | None = None


class CheckoutAbandoned(CheckoutStarted):
    pass


class CheckoutCompleted(CheckoutStarted):
    order_id: Reference | None = None


class ReturnRequested(Frozen):
    return_id: Reference
    order_id: Reference
    amount: Amount | None = None
    currency: Currency | None = None
    order_amount: Amount | None = None
    reason: Label | None = None
    exchange: bool = False


class ReturnReceived(Frozen):
    return_id: Reference
    order_id: Reference


class ReturnClosed(Frozen):
    return_id: Reference
    order_id: Reference


class SubscriptionEvent(Frozen):
    """What every subscription event carries; `amount` is per interval."""

    subscription_id: Reference
    amount: Amount | None = None
    currency: Currency | None = None
    interval_days: Count | None = None
    renewal_at: Instant | None = None
    reason: Label | None = None


class SubscriptionStarted(SubscriptionEvent):
    pass


class SubscriptionRenewed(SubscriptionEvent):
    pass


class SubscriptionChanged(SubscriptionEvent):
    pass


class SubscriptionPaused(SubscriptionEvent):
    pass


class SubscriptionResumed(SubscriptionEvent):
    pass


class SubscriptionSkipped(SubscriptionEvent):
    pass


class SubscriptionCancelRequested(SubscriptionEvent):
    """A cancellation attempt, or one that takes effect at the end of the period."""


class SubscriptionCancelled(SubscriptionEvent):
    pass


class SubscriptionPaymentFailed(SubscriptionEvent):
    attempt: Count | None = None


COMMERCE: dict[str, type[Frozen]] = {
    "order.placed": OrderPlaced,
    "order.updated": OrderUpdated,
    "order.paid": OrderPaid,
    "order.cancelled": OrderCancelled,
    "order.shipped": OrderShipped,
    "order.delivered": OrderDelivered,
    "order.refunded": OrderRefunded,
    "checkout.started": CheckoutStarted,
    "checkout.abandoned": CheckoutAbandoned,
    "checkout.completed": CheckoutCompleted,
    "return.requested": ReturnRequested,
    "return.received": ReturnReceived,
    "return.closed": ReturnClosed,
    "subscription.started": SubscriptionStarted,
    "subscription.renewed": SubscriptionRenewed,
    "subscription.changed": SubscriptionChanged,
    "subscription.paused": SubscriptionPaused,
    "subscription.resumed": SubscriptionResumed,
    "subscription.skipped": SubscriptionSkipped,
    "subscription.cancel_requested": SubscriptionCancelRequested,
    "subscription.cancelled": SubscriptionCancelled,
    "subscription.payment_failed": SubscriptionPaymentFailed,
}
