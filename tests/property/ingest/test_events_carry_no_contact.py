"""Whatever a provider writes into its fields, events name nobody: ids and codes pass, an address never does.

Each text of each provider's good bodies is replaced in turn by an address, a sentence with a name, a phone
number and a card number, and each object gets the members that shops fill with such things. Every provider
that discover() finds is in, because its bodies are.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from libs.events.topics import CUSTOMER_PROFILES
from services.ingest.domain.providers import discover
from services.ingest.letters import announce
from tests.property.ingest.bodies import GOOD, TOPIC_HEADERS, TOPICS, paths, replaced
from tests.unit.ingest.shop import Shop

ADDRESS = "zephyrine.quux@leaky.example"
PHONE = "+1 212 555 0199"
CARD = "4111 1111 1111 1111"
SENTENCE = f"Zephyrine Quux is angry, {PHONE}, card {CARD}"
TRACES = re.compile(rb"zephyrine|quux|leaky|angry|555[^0-9]*0199|4111[^0-9]*1111", re.IGNORECASE)
MEMBERS = """
address1 body card_number comment customer_note description email first_name ip last_name message name note
phone postcode reason_text subject text title user_agent
"""
WORDS = "Zephyrine Quux is angry about her parcel again"
# Places of a provider's own ids, which pass as they are unless they could be an address, and of its topics.
IDS = re.compile(
    r"(^|_|\$)(id|ids|key|token|number|sku|code|currency|locale|timezone|version|scope)$|Id$|gid$"
)
IDS_BY_OTHER_NAMES = {
    "shopify": {"admin_graphql_api_id"},
    "klaviyo": {"topic", "external_id"},
    "zendesk": {"type"},
    "segment": {"type"},
    "standard": {"type", "customer"},
    "woocommerce": {"value"},  # of the meta data that name a subscription
    "bigcommerce": {"type", "scope"},
    "stripe": {"type", "subscription", "charge", "payment_intent", "product"},
    "recharge": set(),
}


def strings(body: Any) -> list[tuple[object, ...]]:
    """Every place of a text."""
    return [path for path in paths(body) if path and isinstance(at(body, path), str)]


def objects(body: Any) -> list[tuple[object, ...]]:
    return [path for path in paths(body) if isinstance(at(body, path), dict)]


def at(body: Any, path: tuple[object, ...]) -> Any:
    for step in path:
        body = body[step]
    return body


def is_id(provider: str, path: tuple[object, ...]) -> bool:
    name = next(str(step) for step in reversed(path) if isinstance(step, str))
    return bool(IDS.search(name)) or name in IDS_BY_OTHER_NAMES.get(provider, ())


def planted(provider: str, body: Any) -> Iterator[Any]:
    """The body with something personal in one more place each time."""
    for path in strings(body):
        yield replaced(body, path, ADDRESS)
        if not is_id(provider, path):
            yield replaced(body, path, SENTENCE)
            yield replaced(body, path, WORDS)
            yield replaced(body, path, PHONE)
    for path in objects(body):
        more = {name: SENTENCE for name in MEMBERS.split() if name not in at(body, path)}
        yield replaced(body, path, {**at(body, path), **more})


async def telling_topics(provider: str, body: Any) -> list[str]:
    """The topics under which this body says something; one of those that say the same."""
    scout, found = Shop(), {}
    for topic in TOPICS:
        before = len(scout.events())
        await scout.post(provider, body, dict.fromkeys(TOPIC_HEADERS, topic))
        found.setdefault(tuple(event["type"] for event in scout.events()[before:]), topic)
    return [topic for types, topic in found.items() if types]


async def said_about(provider: str) -> tuple[int, list[bytes]]:
    """How many deliveries said something, and whatever of them is for anybody to read."""
    shop = Shop()
    for body in GOOD[provider]:
        for topic in await telling_topics(provider, body):
            for spoilt in planted(provider, body):
                await shop.post(provider, spoilt, dict.fromkeys(TOPIC_HEADERS, topic))
    while await announce(shop.letters, shop.log):
        pass
    public = [one for one in shop.log.records if one.topic != CUSTOMER_PROFILES.name]
    return len(shop.events()), [one.key + b" " + (one.value or b"") for one in public]


@pytest.mark.parametrize("provider", sorted(discover()))
async def test_events_name_nobody(provider):
    events, records = await said_about(provider)
    assert events
    leaks = [record.decode() for record in records if TRACES.search(record)]
    assert leaks == []


def test_what_is_planted_would_be_seen():
    for text in (ADDRESS, SENTENCE, PHONE, CARD, "zephyrine_quux_is_angry_1_212_555_0199"):
        assert TRACES.search(json.dumps({"x": text}).encode())
