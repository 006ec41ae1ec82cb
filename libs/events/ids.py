"""Deterministic ids: a retry, and the same fact by another road, carry the same id."""

import hashlib

_MAX = 160


def event_id(*parts: str) -> str:
    """Join source object and transition, such as ("shopify", "order", "42", "placed").

    Ids stay readable; one that would be too long keeps its first part and becomes a digest.
    """
    joined = ":".join(parts)
    if len(joined) <= _MAX and joined.isprintable():
        return joined
    return f"{parts[0][:32]}:{hashlib.sha256(joined.encode()).hexdigest()}"


def message_key(tenant: str, customer: str) -> bytes:
    """The key of every record about one customer, on every topic."""
    return f"{tenant}/{customer}".encode()


def split_key(key: bytes) -> tuple[str, str]:
    """The tenant and the customer of a key made by `message_key`."""
    tenant, _, customer = key.decode().partition("/")
    return tenant, customer
