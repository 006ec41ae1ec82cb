"""The full job's events: 12 types in a shop's usual mix, Zipf 1.1 customers, the same for the same seed."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from libs.events import message_key, schema_uri
from libs.runtime.kafka import partition_of

CUSTOMERS = 200_000
PARTITIONS = 12
ZIPF = 1.1
START = datetime(2026, 1, 1, tzinfo=UTC)
SPAN_DAYS = 300
_BLOCK = 50_000  # events drawn at once

_encode = msgspec.json.Encoder().encode


class Event(NamedTuple):
    """As it stands on customer.events."""

    partition: int
    key: bytes
    value: bytes


class _Shop:
    """What later events refer to: each customer's last order and ticket, by number."""

    def __init__(self) -> None:
        self.orders: dict[int, int] = {}
        self.tickets: dict[int, int] = {}


Data = dict[str, Any]
_CHANNELS = ("online", "online", "online", "subscription")
_MOODS = ("negative", "neutral", "positive")


def _visit(shop: _Shop, who: int, i: int) -> Data:  # noqa: ARG001 (all makers are alike)
    session = {"session_id": f"s{who}-{i // 4000}"}
    return {**session, **({"pages": 1 + i % 7} if i % 7 else {}), "seconds": 20 + i % 300}


def _product(shop: _Shop, who: int, i: int) -> Data:  # noqa: ARG001 (all makers are alike)
    return {"product_id": f"gid-product-{i % 900}", "session_id": f"s{who}-{i // 4000}"}


def _message(shop: _Shop, who: int, i: int) -> Data:  # noqa: ARG001 (all makers are alike)
    return {"campaign_id": f"campaign-{i % 40}", "message_id": f"m{i}"}


def _opened(shop: _Shop, who: int, i: int) -> Data:
    """Every third open is a privacy proxy's."""
    return {**_message(shop, who, i), **({"machine": True} if i % 3 == 0 else {})}


def _placed(shop: _Shop, who: int, i: int) -> Data:
    shop.orders[who] = i
    products = [f"gid-product-{(i + n) % 900}" for n in range(1 + i % 3)]
    order = {"order_id": f"{4_500_000_000 + i}", "amount": f"{12 + i % 140}.95", "currency": "USD"}
    channel = _CHANNELS[i % 4]
    extra = {"channel": channel} if channel != "online" else {}
    return {**order, **({"items": len(products)} if len(products) > 1 else {}), "products": products, **extra}


def _order(shop: _Shop, who: int, i: int) -> str:
    return f"{4_500_000_000 + shop.orders.get(who, i)}"


def _shipped(shop: _Shop, who: int, i: int) -> Data:
    return {"order_id": _order(shop, who, i), "carrier": "ups"}


def _refunded(shop: _Shop, who: int, i: int) -> Data:
    known = {"order_id": _order(shop, who, i), "refund_id": f"r{i}"}
    return {**known, "amount": f"{5 + i % 20}.00", "currency": "USD", "order_amount": "39.95"}


def _ticket_opened(shop: _Shop, who: int, i: int) -> Data:
    shop.tickets[who] = i
    return {"ticket_id": f"t{i}", "sentiment": _MOODS[i % 3], "priority": "normal", "channel": "email"}


def _ticket_solved(shop: _Shop, who: int, i: int) -> Data:
    return {"ticket_id": f"t{shop.tickets.get(who, i)}"}


def _renewed(shop: _Shop, who: int, i: int) -> Data:  # noqa: ARG001 (all makers are alike)
    known = {"subscription_id": f"u{who}", "amount": "30.00", "currency": "USD", "interval_days": 30}
    return {**known, "renewal_at": f"{START + timedelta(days=330 + i % 30):%Y-%m-%dT%H:%M:%SZ}"}


class _Type(NamedTuple):
    share: int  # percent of all events
    name: str
    source: str
    make: Callable[[_Shop, int, int], Data]


MIX = (
    _Type(31, "site.visited", "segment/site", _visit),
    _Type(14, "product.viewed", "segment/site", _product),
    _Type(4, "product.added_to_cart", "segment/site", _product),
    _Type(21, "email.sent", "klaviyo/main", _message),
    _Type(11, "email.opened", "klaviyo/main", _opened),
    _Type(4, "email.clicked", "klaviyo/main", _message),
    _Type(7, "order.placed", "shopify/main", _placed),
    _Type(3, "order.shipped", "shopify/main", _shipped),
    _Type(1, "order.refunded", "shopify/main", _refunded),
    _Type(2, "ticket.opened", "zendesk/main", _ticket_opened),
    _Type(1, "ticket.solved", "zendesk/main", _ticket_solved),
    _Type(1, "subscription.renewed", "shopify/main", _renewed),
)


def make_events(
    count: int, seed: int = 7, customers: int = CUSTOMERS, *, backfill: bool = False
) -> Iterator[Event]:
    """Times go forward; the place of an event in the stream is its number."""
    numbers = np.random.default_rng(seed)
    activity = np.cumsum(np.arange(1, customers + 1) ** -ZIPF)
    shares = np.array([kind.share for kind in MIX]) / 100
    shop = _Shop()
    step = timedelta(days=SPAN_DAYS) / count
    for start in range(0, count, _BLOCK):
        size = min(_BLOCK, count - start)
        who = np.searchsorted(activity, numbers.random(size) * activity[-1])
        kinds = numbers.choice(len(MIX), size, p=shares)
        for event in _block(shop, who, kinds, start, step):
            yield event._replace(value=_imported(event.value)) if backfill else event


def _imported(value: bytes) -> bytes:
    """The same event from a history: the mark stands before the data."""
    return value.replace(b'"data":', b'"backfill":true,"data":', 1)


def _block(
    shop: _Shop, who: npt.NDArray[np.int64], kinds: npt.NDArray[np.int64], start: int, step: timedelta
) -> Iterator[Event]:
    everyone = list(range(PARTITIONS))
    for i, (customer, kind) in enumerate(zip(who.tolist(), kinds.tolist(), strict=True), start):
        subject = f"cus_{customer:012x}"
        key = message_key("demo", subject)
        value = _value(MIX[kind], MIX[kind].make(shop, customer, i), subject, START + i * step, i)
        yield Event(partition_of(key, everyone, everyone), key, value)


def _value(kind: _Type, data: Data, subject: str, at: datetime, i: int) -> bytes:
    """The bytes that ingest would have written (a test holds it to that), ten times as fast."""
    received = at + timedelta(microseconds=900_000 + i * 7919 % 1_000_000)
    return _encode(
        {
            "specversion": "1.0",
            "id": f"{kind.source.partition('/')[0]}:{kind.name.replace('.', ':')}:{i}",
            "source": kind.source,
            "type": kind.name,
            "subject": subject,
            "time": at.replace(microsecond=0),
            "tenant": "demo",
            "receivedat": received,
            "dataschema": schema_uri(kind.name),
            "data": data,
        }
    )
