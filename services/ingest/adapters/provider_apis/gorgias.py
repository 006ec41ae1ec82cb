"""Gorgias' API: `ADDRESS:KEY` as the key. Tickets come with the newest change first, without a window."""

from datetime import datetime

from services.ingest.adapters.api_plan import Api, Call, Listing, One, basic, cursor


def _changed(_since: datetime, _until: datetime) -> Call:
    return Call("/api/tickets", {"limit": "100", "order_by": "updated_datetime:desc"})


API = Api(
    name="gorgias",
    headers=basic,
    example="https://SUBDOMAIN.gorgias.com",
    objects={"customer": One("/api/customers/{id}", kept=True)},
    listing=Listing(
        _changed, cursor("cursor", "meta", "next_cursor"), ("data",), stops_at="updated_datetime"
    ),
)
