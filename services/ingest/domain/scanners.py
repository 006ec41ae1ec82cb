"""Clicks that nobody made, told by their time: scanners follow every link of a mail as it comes in."""

from datetime import timedelta

from msgspec.structs import replace

from libs.events.families.engagement import EmailClicked, SmsClicked
from services.ingest.domain.plan import Fact, Item


def marked(item: Item, within_s: float) -> Item:
    """`item`, its clicks less than `within_s` after the sending marked as a machine's."""
    if all(one.sent is None for one in item.facts):
        return item
    within = timedelta(seconds=within_s)
    return replace(item, facts=tuple(_judged(one, within) for one in item.facts))


def _judged(one: Fact, within: timedelta) -> Fact:
    if one.time is None or one.sent is None or not isinstance(one.data, EmailClicked | SmsClicked):
        return one
    # A click before the sending says that one of the two times is wrong, so nothing.
    soon = timedelta(0) <= one.time - one.sent < within
    return replace(one, data=one.data.model_copy(update={"machine": True})) if soon else one
