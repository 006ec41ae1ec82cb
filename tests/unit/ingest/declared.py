"""A provider nobody wrote Python for, as tests declare it."""

import hmac
from typing import Any

from services.ingest.adapters.provider_file import parse
from services.ingest.domain.plan import Provider
from services.ingest.testing import FixedSources
from tests.unit.ingest.shop import NOW, Shop, dumps, source

SECRET = "kindred-unit-test-secret"
KINDRED = """\
name: kindred
verifier:
  header: X-Kindred-Signature
  prefix: "v2="
  signed: "{timestamp}.{header:x-kindred-id}.{body}"
  timestamp_header: X-Kindred-Time
  tolerance_s: 60
probes: [GET]
items: $.events
topic: $.what
naive_times: utc
person:
  id: $.buyer.id
  email: $.buyer.emails[0]
  phone: $.buyer.phone
  name: $.buyer.name
ignore: [ticket.viewed]
erase: [buyer.forgotten]
events:
  review.published:
    event: review.submitted
    id: [$.review.id]
    time: $.review.at
    fields:
      review_id: $.review.id
      rating: $.review.stars
  survey.done:
    event: survey.answered
    id: [$.survey.id, $.survey.answer]
    fields:
      survey_id: $.survey.id
      response_id: $.survey.answer
      kind: csat
      score: {path: $.survey.face, values: {happy: 5, sad: 1}}
  order.made:
    event: order.placed
    id: [$.order.id]
    fields: {order_id: $.order.id, amount: $.order.total, currency: $.order.currency, gift: $.order.gift,
             products: $.order.products, channel: online, items: 3}
  order.returned:
    event: order.refunded
    id: [$.order.id, $.refund]
    fields: {order_id: $.order.id, refund_id: $.refund, amount: $.order.total, currency: $.order.currency}
  ticket.new:
    event: ticket.opened
    id: [$.ticket]
    fields: {ticket_id: $.ticket, sentiment: $.words, priority: $.priority}
  plan.ends:
    event: subscription.cancel_requested
    id: [$.plan]
    fields: {subscription_id: $.plan, renewal_at: $.until, interval_days: $.days, reason: $.why}
"""


def kindred(text: str = KINDRED) -> Provider:
    return parse(text, "kindred.yaml")


def signed(body: bytes, key: str = SECRET, seconds: int | None = None) -> dict[str, str]:
    stamp = str(int(NOW.timestamp()) if seconds is None else seconds)
    signature = hmac.digest(key.encode(), f"{stamp}.m1.".encode() + body, "sha256").hex()
    return {
        "content-type": "application/json",
        "x-kindred-signature": f"v2={signature}",
        "x-kindred-time": stamp,
        "x-kindred-id": "m1",
    }


def element(what: str, **more: Any) -> dict[str, Any]:
    buyer = {"id": 7, "emails": ["ada@shopper.example"], "name": "Ada Byron", "phone": None}
    return {"what": what, "buyer": buyer, **more}


def shop_with(provider: Provider) -> Shop:
    """Ingest that knows one more provider, under a source of its name."""
    fields = {"name": provider.name, "provider": provider.name, "tenant": "demo", "secrets": [SECRET]}
    own = source("shopify").model_validate(fields, strict=False)
    return Shop(sources=FixedSources(source("shopify"), own, declared=[provider]))


async def deliver(shop: Shop, *elements: dict[str, Any]) -> Any:
    raw = dumps({"events": elements})
    return await shop.request("POST", "/webhooks/kindred", raw, signed(raw))
