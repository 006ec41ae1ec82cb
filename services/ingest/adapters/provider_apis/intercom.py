"""Intercom's API: an access token; conversations are searched, which is a POST."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from services.ingest.adapters.api_plan import Answer, Api, Call, Listing, One, seconds


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", "Intercom-Version": "2.11"}


def _changed(since: datetime, until: datetime) -> Call:
    sides = [(">", since), ("<", until)]
    both = [{"field": "updated_at", "operator": sign, "value": int(seconds(at))} for sign, at in sides]
    query: dict[str, Any] = {"operator": "AND", "value": both}
    return Call(
        "/conversations/search", method="POST", body={"query": query, "pagination": {"per_page": 100}}
    )


def _following(call: Call, answer: Answer) -> Call | None:
    found = answer.body.at("pages", "next", "starting_after").text()
    if not found:
        return None
    return replace(call, body={**(call.body or {}), "pagination": {"per_page": 100, "starting_after": found}})


API = Api(
    name="intercom",
    headers=_headers,
    base="https://api.intercom.io",
    objects={"customer": One("/contacts/{id}", kept=True)},
    listing=Listing(_changed, _following, ("conversations",)),
)
