"""What is kept of a delivery besides its bytes, so that it can be read again: labels, never proofs."""

from collections.abc import Mapping

from services.ingest.domain.plan import Delivery
from services.ingest.domain.reading import Node, without_controls

_KEPT_NAMES = ("content-type", "traceparent", "webhook-id", "webhook-timestamp")
_KEPT_WORDS = ("topic", "event", "webhook-id", "event-id", "triggered-at", "api-version", "invocation-id")
_KEPT_PLACES = ("shop-domain",)  # whose it is: read again, it must be refused again
# Whatever else a name says: what proves or lets in is never kept.
_NEVER = ("signature", "hmac", "token", "secret", "password", "authorization", "cookie", "api-key", "apikey")
_MAX_TOPIC = 80  # characters


def kept_labels(delivery: Delivery) -> dict[str, str]:
    """The headers and parameters worth keeping; a header wins over a parameter of its name."""
    labels = {**delivery.query, **delivery.headers}
    return {
        without_controls(name): without_controls(value) for name, value in labels.items() if _is_kept(name)
    }


def _is_kept(name: str) -> bool:
    if any(word in name for word in _NEVER):
        return False
    return name in _KEPT_NAMES or name.endswith((*_KEPT_WORDS, *_KEPT_PLACES))


def as_delivery(labels: Mapping[str, str], body: bytes) -> Delivery:
    """A kept delivery as it came; which of its labels were headers does not matter to a reader."""
    return Delivery(labels, body, labels)


def topic_of(labels: Mapping[str, str], element: Node) -> str | None:
    """The provider's code for what this is: a header or parameter, else a member of the element."""
    # WooCommerce sends both: `order.created` as the topic, `created` as the event.
    named = (
        value
        for word in ("topic", "event")
        for name, value in sorted(labels.items())
        if name.endswith(word) and value
    )
    given = next(named, None)
    found = (given or element.first("topic", "type", "event_type", "scope").text() or "").strip()[:_MAX_TOPIC]
    return found if found and found.isprintable() and "@" not in found else None
