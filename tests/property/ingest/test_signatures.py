"""No mutation of a signed delivery verifies."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.domain.errors import UnverifiedError
from services.ingest.domain.plan import Delivery
from services.ingest.domain.providers import discover
from tests.unit.ingest.shop import NOW, SECRETS, sign

BODIES = st.binary(min_size=1, max_size=200) | st.text(min_size=1, max_size=100).map(str.encode)
TOKENS = {"gorgias"}  # nothing is signed: a token proves the sender, TLS the body
providers = pytest.mark.parametrize("provider", sorted(discover()))
signers = pytest.mark.parametrize("provider", sorted(discover().keys() - TOKENS))


def verifies(provider: str, headers: dict[str, str], body: bytes, secret: str) -> bool:
    try:
        discover()[provider].verify(Delivery(headers, body), (secret,), NOW.timestamp())
    except UnverifiedError:
        return False
    return True


@providers
@given(body=BODIES)
@settings(max_examples=50, deadline=None)
def test_what_is_signed_verifies(provider, body):
    assert verifies(provider, sign(provider, body), body, SECRETS[provider])


@signers
@given(body=BODIES, place=st.integers(0, 10**6))
@settings(max_examples=50, deadline=None)
def test_one_bit_of_the_body_changed_does_not_verify(provider, body, place):
    bit = place % (len(body) * 8)
    changed = bytearray(body)
    changed[bit // 8] ^= 1 << bit % 8
    assert not verifies(provider, sign(provider, body), bytes(changed), SECRETS[provider])


@providers
@given(body=BODIES, place=st.integers(0, 10**6), bit=st.integers(0, 6))
@settings(max_examples=100, deadline=None)
def test_one_bit_of_a_header_changed_does_not_verify(provider, body, place, bit):
    headers = {name: value for name, value in sign(provider, body).items() if name != "content-type"}
    name = sorted(headers)[place % len(headers)]
    letters = bytearray(headers[name].encode())
    letters[place % len(letters)] ^= 1 << bit
    changed = letters.decode("latin-1")
    if name == "webhook-timestamp" and changed.strip().lstrip("0") == headers[name]:
        return
    assert not verifies(provider, {**headers, name: changed}, body, SECRETS[provider])


@providers
@given(body=BODIES, secret=st.binary(min_size=1, max_size=40))
@settings(max_examples=50, deadline=None)
def test_another_secret_does_not_verify(provider, body, secret):
    import base64

    wrong = "whsec_" + base64.b64encode(secret + b"!").decode()
    assert not verifies(provider, sign(provider, body, wrong), body, SECRETS[provider])
