"""Which documents name a person: enough to erase them, and not so much that others' are lost."""

import json

import pytest

from services.ingest.domain.naming import Sought, document_of, naming_elements
from services.ingest.domain.people import Identifier
from tests.unit.ingest.shop import klaviyo, order, refund

ADA = Sought(
    frozenset(
        {
            Identifier("email", "ada@shopper.example"),
            Identifier("phone", "+12125550143"),
            Identifier("shopify.customer", "71"),
            Identifier("shopify/order", "501"),
            Identifier("stripe.customer", "cus_NffrFeUfNV2Hib"),
        }
    )
)


def named(document: object, provider: str = "shopify", topic: str = "orders/create") -> bool:
    return ADA.named_in(document_of(json.dumps(document).encode()), provider, topic)


@pytest.mark.parametrize(
    "document",
    [
        {"email": "Ada@Shopper.example"},
        {"note": "please write to <ADA@shopper.example> instead"},
        {"ada@shopper.example": {}},
        {"deep": [[{"er": "mailto:ada@shopper.example"}]]},
        {"billing": {"phone": "(212) 555-0143"}},
        {"phone": "+1 212.555.0143"},
        {"phone": 12125550143},
        {"customer": {"id": 71}},
        {"customer_id": "71"},
        {"customerId": "gid://shopify/Customer/71"},
        {"order_id": 501},
        {"id": 501},
        {"x": "cus_NffrFeUfNV2Hib"},
    ],
)
def test_a_person_is_found_however_they_are_written(document):
    assert named(document)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"email": "adam@elsewhere.example"},
        {"phone": "+1 212 555 0144"},
        {"product_id": 71},
        {"quantity": 501},
        {"customer": {"id": 710}},
        {"customer": {"total": True}},
    ],
)
def test_others_are_not_taken_for_them(document):
    assert not named(document, topic="products/update")


def test_a_short_id_of_another_provider_is_another_id():
    assert not named({"customer": {"id": 71}}, provider="woocommerce", topic="customer.updated")


def test_an_escaped_address_and_a_form_are_read_too():
    assert ADA.named_in(document_of(rb'{"e": "ada\u0040shopper.example"}'), "shopify", None)
    assert ADA.named_in(document_of(b"data%5Bemail%5D=ada%40shopper.example&x=1"), "mailchimp", None)
    assert not ADA.named_in(document_of(b"\xff\xfe{"), "shopify", None)


def test_of_a_batch_only_the_elements_that_name_them_are_theirs():
    body = klaviyo(
        ("opened_email", "e1", {"email": "ada@shopper.example"}),
        ("opened_email", "e2", {"email": "bob@b.example"}),
    )
    (found,) = naming_elements(ADA, body, "klaviyo", None)
    assert found["external_id"] == "e1"
    assert naming_elements(ADA, order(email="ada@shopper.example"), "shopify", None) != []
    assert naming_elements(ADA, refund(number=9), "shopify", "refunds/create") == []
