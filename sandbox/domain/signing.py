"""Signatures as each provider makes them. Written from their public descriptions, not shared with ingest."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Literal

Provider = Literal["shopify", "klaviyo", "zendesk", "segment", "standard"]
Headers = dict[str, str]


def sign(provider: Provider, secret: str, body: bytes, delivery: str, wall: float) -> Headers:
    """The headers that prove this body, made at `wall` (seconds since 1970; each attempt signs anew)."""
    return _SCHEMES[provider](secret, body, delivery, wall)


def shopify(secret: str, body: bytes, delivery: str, wall: float) -> Headers:
    """base64 HMAC-SHA256 of the body. No time in it: a retry is the same bytes."""
    triggered = datetime.fromtimestamp(wall, UTC).isoformat().replace("+00:00", "Z")
    return {
        "X-Shopify-Hmac-Sha256": _base64(_sha256(secret.encode(), body)),
        "X-Shopify-Webhook-Id": delivery,
        "X-Shopify-Triggered-At": triggered,
    }


def klaviyo(secret: str, body: bytes, delivery: str, wall: float) -> Headers:  # noqa: ARG001 (one shape for all)
    """Hex HMAC-SHA256 of the body and then the header's own text of the time, nothing between."""
    stamp = format_datetime(datetime.fromtimestamp(int(wall), UTC), usegmt=True)
    return {
        "Klaviyo-Signature": _sha256(secret.encode(), body + stamp.encode()).hex(),
        "Klaviyo-Timestamp": stamp,
    }


def zendesk(secret: str, body: bytes, delivery: str, wall: float) -> Headers:
    """base64 HMAC-SHA256 of the time's text and then the body."""
    stamp = datetime.fromtimestamp(int(wall), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "X-Zendesk-Webhook-Signature": _base64(_sha256(secret.encode(), stamp.encode() + body)),
        "X-Zendesk-Webhook-Signature-Timestamp": stamp,
        "X-Zendesk-Webhook-Invocation-Id": delivery,
    }


def segment(secret: str, body: bytes, delivery: str, wall: float) -> Headers:  # noqa: ARG001 (one shape for all)
    """Hex HMAC-SHA1 of the body."""
    return {"X-Signature": hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()}


def standard(secret: str, body: bytes, delivery: str, wall: float) -> Headers:
    """Standard Webhooks: base64 HMAC-SHA256 of id.time.body; the id stays, the time is the attempt's."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    stamp = str(int(wall))
    signed = _sha256(key, f"{delivery}.{stamp}.".encode() + body)
    return {
        "webhook-id": delivery,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{_base64(signed)}",
    }


_SCHEMES: Mapping[Provider, Callable[[str, bytes, str, float], Headers]] = {
    "shopify": shopify,
    "klaviyo": klaviyo,
    "zendesk": zendesk,
    "segment": segment,
    "standard": standard,
}


def _sha256(key: bytes, signed: bytes) -> bytes:
    return hmac.new(key, signed, hashlib.sha256).digest()


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
