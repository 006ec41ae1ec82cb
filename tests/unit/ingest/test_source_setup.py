"""What the person who adds a source is told."""

import pytest

from services.ingest.domain.plan import Delivery
from services.ingest.domain.providers import discover
from services.ingest.domain.setup import RANDOM_BYTES, SETUPS, address, setup_of
from tests.unit.ingest.shop import NOW, encode, sign

RANDOM = bytes(range(256 - RANDOM_BYTES, 256))
CHOSEN = {name for name, setup in SETUPS.items() if setup.make}


def test_every_provider_says_what_to_do_next_in_a_line_or_two():
    assert set(SETUPS) == set(discover())
    for setup in SETUPS.values():
        assert 1 <= len(setup.next.splitlines()) <= 2


@pytest.mark.parametrize("name", sorted(CHOSEN))
def test_a_secret_that_is_made_here_proves_a_delivery(name):
    make = setup_of(name).make
    assert make is not None
    secret = make(RANDOM)
    assert len(secret) >= 43
    assert secret != make(RANDOM[::-1])
    body = encode(name, {"type": "x"})
    discover()[name].verify(Delivery(sign(name, body, secret), body), (secret,), NOW.timestamp())


def test_no_secret_is_made_where_the_provider_has_one():
    assert {"shopify", "stripe", "zendesk", "intercom", "delighted"}.isdisjoint(CHOSEN)
    assert setup_of("declared-by-the-shop").make is None


@pytest.mark.parametrize(
    ("public", "provider", "url"),
    [
        ("https://hooks.shop.example", "shopify", "https://hooks.shop.example/webhooks/a"),
        ("https://shop.example/in/", "mailchimp", "https://shop.example/in/webhooks/a?token=SECRET"),
        ("http://127.0.0.1:8080", "recharge", "http://127.0.0.1:8080/webhooks/a?topic=TOPIC"),
    ],
)
def test_the_address_is_what_is_pasted(public, provider, url):
    assert address(public, "a", provider) == url
