"""Deliveries as files: what a provider posts, and everything that must come of it (deliveries/README.md)."""

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec

from libs.events.topics import CUSTOMER_PROFILES
from tests.unit.ingest import tools
from tests.unit.ingest.shop import Shop, dumps, sign

FOLDER = Path(__file__).parent / "deliveries"
TOLD = ("type", "id", "time", "subject", "data", "backfill", "simulated")
"""What an expectation says of an event; the rest of the envelope is the same in all of them."""


@dataclass(frozen=True)
class Golden:
    """One file. `after`: deliveries of the same provider that came before, for what this one leaves out."""

    provider: str
    name: str
    expect: dict[str, Any]
    body: Any = None
    form: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return f"{self.provider}/{self.name}"

    @property
    def document(self) -> Any:
        return self.body if self.form is None else self.form

    def encoded(self, document: Any) -> bytes:
        """A document as this delivery puts it on the wire."""
        return dumps(document) if self.form is None else tools.encoded(document)


def read(path: Path) -> Golden:
    said = json.loads(path.read_text())
    del said["about"]
    return Golden(path.parent.name, path.stem, **{**said, "after": tuple(said.get("after", ()))})


@cache
def deliveries() -> tuple[Golden, ...]:
    return tuple(read(path) for path in sorted(FOLDER.glob("*/*.json")))


def named(provider: str, name: str) -> Golden:
    return read(FOLDER / provider / f"{name}.json")


async def post(shop: Shop, golden: Golden, raw: bytes | None = None) -> httpx.Response:
    """Signed as the provider signs, at the shop's own time; `raw` in place of the delivery's bytes."""
    sent = golden.encoded(golden.document) if raw is None else raw
    proof = sign(golden.provider, sent, message=f"msg_{golden.name}")
    kind = {"content-type": "application/json" if golden.form is None else tools.FORM}
    path = f"/webhooks/{golden.provider}?{urlencode(golden.query)}"
    return await shop.request("POST", path, sent, {**kind, **proof, **golden.headers})


async def outcome(golden: Golden) -> dict[str, Any]:
    """What a delivery made of it: its part of the records, counters and tables, as its file would say it."""
    shop = Shop()
    for name in golden.after:
        await post(shop, named(golden.provider, name))
    events, records, before = len(shop.events()), len(shop.log.records), ignored(shop)
    answer = await post(shop, golden)
    found = {
        "events": [{name: one[name] for name in TOLD if name in one} for one in shop.events()[events:]],
        "profiles": profiles(shop, records),
        "ignored": sorted((ignored(shop) - before).elements()),
        "dead_letter": next((letter.reason for letter in shop.letters.letters.values()), None),
        "privacy": privacy(shop),
    }
    assert answer.status_code == (202 if found["dead_letter"] else 200), answer.text
    # The fakes number customers in the order of their making.
    text = re.sub(r"\bc_0*(\d+)", r"customer \1", json.dumps(found))
    return {name: value for name, value in json.loads(text).items() if value}


def ignored(shop: Shop) -> Counter[str]:
    samples = [sample for metric in shop.ingest.registry.collect() for sample in metric.samples]
    named = [one for one in samples if one.name == "greenline_ingest_ignored_total"]
    return Counter({one.labels["reason"]: int(one.value) for one in named if one.value})


def profiles(shop: Shop, since: int) -> list[dict[str, Any]]:
    """A tombstone is no data."""
    records = [one for one in shop.log.records[since:] if one.topic == CUSTOMER_PROFILES.name]
    values = [one.value and msgspec.json.decode(one.value)["data"] for one in records]
    return [
        {"subject": one.key.decode().rpartition("/")[2], "data": value}
        for one, value in zip(records, values, strict=True)
    ]


def privacy(shop: Shop) -> dict[str, Any] | None:
    (row,) = shop.privacy.rows.values() or (None,)
    if row is None:
        return None
    said = {"kind": row.kind, "state": row.state, "customer": row.customer}
    return {name: value for name, value in said.items() if value}
