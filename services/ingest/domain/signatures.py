"""Signature schemes shared by the providers. Every comparison takes the same time, right or wrong.

What a scheme gets wrong raises UnverifiedError and nothing else, whatever the header holds: a forged
request is a 401, never a 500.
"""

import base64
import hmac
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from services.ingest.domain.errors import UnverifiedError

TOLERANCE_S = 300.0  # five minutes either way: what the Standard Webhooks specification advises


def equal(expected: str, given: str) -> bool:
    """Constant-time comparison of two short texts."""
    return hmac.compare_digest(expected.encode(), given.encode())


def base64_hmac(key: bytes, signed: bytes, algorithm: str = "sha256") -> str:
    return base64.b64encode(hmac.digest(key, signed, algorithm)).decode()


def hex_hmac(key: bytes, signed: bytes, algorithm: str = "sha256") -> str:
    return hmac.digest(key, signed, algorithm).hex()


def require(headers_value: str | None, header: str) -> str:
    """The header's value. Raises UnverifiedError if there is none."""
    if not headers_value:
        raise UnverifiedError(f"the header {header} is missing")
    return headers_value


def check(given: Iterable[str], secrets: Iterable[str], sign: Callable[[str], str]) -> None:
    """Accept if any live secret makes any of the given signatures; look at all of them regardless."""
    offered = tuple(given)
    matched = [equal(sign(secret), signature) for secret in secrets for signature in offered]
    if not any(matched):
        raise UnverifiedError("the signature does not match the body")


def check_fresh(signed_at: float, wall: float, tolerance_s: float = TOLERANCE_S) -> None:
    """A signed time must be near the wall's: what is older may be a replay."""
    if signed_at < wall - tolerance_s:
        raise UnverifiedError("the delivery was replayed: its signature is too old")
    if signed_at > wall + tolerance_s:
        raise UnverifiedError("the delivery's signature is from the future")


def unix_time(text: str) -> float:
    """Whole seconds since 1970, as in most signature headers."""
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise UnverifiedError("the signature's timestamp is not a number of seconds")
    return float(text)


def iso_time(text: str) -> float:
    """An ISO 8601 signature timestamp, or plain seconds."""
    if text.isascii() and text.isdigit():
        return unix_time(text)
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise UnverifiedError("the signature's timestamp is not a date") from None


def http_time(text: str) -> float:
    """An HTTP-date signature timestamp."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        raise UnverifiedError("the signature's timestamp is not an HTTP date") from None


def check_standard_webhooks(
    headers_get: Callable[[str], str | None], body: bytes, secrets: Iterable[str], wall: float
) -> None:
    """The Standard Webhooks scheme, v1 (HMAC); entries of other versions are skipped.

    Not by the specification's library: it signs text only, and a body that is none may be genuine too; its
    `verify` reads the machine's clock and lets ValueError out on a malformed header. A test compares the two.
    """
    message_id = require(headers_get("webhook-id"), "webhook-id")
    stamp = require(headers_get("webhook-timestamp"), "webhook-timestamp")
    entries = require(headers_get("webhook-signature"), "webhook-signature").split(" ")
    signed_at = unix_time(stamp)
    check_fresh(signed_at, wall)
    offered = [entry.removeprefix("v1,") for entry in entries if entry.startswith("v1,")]
    signed = f"{message_id}.{stamp}.".encode() + body
    keys = filter(None, map(_standard_key, secrets))
    check(offered, [base64_hmac(key, signed) for key in keys], lambda signature: signature)


def standard_secret_fault(secret: str) -> str | None:
    """Why this can be no key of the Standard Webhooks scheme. A short one is weak, and works."""
    return None if _standard_key(secret) else "is not base64 of a key, with or without whsec_ before it"


def _standard_key(secret: str) -> bytes:
    """The secret is base64, with or without its prefix and padding. Empty if it is no key: anybody could sign
    with nothing, so it proves nothing; and it says nothing of the others.
    """
    try:
        return base64.b64decode(secret.removeprefix("whsec_") + "==")
    except ValueError:
        return b""
