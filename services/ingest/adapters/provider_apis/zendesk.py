"""Zendesk's API: `ADDRESS/token:TOKEN` as the key. Its export of changes is made for asking again."""

from collections.abc import Iterator
from datetime import datetime

from services.ingest.adapters.api_plan import (
    Answer,
    Api,
    Call,
    Hooks,
    Listing,
    One,
    basic,
    cursor,
    last,
    seconds,
)
from services.ingest.domain.hooks import Hook
from services.ingest.domain.reading import Node

_EXPORT = "/api/v2/incremental/tickets/cursor.json"


def _changed(since: datetime, _until: datetime) -> Call:
    """It has no end: what changed later is only looked at twice."""
    return Call(_EXPORT, {"start_time": seconds(since), "per_page": "500"})


def _following(call: Call, answer: Answer) -> Call | None:
    if answer.body.at("end_of_stream").flag() is not False:
        return None
    return cursor("cursor", "after_cursor")(call, answer)


def _hooks(node: Node) -> Iterator[Hook]:
    number, address = node.at("id").text() or "", node.at("endpoint").text() or ""
    yield Hook(number, "all its events", address, active=node.at("status").text() == "active")


API = Api(
    name="zendesk",
    headers=basic,
    example="https://SUBDOMAIN.zendesk.com",
    objects={"customer": One("/api/v2/users/{id}.json", ("user",), kept=True)},
    listing=Listing(_changed, _following, ("tickets",)),
    hooks=Hooks(
        Call("/api/v2/webhooks", {"page[size]": "100"}),
        last,
        _hooks,
        lambda number: Call(
            f"/api/v2/webhooks/{number}", method="PATCH", body={"webhook": {"status": "active"}}
        ),
        ("webhooks",),
    ),
)
