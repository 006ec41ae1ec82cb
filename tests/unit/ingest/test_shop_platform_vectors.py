"""WooCommerce, BigCommerce, Stripe, Recharge: fixed vectors verify, their mutations do not."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.ingest.domain.errors import UnverifiedError
from services.ingest.domain.plan import Delivery
from services.ingest.domain.providers import discover
from tests.unit.ingest.platforms import SECRETS, sign, sign_legacy

VECTORS = json.loads(
    (Path(__file__).resolve().parents[2] / "fixtures" / "shop_platform_vectors.json").read_text()
)
WALL = 1717243200.0
OLD_S = {"stripe": 301, "bigcommerce": 301, "recharge": 172_801}
each = pytest.mark.parametrize("vector", VECTORS, ids=lambda one: f"{one['provider']}-{one['scheme']}")
timed = pytest.mark.parametrize(
    "vector", [one for one in VECTORS if "t" in one], ids=lambda one: f"{one['provider']}-{one['scheme']}"
)


def verifies(vector: dict[str, Any], wall: float = WALL, **more: Any) -> bool:
    found = {**vector, **more}
    headers = {name.lower(): value for name, value in found["headers"].items()}
    body = found["body"] if isinstance(found["body"], bytes) else found["body"].encode()
    try:
        discover()[found["provider"]].verify(Delivery(headers, body), (found["secret"],), wall)
    except UnverifiedError:
        return False
    return True


def test_every_provider_of_these_has_a_vector():
    assert {vector["provider"] for vector in VECTORS} == SECRETS.keys()


@each
def test_a_vector_verifies(vector):
    assert verifies(vector)


@each
def test_one_bit_of_the_body_is_refused(vector):
    body = vector["body"].encode()
    for bit in range(len(body) * 8):
        changed = bytearray(body)
        changed[bit // 8] ^= 1 << bit % 8
        assert not verifies(vector, body=bytes(changed)), bit


@each
def test_another_body_and_another_key_are_refused(vector):
    assert not verifies(vector, body=vector["body"] + " ")
    assert not verifies(vector, body="{}")
    for wrong in (f"{vector['secret']} ", vector["secret"][1:], "another"):
        assert not verifies(vector, secret=wrong), wrong


@each
def test_a_missing_or_cut_signature_is_refused(vector):
    name = vector["signature_header"]
    given = vector["headers"][name]
    without = {other: value for other, value in vector["headers"].items() if other != name}
    assert not verifies(vector, headers=without)
    assert not verifies(vector, headers={**without, name: given[: len(given) // 2]})


@timed
def test_an_old_signature_is_refused_and_one_just_young_enough_is_not(vector):
    old = OLD_S[vector["provider"]]
    assert verifies(vector, wall=WALL + old - 1)
    assert not verifies(vector, wall=WALL + old)


@timed
def test_a_time_that_was_not_signed_is_refused(vector):
    headers = {
        name: value.replace(str(vector["t"]), "1717243201") for name, value in vector["headers"].items()
    }
    assert not verifies(vector, headers=headers)


def test_a_clock_of_ours_that_is_behind_refuses_nothing_of_stripes():
    stripe = next(vector for vector in VECTORS if vector["provider"] == "stripe")
    assert verifies(stripe, wall=WALL - 100_000)


def test_recharge_and_bigcommerce_are_not_believed_from_the_future():
    for provider, ahead in (("recharge", 172_801), ("bigcommerce", 301)):
        vector = next(one for one in VECTORS if one["provider"] == provider)
        assert verifies(vector, wall=WALL - ahead + 1)
        assert not verifies(vector, wall=WALL - ahead)


@pytest.mark.parametrize("given", ["", "t=1717243200", "v1=00", "t=x,v1=00", ",", "t=,v1=", "t=1e9,v1=00"])
@pytest.mark.parametrize("provider", ["stripe", "recharge"])
def test_a_header_that_lacks_its_time_or_signature_is_unverified(provider, given):
    name = f"{'stripe' if provider == 'stripe' else 'x-recharge-webhook'}-signature"
    with pytest.raises(UnverifiedError):
        discover()[provider].verify(Delivery({name: given}, b"{}"), (SECRETS[provider],), WALL)


@pytest.mark.parametrize("provider", ["stripe", "recharge"])
def test_only_version_one_of_a_signature_counts(provider):
    headers = sign(provider, b"{}", SECRETS[provider], str(int(WALL)), "")
    discover()[provider].verify(Delivery(headers, b"{}"), (SECRETS[provider],), WALL)
    other = {name: value.replace("v1=", "v2=") for name, value in headers.items()}
    with pytest.raises(UnverifiedError):
        discover()[provider].verify(Delivery(other, b"{}"), (SECRETS[provider],), WALL)


def test_the_old_scheme_of_recharge_does_not_stand_in_for_a_new_one_that_fails():
    verify, key = discover()["recharge"].verify, SECRETS["recharge"]
    good, legacy = sign("recharge", b"{}", key, str(int(WALL)), ""), sign_legacy(b"{}")
    forged = {name: f"{value[:-1]}x" for name, value in good.items()}
    verify(Delivery({**good, "x-recharge-hmac-sha256": "00"}, b"{}"), (key,), WALL)
    verify(Delivery(legacy, b"{}"), (key,), WALL)
    for headers in ({**forged, **legacy}, {"x-recharge-webhook-signature": "", **legacy}):
        with pytest.raises(UnverifiedError):
            verify(Delivery(headers, b"{}"), (key,), WALL)


def test_a_woocommerce_secret_is_signed_with_as_wordpress_unescapes_it():
    verify = discover()["woocommerce"].verify
    for typed, used in (("a&amp;lt;b", "a&lt;b"), ("&#x27;&#39;&#60;", "''<"), ("&nbsp;&", "&nbsp;&")):
        verify(Delivery(sign("woocommerce", b"{}", used, "", ""), b"{}"), (typed,), WALL)
