"""Subscriptions to webhooks that a provider has deleted or switched off, and what mends them."""

from collections.abc import Iterable
from typing import NamedTuple


class Hook(NamedTuple):
    """A subscription as the provider lists it: one topic, one address."""

    id: str
    topic: str
    address: str
    active: bool = True


class Repair(NamedTuple):
    """Switch on the subscription of this id; without one: make it."""

    topic: str
    id: str | None = None


def repairs(wanted: Iterable[str], found: Iterable[Hook], address: str) -> list[Repair]:
    """What of an address is to be mended. Other addresses are somebody else's."""
    ours = [hook for hook in found if hook.address.rstrip("/") == address.rstrip("/")]
    live = {hook.topic.lower() for hook in ours if hook.active}
    asleep = {hook.id: hook.topic for hook in ours if not hook.active and hook.topic.lower() not in live}
    there = live | {topic.lower() for topic in asleep.values()}
    woken = [Repair(topic, number) for number, topic in asleep.items()]
    return [*woken, *(Repair(topic) for topic in wanted if topic.lower() not in there)]
