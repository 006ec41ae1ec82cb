"""Signatures against vectors that others published."""

import json

import pytest

from sandbox.domain import signing
from sandbox.domain.signing import sign

NOON = 1_704_391_525.0  # Thu, 04 Jan 2024 18:05:25 GMT


def test_shopify_signs_as_its_own_library_expects() -> None:
    headers = signing.shopify("test_secret_key", b'{"foo": "bar"}', "123456789", NOON)
    assert headers["X-Shopify-Hmac-Sha256"] == "B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g="
    assert headers["X-Shopify-Webhook-Id"] == "123456789"


def test_standard_webhooks_signs_the_specifications_vector() -> None:
    headers = signing.standard(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        b'{"test": 2432232314}',
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330.9,
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"


def test_klaviyo_signs_the_body_and_the_headers_own_text_of_the_time() -> None:
    webhook = "a8b890458b4bbfaa26d961471b83c101d6de23bd826e7e5173a15310985ec3cb"
    event = {"external_id": "4L3cwQae2TX", "topic": "event:klaviyo.sent_sms"}
    body = {"data": [event], "meta": {"klaviyo_webhook_id": webhook}}
    headers = signing.klaviyo(
        "klaviyo-test-secret", json.dumps(body, separators=(",", ":")).encode(), "", NOON
    )
    assert headers["Klaviyo-Timestamp"] == "Thu, 04 Jan 2024 18:05:25 GMT"
    assert headers["Klaviyo-Signature"] == "5aa0e720d80b3a04ca04baf3c65cdfe31da57504af69fee8da29c35d45f0596b"


def test_zendesk_signs_the_time_before_the_body() -> None:
    headers = signing.zendesk("key", b"{}", "d1", NOON)
    assert headers["X-Zendesk-Webhook-Signature-Timestamp"] == "2024-01-04T18:05:25Z"
    assert headers["X-Zendesk-Webhook-Signature"] == signing._base64(
        signing._sha256(b"key", b"2024-01-04T18:05:25Z{}")
    )


def test_segment_signs_with_sha1() -> None:
    # RFC 2202 test case 2
    headers = signing.segment("Jefe", b"what do ya want for nothing?", "", NOON)
    assert headers == {"X-Signature": "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"}


@pytest.mark.parametrize("provider", ["shopify", "klaviyo", "zendesk", "segment", "standard"])
def test_another_secret_or_another_body_is_another_signature(provider: signing.Provider) -> None:
    one, two = "whsec_" + "QUFB" * 8, "whsec_" + "QkJC" * 8
    headers = sign(provider, one, b"{}", "d1", NOON)
    assert headers != sign(provider, two, b"{}", "d1", NOON)
    assert headers != sign(provider, one, b"[]", "d1", NOON)
