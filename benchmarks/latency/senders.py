"""The two ways in: an event put on customer.events, and a signed webhook that ingest makes one of."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import aiohttp
import msgspec
import yaml
from aiokafka import AIOKafkaProducer

from benchmarks.latency.arrivals import Send
from libs.events import build, encode, message_key
from libs.events.facts import Facts
from libs.events.families.engagement import SiteVisited
from libs.events.families.health import Contribution, HealthSnapshot
from libs.events.topics import CUSTOMER_EVENTS, CUSTOMER_HEALTH
from libs.events.types import Frozen
from libs.runtime.kafka import make_producer
from sandbox.adapters.sources import random_sources
from sandbox.domain.signing import sign
from services.triggers.adapters.rule_file import STANDARD

CUSTOMERS = 20_000  # in turn, so that nearly every event has a snapshot of its own
_CONNECTIONS = 64


class Sender(Protocol):
    """Sends event i of a case; `ids` are the events' ids as the snapshots name them."""

    ids: dict[bytes, int]

    async def send(self, i: int) -> None: ...


class Straight:
    """Straight to a topic of ours, as the service before it writes: a customer's records take turns.

    In a template "ID" stands for the event's id, SUBJECT for its customer and the year 2000 for now.
    """

    def __init__(
        self,
        producer: AIOKafkaProducer,
        topic: str,
        templates: Sequence[bytes],
        case: str,
        *,
        says: int = 1,
        whose: str = "c",
    ) -> None:
        """One customer in `says` takes the templates in turn; the others stay with the first."""
        self._producer, self._topic, self._templates, self._case = producer, topic, templates, case
        self._says, self._whose = says, whose
        self.ids: dict[bytes, int] = {}

    async def send(self, i: int) -> None:
        await self._send(i, i // CUSTOMERS + 1)

    async def introduce(self, i: int) -> None:
        await self._send(i, 0)

    async def _send(self, i: int, turn: int) -> None:
        ident, subject = b"%s-%d-%d" % (self._case.encode(), turn, i), f"{self._whose}{i % CUSTOMERS}"
        moves = i % self._says == 0
        template = self._templates[turn % len(self._templates) if moves else 0]
        body = template.replace(b'"ID"', b'"%s"' % ident).replace(b"SUBJECT", subject.encode())
        body = body.replace(_STAMP, msgspec.json.encode(datetime.now(UTC)))
        if moves and turn:
            self.ids[ident] = i
        await self._producer.send(self._topic, body, key=message_key("demo", subject))


_AT = datetime(2000, 1, 1, tzinfo=UTC)
_STAMP = msgspec.json.encode(_AT)


def _template(data: Frozen) -> bytes:
    who = {"source": "x", "tenant": "demo", "subject": "SUBJECT"}
    return encode(build(data, id="ID", time=_AT, receivedat=_AT, **who))


@asynccontextmanager
async def events(kafka: str, case: str) -> AsyncIterator[Straight]:
    """Visits on customer.events, as ingest writes them."""
    visit = SiteVisited(session_id="session", pages=3, seconds=90)
    async with make_producer(kafka) as producer:
        yield Straight(producer, CUSTOMER_EVENTS.name, [_template(visit)], case)


# As much as scoring says of an ordinary customer: 1.7 kB.
_WHY = tuple(
    Contribution(
        signal=name, value=30.0, weight=0.15, evidence=0.9, points=-3.3, text=f"{name}: less than usual"
    )
    for name in ("recency", "frequency", "engagement", "support", "returns", "site")
)
_FACTS = Facts.model_validate(
    dict.fromkeys(("first_seen_at", "data_since", "first_order_at"), _AT - timedelta(days=400))
    | dict.fromkeys(("last_order_at", "last_visit_at", "last_activity_at"), _AT)
    | dict.fromkeys(("orders_total", "orders_90d", "visits_30d", "tickets_14d"), 3)
    | dict.fromkeys(("engagement_30d", "engagement_prev_30d", "clicks_30d"), 8)
    | dict.fromkeys(("open_tickets", "visits_since_order", "sends_since_engagement"), 0)
    | dict.fromkeys(("site_known", "site_tracking_live"), True)
    | {"tenure_days": 400.0, "own_gap_days": 30.0, "days_overdue": -30.0, "silence_tail_p": 0.9}
    | {"spend_total": 12_900, "currency": "USD"}
)


@asynccontextmanager
async def snapshots(kafka: str, case: str, says: int) -> AsyncIterator[Straight]:
    """Scores on customer.health: low, and of one customer in `says` low and fine in turn, which the rule of
    `write_rules` hears of.
    """
    low = HealthSnapshot(
        score=30,
        base=50,
        band="red",
        confidence=0.9,
        stage="mid",
        scorecard="bench",
        cause="ID",
        contributions=_WHY,
        facts=_FACTS,
    )
    fine = low.model_copy(update={"score": 80.0, "band": "green"})
    async with make_producer(kafka) as producer:
        yield Straight(
            producer, CUSTOMER_HEALTH.name, [_template(low), _template(fine)], case, says=says, whose=case
        )


def write_rules(path: Path) -> None:
    """The standard set, and a rule that is ready again at once: every change of a snapshot is heard of."""
    rule = {
        "id": "bench-low",
        "level": "red",
        "title": "The score is low",
        "when": "score < 40",
        "clear": "score >= 60",
        "cooldown": "0s",
        "labels": {"team": "bench"},
        "annotations": {"reason": "The score is {score}"},
    }
    body = yaml.safe_load(STANDARD.read_text())
    path.write_text(yaml.safe_dump({"rules": [*body["rules"], rule]}, sort_keys=False))


class Answer(msgspec.Struct):
    """What of ingest's answer is wanted here."""

    events: list[str] = msgspec.field(default_factory=list)


class Webhooks:
    """Signed page views in Segment's shape, of customers that ingest knows already."""

    def __init__(self, session: aiohttp.ClientSession, url: str, secret: str, case: str) -> None:
        self._session, self._url, self._secret, self._case = session, url, secret, case
        self.ids: dict[bytes, int] = {}
        self._decode = msgspec.json.Decoder(Answer).decode

    async def send(self, i: int) -> None:
        body = page_view(f"{self._case}-{i}", i, datetime.now(UTC))
        headers = sign("segment", self._secret, body, f"{self._case}-{i}", 0.0)
        async with self._session.post(self._url, data=body, headers=headers) as response:
            response.raise_for_status()
            for ident in self._decode(await response.read()).events:
                self.ids[ident.encode()] = i


def page_view(name: str, i: int, at: datetime) -> bytes:
    """A call in Segment's shape, of one of the customers in turn."""
    called = {
        "type": "page",
        "messageId": name,
        "userId": f"u{i % CUSTOMERS}",
        "timestamp": at.isoformat().replace("+00:00", "Z"),
        "properties": {"path": "/records", "session_id": name},
    }
    return msgspec.json.encode(called)


def write_sources(path: Path) -> str:
    """Ingest's sources; returns the secret of the one that is used here."""
    sources = random_sources()
    sources.write(path)
    return sources.secrets["segment"]


@asynccontextmanager
async def webhooks(ingest: str, secret: str, case: str) -> AsyncIterator[Webhooks]:
    connector = aiohttp.TCPConnector(limit=_CONNECTIONS)
    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        yield Webhooks(session, f"{ingest}/webhooks/segment", secret, case)


async def introduce(send: Send, customers: int) -> None:
    """Every customer once, so that the service knows them: as it does after an hour of a real day."""
    for first in range(0, customers, _CONNECTIONS):
        await asyncio.gather(*map(send, range(first, min(first + _CONNECTIONS, customers))))
