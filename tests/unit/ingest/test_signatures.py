"""Signatures: the published vectors verify, and what is not exactly the provider's does not."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from services.ingest.domain.errors import UnverifiedError
from services.ingest.domain.plan import Delivery
from services.ingest.domain.providers import discover
from services.ingest.domain.schemes import Scheme
from services.ingest.domain.signatures import hex_hmac
from tests.unit.ingest.shop import NOW, SECRETS, sign

# Published by the vendors: facts, not code. (secret, body, headers, wall time)
VECTORS = {
    "shopify": (
        "test_secret_key",
        b'{"foo": "bar"}',
        {"x-shopify-hmac-sha256": "B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g="},
        0.0,
    ),
    "standard": (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        b'{"test": 2432232314}',
        {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        1614265330.0,
    ),
    # Computed once by hand from the documented algorithms, with nothing of ours.
    "segment": (
        "abc123",
        b'{"type":"track","userId":"u1","event":"Order Completed"}',
        {"x-signature": "fcf257b61660389e53dd02634dd84f4e40860bbc"},
        0.0,
    ),
}


def verify(provider: str, headers: dict[str, str], body: bytes, *secrets: str, wall: float) -> None:
    discover()[provider].verify(Delivery(headers, body), secrets, wall)


@pytest.mark.parametrize("provider", VECTORS)
def test_a_published_vector_verifies(provider):
    secret, body, headers, wall = VECTORS[provider]
    verify(provider, headers, body, secret, wall=wall)


@pytest.mark.parametrize("provider", SECRETS)
def test_each_live_secret_verifies_and_others_do_not(provider):
    body = b'{"a": 1}'
    old = SECRETS[provider]
    new = "whsec_" + base64.b64encode(b"another secret of some length").decode()
    wall = NOW.timestamp()
    for secret in (old, new):
        verify(provider, sign(provider, body, secret), body, new, old, wall=wall)
    with pytest.raises(UnverifiedError):
        verify(provider, sign(provider, body, old), body, new, wall=wall)


@pytest.mark.parametrize("provider", SECRETS)
@pytest.mark.parametrize(
    "given", ["", " ", "v1,a", "v1,", "garbage", "v1", "=", "v1,%%%", "\u00e9", "v1,\u00e9"]
)
def test_a_malformed_signature_is_unverified_and_nothing_else(provider, given):
    headers = dict.fromkeys(sign(provider, b"{}"), given)
    with pytest.raises(UnverifiedError):
        verify(provider, headers, b"{}", SECRETS[provider], wall=NOW.timestamp())


@pytest.mark.parametrize("provider", ["klaviyo", "zendesk", "standard", "bigcommerce"])
@pytest.mark.parametrize(
    "stamp", ["", "x", "-1", "1e9", "nan", "99999999999999999", "2024-13-01", "\u0661\u0662"]
)
def test_a_malformed_timestamp_is_unverified_and_nothing_else(provider, stamp):
    headers = sign(provider, b"{}")
    name = next(name for name in headers if "timestamp" in name)
    with pytest.raises(UnverifiedError):
        verify(provider, {**headers, name: stamp}, b"{}", SECRETS[provider], wall=NOW.timestamp())


@pytest.mark.parametrize("provider", ["klaviyo", "zendesk", "mailchimp", "standard", "bigcommerce"])
@pytest.mark.parametrize(
    ("off_s", "good"), [(0, True), (299, True), (-299, True), (301, False), (-301, False)]
)
def test_five_minutes_either_way_are_tolerated(provider, off_s, good):
    headers = sign(provider, b"{}", at=NOW + timedelta(seconds=off_s))
    if good:
        verify(provider, headers, b"{}", SECRETS[provider], wall=NOW.timestamp())
    else:
        with pytest.raises(UnverifiedError):
            verify(provider, headers, b"{}", SECRETS[provider], wall=NOW.timestamp())


def test_what_the_official_library_signs_verifies():
    body, at = '{"type": "x", "name": "Zo\u00eb"}', datetime(2024, 6, 1, 12, tzinfo=UTC)
    signature = Webhook(SECRETS["standard"]).sign("msg_9", at, body)
    headers = {
        "webhook-id": "msg_9",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": f"v1a,c2lnbmF0dXJl v1,{base64.b64encode(b'other').decode()} {signature}",
    }
    verify("standard", headers, body.encode(), SECRETS["standard"], wall=at.timestamp())


@pytest.mark.parametrize("secret", ["whsec_", "whsec_!!!", "whsec_a", "\u00e9"])
def test_a_secret_that_is_no_base64_verifies_nothing(secret):
    nobodys = base64.b64encode(hmac.digest(b"", b"msg_1.%d.{}" % NOW.timestamp(), "sha256")).decode()
    headers = sign("standard", b"{}") | {"webhook-signature": f"v1,{nobodys}"}
    with pytest.raises(UnverifiedError):
        verify("standard", headers, b"{}", secret, wall=NOW.timestamp())


def test_standard_webhooks_of_another_version_alone_do_not_verify():
    headers = sign("standard", b"{}")
    headers["webhook-signature"] = headers["webhook-signature"].replace("v1,", "v1a,")
    with pytest.raises(UnverifiedError):
        verify("standard", headers, b"{}", SECRETS["standard"], wall=NOW.timestamp())


@pytest.mark.parametrize("spaces", [False, True])
def test_a_segment_batch_is_signed_over_its_first_element(spaces):
    batch = [{"type": "track", "event": "Zo\u00eb's [list]"}, {"type": "page"}]
    first = json.dumps(batch[0], separators=(",", ":"), ensure_ascii=False).encode()
    body = json.dumps(batch, ensure_ascii=False, indent=2 if spaces else None).encode()
    verify("segment", sign("segment", first), body, SECRETS["segment"], wall=0.0)
    second = json.dumps(batch[1], separators=(",", ":")).encode()
    with pytest.raises(UnverifiedError):
        verify("segment", sign("segment", second), body, SECRETS["segment"], wall=0.0)


def test_shopifys_newer_headers_verify_too():
    headers = {name.removeprefix("x-"): value for name, value in sign("shopify", b"{}").items()}
    verify("shopify", headers, b"{}", SECRETS["shopify"], wall=0.0)


NO_KEYS = ["whsec_", "whsec_!!", "=", "whsec_a", "\u00e9", "!"]  # base64 of nothing, or of nothing whole


@pytest.mark.parametrize("unfit", NO_KEYS)
def test_a_secret_that_can_be_no_key_proves_nothing_and_stops_no_other(unfit):
    headers, wall = sign("standard", b"{}"), NOW.timestamp()
    with pytest.raises(UnverifiedError):
        verify("standard", headers, b"{}", unfit, wall=wall)
    verify("standard", headers, b"{}", unfit, SECRETS["standard"], unfit, wall=wall)


@pytest.mark.parametrize("unfit", NO_KEYS)
def test_in_a_declared_scheme_too_what_is_no_key_proves_nothing(unfit):
    scheme = Scheme(header="x-sign", key="base64")
    good, body = base64.b64encode(b"a key of a declared provider").decode(), b"{}"
    signed = Delivery({"x-sign": hex_hmac(b"a key of a declared provider", body)}, body)
    scheme.verify(signed, (unfit, good), 0.0)
    for key in (b"", unfit.encode()):  # what anybody could sign with
        with pytest.raises(UnverifiedError):
            scheme.verify(Delivery({"x-sign": hex_hmac(key, body)}, body), (unfit, good), 0.0)


@pytest.mark.parametrize("stamp", ["99999999999", "999999999999"])
def test_a_year_that_no_calendar_has_is_unverified(stamp):
    headers = {**sign("standard", b"{}"), "webhook-timestamp": stamp}
    with pytest.raises(UnverifiedError):
        verify("standard", headers, b"{}", SECRETS["standard"], wall=float(stamp))
