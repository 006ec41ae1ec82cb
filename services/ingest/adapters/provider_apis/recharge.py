"""Recharge's API of 2021-11. Subscriptions are compared; a charge is known by the subscriptions it pays."""

from datetime import datetime

from services.ingest.adapters.api_plan import Api, Call, Listing, One, cursor, iso


def _headers(key: str) -> dict[str, str]:
    return {"X-Recharge-Access-Token": key, "X-Recharge-Version": "2021-11"}


def _changed(since: datetime, until: datetime) -> Call:
    window = {"updated_at_min": iso(since), "updated_at_max": iso(until)}
    return Call("/subscriptions", {"limit": "250", **window})


API = Api(
    name="recharge",
    headers=_headers,
    base="https://api.rechargeapps.com",
    objects={"customer": One("/customers/{id}", ("customer",), kept=True)},
    listing=Listing(_changed, cursor("cursor", "next_cursor"), ("subscriptions",)),
)
