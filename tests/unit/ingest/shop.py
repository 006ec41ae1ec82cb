"""A shop's tools as tests need them: bodies of the right shape, signed as each provider signs."""

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import httpx
import msgspec

from libs.events.topics import CUSTOMER_EVENTS, CUSTOMER_PROFILES
from libs.runtime.clock import FakeClock
from services.ingest.app import Ingest, Ports, compose
from services.ingest.domain.sources import Source
from services.ingest.ports_sources import Sources
from services.ingest.settings import IngestSettings
from services.ingest.testing import (
    FixedSources,
    MemoryAnswers,
    MemoryDeadLetters,
    MemoryIdentities,
    MemoryLog,
    MemoryPrivacy,
    MemorySpool,
)
from services.ingest.testing_apis import MemoryArrivals, MemoryProviderApi, MemoryTold
from tests.unit.ingest import platforms, tools

NOW = datetime(2024, 6, 1, 12, 0, tzinfo=UTC)
SECRETS = {
    "shopify": "shpss_unit_test",
    "klaviyo": "klaviyo-unit-test-secret",
    "zendesk": "zendesk-unit-test-secret",
    "segment": "segment-unit-test-secret",
    "standard": "whsec_" + base64.b64encode(b"a unit test's standard secret").decode(),
    **platforms.SECRETS,
    **tools.SECRETS,
}


def source(provider: str, **more: Any) -> Source:
    fields = {"name": provider, "provider": provider, "tenant": "demo", "secrets": [SECRETS[provider]]}
    return Source.model_validate({**fields, **more}, strict=False)


def dumps(body: Any) -> bytes:
    return json.dumps(body).encode()


def encode(provider: str, body: Any) -> bytes:
    """As the provider puts it on the wire."""
    return tools.encoded(body) if provider == "mailchimp" else dumps(body)


def sign(
    provider: str, body: bytes, secret: str | None = None, at: datetime = NOW, message: str = "msg_1"
) -> dict[str, str]:
    """The headers that prove a body."""
    key = secret or SECRETS[provider]
    seconds = str(int(at.timestamp()))
    if provider in tools.SECRETS:
        return tools.prove(provider, body, key.encode(), seconds)
    if provider == "shopify":
        return {"x-shopify-hmac-sha256": _base64(key.encode(), body)}
    if provider == "klaviyo":
        stamp = format_datetime(at, usegmt=True)
        signature = hmac.digest(key.encode(), body + stamp.encode(), "sha256").hex()
        return {"klaviyo-signature": signature, "klaviyo-timestamp": stamp}
    if provider == "zendesk":
        stamp = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        name = "x-zendesk-webhook-signature"
        return {name: _base64(key.encode(), stamp.encode() + body), f"{name}-timestamp": stamp}
    if provider == "segment":
        return {"x-signature": hmac.digest(key.encode(), body, "sha1").hex()}
    if provider in platforms.SECRETS:
        return platforms.sign(provider, body, key, seconds, message)
    raw = base64.b64decode(key.removeprefix("whsec_"))
    signature = _base64(raw, f"{message}.{seconds}.".encode() + body)
    return {"webhook-id": message, "webhook-timestamp": seconds, "webhook-signature": f"v1,{signature}"}


