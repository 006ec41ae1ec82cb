"""The events this service says: a rule fired, a rule cleared, with all a reader needs in them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from libs.events import event_id, split_key
from libs.events.envelope import schema_uri
from libs.events.families.health import TriggerCleared, TriggerFired
from libs.events.hot import data_struct, event_struct
from services.triggers.domain.lifecycle import Memory, Point
from services.triggers.domain.rows import facts_of
from services.triggers.domain.rules import Rule

SOURCE = "greenline/triggers"
SILENCE = "silence"
_MAX_ID = 128  # characters of a Reference, less than an event id may have

_fired, _cleared = event_struct("trigger.fired"), event_struct("trigger.cleared")
_fired_data, _cleared_data = data_struct(TriggerFired), data_struct(TriggerCleared)


@dataclass(frozen=True, slots=True)
class Moment:
    """One customer at one evaluation: who, when, what is known and what moved it."""

    key: bytes
    now: datetime
    values: dict[str, Any]
    cause: str = SILENCE
    contributions: Sequence[Any] = ()
    before: Point | None = None  # the health that a firing fell from
    traceparent: str | None = None
    simulated: bool = False


def trigger_id(rule: str, key: bytes, episode: int) -> str:
    """The same rule, customer and episode give the same id, however often it is computed."""
    plain = event_id("trigger", rule, key.decode(), str(episode))
    return plain if len(plain) <= _MAX_ID else f"trigger:{hashlib.sha256(plain.encode()).hexdigest()}"


def fired(rule: Rule, memory: Memory, at: Moment) -> Any:
    """`memory` is as it stands after the firing."""
    values, before = at.values, at.before
    data = _fired_data(
        trigger_id=trigger_id(rule.id, at.key, memory.episode),
        rule=rule.id,
        rule_version=rule.version,
        level=rule.level,
        title=rule.title,
        reason=rule.reason.render(values, at.now),
        labels=dict(rule.labels),
        episode=memory.episode,
        firings_before=memory.episode - 1,
        fired_at=at.now,
        cause=at.cause,
        contributions=tuple(at.contributions),
        score_before=before and before.score,
        band_before=before and before.band,
        facts=facts_of(values),
        **{name: values[name] for name in ("score", "band", "stage", "segment", "tier")},
    )
    return _envelope(_fired, data, data.trigger_id, at)


def cleared(rule: Rule, memory: Memory, at: Moment) -> Any:
    identity = trigger_id(rule.id, at.key, memory.episode)
    data = _cleared_data(
        trigger_id=identity,
        rule=rule.id,
        rule_version=rule.version,
        episode=memory.episode,
        cleared_at=at.now,
        cause=at.cause,
    )
    return _envelope(_cleared, data, event_id(identity, "cleared"), at)


def _envelope(struct: Any, data: Any, identity: str, at: Moment) -> Any:
    tenant, customer = split_key(at.key)
    return struct(
        id=identity,
        source=SOURCE,
        subject=customer,
        time=at.now,
        tenant=tenant,
        receivedat=at.now,
        dataschema=schema_uri(struct.event_type),
        traceparent=at.traceparent,
        simulated=at.simulated,
        data=data,
    )
