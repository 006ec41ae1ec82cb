"""What of an object's events is missing, by what has arrived and what stands on the topic."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from libs.events import TYPES
from services.ingest.domain.plan import Fact, Item, Objects


@dataclass(slots=True)
class Told:
    """The events of a tenant that were published since a moment: all of them, so what is not here was not."""

    since: datetime
    ids: set[str]


def missing(items: Sequence[Item], objects: Objects, told: Told, *, arrived: bool) -> list[Item]:
    """Everything, of an object that never arrived; else what happened since and was not told.

    What happened before may have been told before, so it is left alone. So are events that deliveries name
    in another way than the API (`Objects.recognised`).
    """
    if not arrived:
        return list(items)
    found = (replace(item, facts=_lost(item, objects.recognised, told)) for item in items)
    return [item for item in found if item.facts]


def _lost(item: Item, recognised: AbstractSet[str] | None, told: Told) -> tuple[Fact, ...]:
    return tuple(
        one
        for one in item.facts
        if one.id not in told.ids
        and one.time is not None
        and one.time >= told.since
        and (recognised is None or TYPES[type(one.data)] in recognised)
    )
