"""Rules as the shop writes them, and as the evaluator runs them."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from libs.events.types import Label
from services.triggers.domain.language import Condition, ConditionError, compile_condition
from services.triggers.domain.lifecycle import Timing
from services.triggers.domain.reason import Reason, ReasonError
from services.triggers.domain.rows import MAX_RULES
from services.triggers.domain.vocabulary import VOCABULARY, Column, unknown_column

Level = Literal["yellow", "red", "account", "green"]

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_DURATION = re.compile(r"(?:[0-9]{1,7}[wdhms])+")  # more digits are no span a rule can have


def parse_duration(value: object) -> timedelta:
    """Prometheus's spans: 90s, 15m, 12h, 1d, 2w, 1d12h; 0 for none."""
    text = str(value)
    if text == "0":
        return timedelta(0)
    if not isinstance(value, str) or len(text) > 20 or not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is not a span of time: write 90s, 15m, 12h, 1d, 2w or 1d12h")
    parts = re.findall(r"([0-9]+)([wdhms])", text)
    span = sum((timedelta(**{_UNITS[unit]: int(n)}) for n, unit in parts), timedelta(0))
    if span > timedelta(days=3650):
        raise ValueError(f"{text!r} is longer than ten years")
    return span


def spell_duration(span: timedelta) -> str:
    """As `parse_duration` reads it: 90m is 1h30m."""
    left, text = int(span.total_seconds()), ""
    for unit, name in _UNITS.items():
        size = int(timedelta(**{name: 1}).total_seconds())
        count, left = (0, left) if unit == "w" and left % size else divmod(left, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", populate_by_name=False)


class Annotations(_Strict):
    """What a person reads: the reason's template, and the facts to show beside it."""

    reason: Annotated[str, Field(min_length=1, max_length=300)]
    shows: list[str] = Field(default_factory=list, max_length=12)


class RuleSpec(_Strict):
    """One entry under `rules:`, in Prometheus's words plus level, clear, cooldown and segments."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    level: Level
    title: Annotated[str, Field(min_length=1, max_length=120)]
    when: str
    clear: str | None = None
    hold: Duration = Field(default=timedelta(0), alias="for")
    cooldown: Duration = timedelta(days=1)
    keep_firing_for: Duration = timedelta(0)
    crossing: bool = False
    segments: list[Label] = Field(default_factory=list)
    labels: dict[Label, Annotated[str, Field(max_length=120)]]
    annotations: Annotations

    @field_validator("labels")
    @classmethod
    def _names_a_team(cls, labels: dict[str, str]) -> dict[str, str]:
        if not labels.get("team"):
            raise ValueError("team is missing: each rule names the team that owns it")
        if "shows" in labels:
            raise ValueError("shows stands under annotations, where its columns are checked")
        return labels


class RuleFile(_Strict):
    """A whole rule file."""

    rules: Annotated[list[RuleSpec], Field(min_length=1, max_length=MAX_RULES)]


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled rule. `version` changes with any word of it, `condition` with what makes it true."""

    id: str
    level: Level
    title: str
    when: Condition
    clear: Condition | None
    timing: Timing
    crossing: bool  # what is true when a customer is first seen arms silently
    segments: tuple[str, ...]
    labels: Mapping[str, str]
    reason: Reason
    version: str
    condition: str


class RuleError(ValueError):
    """A rule that cannot be compiled: the field at fault and why."""

    def __init__(self, field: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message


def compile_rule(spec: RuleSpec, vocabulary: Mapping[str, Column] = VOCABULARY) -> Rule:
    """Raises RuleError with the field at fault."""
    when = _condition("when", spec.when, vocabulary)
    clear = None if spec.clear is None else _condition("clear", spec.clear, vocabulary)
    shows = spec.annotations.shows
    for i, name in enumerate(shows):
        if name not in vocabulary:
            raise RuleError(("annotations", "shows", i), unknown_column(name, vocabulary))
    try:
        reason = Reason(spec.annotations.reason, vocabulary)
    except ReasonError as error:
        raise RuleError(("annotations", "reason"), str(error)) from None
    return Rule(
        id=spec.id,
        level=spec.level,
        title=spec.title,
        when=when,
        clear=clear,
        timing=Timing(spec.hold, spec.cooldown, spec.keep_firing_for),
        crossing=spec.crossing,
        segments=tuple(spec.segments),
        labels={**spec.labels, "shows": ",".join(shows)} if shows else dict(spec.labels),
        reason=reason,
        version=_digest(spec.model_dump(mode="json", by_alias=True)),
        condition=_digest([spec.when, sorted(spec.segments)]),
    )


def _condition(field: str, sql: str, vocabulary: Mapping[str, Column]) -> Condition:
    try:
        return compile_condition(sql, vocabulary)
    except ConditionError as error:
        raise RuleError((field,), str(error)) from None


def _digest(content: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()[:10]
