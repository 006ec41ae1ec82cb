"""Whole HTTP requests: signed page views in Segment's shape, and the same server's empty route."""

from datetime import UTC, datetime

from benchmarks.latency.senders import page_view
from sandbox.domain.signing import sign


def empty(host: str) -> bytes:
    """A request of /healthz, which does nothing."""
    return f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


def webhooks(host: str, secret: str, case: str, count: int) -> list[bytes]:
    """`count` deliveries of as many events, of customers in turn; event i is `{case}-{i}`."""
    at = datetime.now(UTC)
    return [_webhook(host, secret, f"{case}-{i}", page_view(f"{case}-{i}", i, at)) for i in range(count)]


def _webhook(host: str, secret: str, name: str, body: bytes) -> bytes:
    headers = {
        "Host": host,
        "Content-Type": "application/json",
        "Content-Length": f"{len(body)}",
        **sign("segment", secret, body, name, 0.0),
    }
    lines = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
    return f"POST /webhooks/segment HTTP/1.1\r\n{lines}\r\n".encode() + body
