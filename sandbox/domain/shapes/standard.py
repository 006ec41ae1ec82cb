"""Standard Webhooks: the shop's own subscription engine, in the words of Greenline's contract."""

from sandbox.domain.moments import Kind, Moment
from sandbox.domain.shapes.message import Message, dumps, zulu

TYPES: dict[Kind, str] = {
    "contract_started": "subscription.started",
    "contract_paused": "subscription.paused",
    "contract_cancelled": "subscription.cancelled",
}


def contract(moment: Moment) -> Message:
    data = {
        "subscription_id": moment.ref,
        "amount": "9.99",
        "currency": "USD",
        "interval_days": 30,
        "customer": {"id": str(moment.person.shopify_id), "email": moment.person.email},
    }
    kind = TYPES[moment.kind]
    return Message("standard", kind, dumps({"type": kind, "timestamp": zulu(moment.at), "data": data}))
