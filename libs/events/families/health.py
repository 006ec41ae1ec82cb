"""What scoring, triggers and ingest say about a customer on their own topics."""

from typing import Annotated, Literal

from pydantic import Field

from libs.events.facts import Facts
from libs.events.types import (
    Band,
    EventId,
    Fraction,
    Frozen,
    Instant,
    Label,
    Real,
    Reference,
    Score,
    Sentence,
    Stage,
)

Cause = Annotated[str, Field(min_length=1, max_length=160)]
"""The id of the event that moved the customer, "silence", "scorecard" when another one came into force, or
"catch-up" for a backlog of events."""


class Contribution(Frozen):
    """One signal's part: `points` of all signals sum to score minus base."""

    signal: Label
    value: Score
    weight: Fraction
    evidence: Fraction
    points: Real
    text: Sentence


class HealthSnapshot(Frozen):
    """The latest health of one customer: everything triggers and other readers need."""

    score: Score
    base: Score
    band: Band
    confidence: Fraction
    stage: Stage
    segment: Label = "consumer"
    tier: Label = "standard"
    p_buy: Fraction | None = None
    scorecard: Label
    cause: Cause
    contributions: tuple[Contribution, ...]
    facts: Facts


class HealthPoint(Frozen):
    """A score and its band at one moment."""

    score: Score
    band: Band
    confidence: Fraction


class Movement(Frozen):
    """What one signal did to the score between two moments."""

    signal: Label
    points: Real
    text: Sentence


class HealthChanged(Frozen):
    """Band or score moved: from where, to where, why. `before` is null on the first score."""

    before: HealthPoint | None = None
    after: HealthPoint
    why: tuple[Movement, ...]
    cause: Cause


class TriggerFired(Frozen):
    """A rule came true. `trigger_id` is (rule, customer, episode), so computing it again is the same.

    `score` and `band` are those of the firing; `score_before` and `band_before` those before the change that
    set it off, null where there was no earlier score.
    """

    trigger_id: EventId
    rule: Label
    rule_version: Label
    level: Literal["yellow", "red", "account", "green"]
    title: Sentence
    reason: Sentence
    labels: dict[str, str] = Field(default_factory=dict)
    episode: Annotated[int, Field(ge=1)]
    firings_before: Annotated[int, Field(ge=0)] = 0
    fired_at: Instant
    score: Score
    band: Band
    score_before: Score | None = None
    band_before: Band | None = None
    stage: Stage
    segment: Label = "consumer"
    tier: Label = "standard"
    cause: Cause
    contributions: tuple[Contribution, ...] = ()
    facts: Facts


class TriggerCleared(Frozen):
    """The rule's clear condition came true; the rule is armed again after its cooldown."""

    trigger_id: EventId
    rule: Label
    rule_version: Label
    episode: Annotated[int, Field(ge=1)]
    cleared_at: Instant
    cause: Cause


class Profile(Frozen):
    """Contact details and consent: on customer.profiles and in PostgreSQL only."""

    email: Annotated[str, Field(max_length=320)] | None = None
    phone: Annotated[str, Field(max_length=32)] | None = None
    name: Annotated[str, Field(max_length=200)] | None = None
    locale: Label | None = None
    timezone: Annotated[str, Field(max_length=64)] | None = None
    email_consent: bool | None = None
    sms_consent: bool | None = None
    external: tuple[Reference, ...] = ()


HEALTH: dict[str, type[Frozen]] = {
    "health.snapshot": HealthSnapshot,
    "health.changed": HealthChanged,
    "trigger.fired": TriggerFired,
    "trigger.cleared": TriggerCleared,
    "profile.updated": Profile,
}
