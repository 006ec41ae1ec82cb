"""Stripe's API: it lists its events of the last 30 days as it delivered them, newest first."""

from datetime import datetime, timedelta

from services.ingest.adapters.api_plan import Answer, Api, Call, Listing, One, bearer, seconds

_TYPES = """
customer.subscription.created customer.subscription.updated customer.subscription.deleted
customer.subscription.paused customer.subscription.resumed invoice.paid invoice.payment_failed
checkout.session.completed checkout.session.async_payment_succeeded charge.refunded charge.dispute.created
charge.dispute.closed
"""


def _happened(since: datetime, until: datetime) -> Call:
    window = {"created[gte]": seconds(since), "created[lt]": seconds(until)}
    return Call("/v1/events", {"limit": "100", "types[]": tuple(_TYPES.split()), **window})


def _following(call: Call, answer: Answer) -> Call | None:
    listed = list(answer.body.at("data").each())
    if answer.body.at("has_more").flag() is not True or not listed:
        return None
    return call.with_query(starting_after=listed[-1].at("id").text() or "")


API = Api(
    name="stripe",
    headers=bearer,
    base="https://api.stripe.com",
    objects={"customer": One("/v1/customers/{id}", kept=True)},
    listing=Listing(_happened, _following, ("data",), slices=timedelta(hours=1)),
)
