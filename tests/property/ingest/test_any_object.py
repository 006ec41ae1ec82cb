"""Whatever an API answers is read or refused with a reason, never a defect, and its events name nobody."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.ingest.domain.errors import NotUnderstoodError, UnparsableError
from services.ingest.domain.plan import Item, Wanted
from services.ingest.domain.providers import discover
from services.ingest.domain.reading import parse_json
from tests.property.ingest.mutations import mutated
from tests.property.ingest.test_events_carry_no_contact import TRACES, planted
from tests.unit.ingest import platforms
from tests.unit.ingest.shop import order, refund, source
from tests.unit.ingest.test_enrichment import ADA, bigcommerce_order

REFUNDS = [{"id": 7, "total_amount": 20, "created": "2024-05-31T09:00:00Z"}]
TICKET = {"id": 5, "status": "closed", "priority": "high", "subject": "Parcel", "tags": ["vip"]}
TIMES = {"created": "2024-05-31T08:00:00Z", "updated": "2024-05-31T09:00:00Z"}
GOOD: dict[str, list[tuple[Wanted, Any]]] = {
    "shopify": [
        (
            Wanted("order", "1"),
            order(
                refunds=[refund()],
                cancelled_at="2024-05-31T00:00:00Z",
                fulfillments=[{"id": 9, "created_at": "2024-05-31T00:00:00Z"}],
            ),
        )
    ],
    "woocommerce": [(Wanted("order", "1"), platforms.woo_order())],
    "bigcommerce": [
        (Wanted("order", "250", "updated"), bigcommerce_order(status_id=5)),
        (Wanted("refund", "250", "7"), REFUNDS),
        (Wanted("customer", "9001", "updated"), {**ADA, "date_modified": TIMES["updated"]}),
        (Wanted("subscriber", "3"), {"id": 3, "email": "a@b.example", "date_created": TIMES["created"]}),
    ],
    "stripe": [(Wanted("event", "e"), platforms.stripe("invoice.paid", platforms.stripe_invoice()))],
    "recharge": [(Wanted("subscription", "1"), platforms.recharge_subscription()["subscription"])],
    "zendesk": [(Wanted("ticket", "5"), {**TICKET, **{f"{name}_at": at for name, at in TIMES.items()}})],
    "gorgias": [
        (
            Wanted("ticket", "5"),
            {
                **TICKET,
                **{f"{name}_datetime": at for name, at in TIMES.items()},
                "customer": ADA,
                "closed_datetime": TIMES["updated"],
            },
        )
    ],
    "intercom": [
        (
            Wanted("conversation", "5"),
            {
                "id": "5",
                "state": "closed",
                "created_at": 1717140000,
                "updated_at": 1717150000,
                "contacts": {"contacts": [{"id": "c1"}]},
                "source": {"type": "email", "body": "Where is it?", "author": {"type": "user", "id": "c1"}},
            },
        )
    ],
}
CASES = [(name, wanted, body) for name, found in GOOD.items() for wanted, body in found]


def read(name: str, wanted: Wanted, body: Any) -> list[Item]:
    objects = discover()[name].objects
    assert objects is not None
    try:
        node = parse_json(json.dumps(body).encode())
        objects.person(wanted, node)
        return list(objects.read(wanted, node, source(name)))
    except (UnparsableError, NotUnderstoodError, ValidationError):
        return []


def test_every_provider_that_lists_is_among_the_cases():
    listing = {name for name, one in discover().items() if one.objects and one.objects.listed}
    assert listing == set(GOOD)


@pytest.mark.parametrize(("name", "wanted", "body"), CASES)
def test_good_objects_say_something_about_the_object_itself(name: str, wanted: Wanted, body: Any):
    items = read(name, wanted, body)
    assert [one for item in items for one in item.facts]
    if wanted.what == discover()[name].objects.listed:
        assert all("/" in item.person.anchors[0].kind for item in items)


@given(st.data())
def test_anything_at_any_place_of_an_object_is_read_or_refused(data: st.DataObject):
    name, wanted, body = data.draw(st.sampled_from(CASES))
    read(name, wanted, data.draw(mutated(body)))


@pytest.mark.parametrize(("name", "wanted", "body"), CASES)
def test_what_an_object_says_names_nobody(name: str, wanted: Wanted, body: Any):
    for spoilt in planted(name, body):
        for item in read(name, wanted, spoilt):
            said = [one.id + one.data.model_dump_json() for one in item.facts]
            assert not TRACES.search(" ".join(said).encode()), said