def _base64(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


@dataclass
class Shop:
    """Ingest on fakes, and hands to post with."""

    settings: IngestSettings = field(default_factory=lambda: IngestSettings(kafka_wait_s=0.2))
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    sources: tuple[Source, ...] | Sources = tuple(source(name) for name in SECRETS)
    identities: MemoryIdentities = field(default_factory=MemoryIdentities)
    spool: MemorySpool = field(default_factory=MemorySpool)
    log: MemoryLog = field(default_factory=MemoryLog)
    letters: MemoryDeadLetters = field(default_factory=MemoryDeadLetters)
    answers: MemoryAnswers = field(default_factory=MemoryAnswers)
    apis: MemoryProviderApi = field(default_factory=MemoryProviderApi)

    def __post_init__(self) -> None:
        given = self.sources
        known = FixedSources(*given) if isinstance(given, tuple) else given
        self.privacy = MemoryPrivacy(self.identities, self.spool, self.letters)
        self.ports = Ports(
            known,
            self.identities,
            self.spool,
            self.log,
            self.letters,
            self.privacy,
            self.answers,
            self.apis,
            MemoryArrivals(self.identities),
            MemoryTold(self.log),
        )
        self.ingest: Ingest = compose(self.settings, self.ports, self.clock)

    async def post(
        self, name: str, body: Any, headers: Mapping[str, str] | None = None, **sign_with: Any
    ) -> httpx.Response:
        """Deliver a body, signed; a header of None is left out."""
        provider = name.partition("-")[0]
        raw = body if isinstance(body, bytes) else encode(provider, body)
        signed = sign(provider, raw, **sign_with) if provider in SECRETS else {}
        sent = {"content-type": "application/json", **signed, **(headers or {})}
        return await self.request("POST", f"/webhooks/{name}", raw, sent)

    async def request(
        self, method: str, path: str, body: Any = b"", headers: Mapping[str, str | None] | None = None
    ) -> httpx.Response:
        transport = httpx.ASGITransport(self.ingest.api)
        given = {key: value for key, value in (headers or {}).items() if value is not None}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://shop.example", trust_env=False
        ) as client:
            return await client.request(method, path, content=body, headers=given)

    async def only(
        self, provider: str, body: Any, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Deliver what makes one event, and give that event back."""
        answer = await self.post(provider, body, headers)
        assert answer.status_code == 200, answer.text
        (number,) = answer.json()["events"]
        return next(event for event in self.events() if event["id"] == number)

    async def ignored(self, provider: str, body: Any) -> str:
        """Deliver what says nothing about health, and give the reason back."""
        answer = await self.post(provider, body)
        assert (answer.status_code, answer.json()["events"]) == (200, []), answer.text
        family = self.ingest.registry.collect()
        (found,) = (
            sample.labels["reason"]
            for metric in family
            for sample in metric.samples
            if sample.name == "greenline_ingest_ignored_total" and sample.value
        )
        return found

    async def shopify(self, topic: str, body: Any, **more: Any) -> httpx.Response:
        return await self.post("shopify", body, {"x-shopify-topic": topic, **more})

    def events(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(record.value) for record in self.log.on(CUSTOMER_EVENTS.name)]

    def profiles(self) -> list[dict[str, Any] | None]:
        records = self.log.on(CUSTOMER_PROFILES.name)
        return [record.value and msgspec.json.decode(record.value)["data"] for record in records]

    def metric(self, name: str, **labels: str) -> float:
        return self.ingest.registry.get_sample_value(name, labels) or 0.0


def order(number: int = 1001, **more: Any) -> dict[str, Any]:
    """A Shopify order as orders/create carries it."""
    return {
        "id": number,
        "admin_graphql_api_id": f"gid://shopify/Order/{number}",
        "email": "ada@shopper.example",
        "created_at": "2024-05-30T08:00:00-04:00",
        "updated_at": "2024-05-30T08:00:05-04:00",
        "currency": "USD",
        "total_price": "59.90",
        "current_total_price": "59.90",
        "test": False,
        "source_name": "web",
        "tags": "",
        "customer": {
            "id": 7001,
            "email": "ada@shopper.example",
            "first_name": "Ada",
            "last_name": "Byron",
            "phone": None,
        },
        "line_items": [
            {"product_id": 31, "quantity": 2, "price": "20.00"},
            {"product_id": 32, "quantity": 1, "price": "19.90"},
        ],
        "refunds": [],
        **more,
    }


def refund(number: int = 1001, amount: str = "20.00", **more: Any) -> dict[str, Any]:
    """A Shopify refund: neither customer nor total."""
    return {
        "id": 501,
        "order_id": number,
        "created_at": "2024-05-31T09:00:00-04:00",
        "processed_at": "2024-05-31T09:00:00-04:00",
        "return": None,
        "refund_line_items": [{"quantity": 1, "subtotal": 20.0, "total_tax": 0.0}],
        "transactions": [{"kind": "refund", "status": "success", "amount": amount, "currency": "USD"}],
        **more,
    }


def klaviyo(*events: tuple[str, str, dict[str, Any]], profile: str = "01PROFILE") -> dict[str, Any]:
    """A Klaviyo delivery of (topic, event id, event properties)."""
    return {
        "meta": {"klaviyo_webhook_id": "wh_1", "klaviyo_account_id": "acc", "version": "2024-06-28"},
        "data": [
            {
                "topic": f"event:klaviyo.{topic}",
                "external_id": number,
                "payload": {
                    "data": {
                        "type": "event",
                        "id": number,
                        "attributes": {
                            "timestamp": 1717200000,
                            "datetime": "2024-06-01 00:00:00+00:00",
                            "event_properties": properties,
                        },
                        "relationships": {"profile": {"data": {"type": "profile", "id": profile}}},
                    }
                },
            }
            for topic, number, properties in events
        ],
    }


def zendesk(action: str, event: dict[str, Any] | None = None, **detail: Any) -> dict[str, Any]:
    """A Zendesk event subscription's delivery about ticket 88 of requester 9001."""
    return {
        "type": f"zen:event-type:{action}",
        "account_id": 1234,
        "id": f"uuid-of-{action}",
        "subject": "zen:ticket:88",
        "time": "2024-05-31T10:00:00.123456789Z",
        "zendesk_event_version": "2022-11-06",
        "detail": {
            "id": "88",
            "requester_id": "9001",
            "status": "OPEN",
            "priority": "HIGH",
            "subject": "Parcel",
            "description": "Where is my parcel?",
            "tags": [],
            "via": {"channel": "web_service"},
            **detail,
        },
        "event": event or {},
    }


def segment(kind: str = "track", event: str | None = None, **more: Any) -> dict[str, Any]:
    """One Segment call of user u-1 on device d-1."""
    name = {} if event is None else {"event": event}
    return {
        "type": kind,
        **name,
        "messageId": f"m-{event or kind}",
        "userId": "u-1",
        "anonymousId": "d-1",
        "timestamp": "2024-05-31T11:00:00.000Z",
        "properties": {},
        "context": {"userAgent": "Mozilla/5.0"},
        **more,
    }


def standard(name: str, data: dict[str, Any], timestamp: str = "2024-05-31T12:00:00Z") -> dict[str, Any]:
    """A Standard Webhooks body in our vocabulary."""
    return {"type": name, "timestamp": timestamp, "data": data}
