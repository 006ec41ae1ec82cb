"""The columns a rule may name: the snapshot's own and every field of Facts, each with type and unit."""

import difflib
import math
import types
import typing
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

from libs.events.facts import Facts
from libs.events.families.health import HealthSnapshot
from libs.events.families.relationship import SCALES
from libs.events.types import Band, Stage


class Kind(StrEnum):
    """What a value is to the rule language."""

    NUMBER = "number"
    TIME = "time"
    FLAG = "flag"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Column:
    """A name of the vocabulary. `store` is its numpy type in the row; empty for `now`, which has none."""

    name: str
    kind: Kind
    unit: str
    meaning: str
    store: str
    choices: tuple[str, ...] = ()  # the closed list of a text column; empty when open
    ages: bool = False  # grows by a day a day: read as of now, not as of the snapshot
    low: float = -math.inf  # least and greatest value of a number, by the contract
    high: float = math.inf
    required: bool = False  # every snapshot has it: it is never null


def _plain(annotation: Any) -> Any:
    """The bare type under Annotated and optional."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return _plain(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return _plain(next(arg for arg in typing.get_args(annotation) if arg is not type(None)))
    return annotation


def _bound(part: Any, name: str, without: float) -> float:
    found = getattr(part, name, None)
    return without if found is None else float(found)


def _limits(annotation: Any, metadata: Any = ()) -> tuple[float, float]:
    """The least and greatest value that the contract lets a number have."""
    low, high = -math.inf, math.inf
    for part in (*typing.get_args(annotation), *metadata):
        inner = _limits(part, getattr(part, "metadata", ()))
        low = max(low, inner[0], _bound(part, "ge", -math.inf))
        high = min(high, inner[1], _bound(part, "le", math.inf))
    return low, high


_AGES = frozenset({"tenure_days", "days_overdue"})  # days since something, less a constant
LONGEST = 4e6  # days: more than from year 1 to year 9999
# Narrower than the contract, which allowed more once: a survey's own scale, and what is never below zero.
_WITHIN: dict[str, tuple[float, float]] = {
    **SCALES,
    **dict.fromkeys(("own_gap_days", "usage_variance", "tickets_baseline"), (0, math.inf)),
}
_SMALL = frozenset({"nps", "csat", "ces", "csm_sentiment"})  # grades within -1..10: one byte


def _fact(name: str) -> Column:
    field = Facts.model_fields[name]
    extra = typing.cast("dict[str, Any]", field.json_schema_extra)
    unit, meaning, plain = str(extra["unit"]), field.description or "", _plain(field.annotation)
    if unit == "time":
        return Column(name, Kind.TIME, unit, meaning, "M8[us]")
    if plain is bool:
        return Column(name, Kind.FLAG, unit, meaning, "i1")
    if typing.get_origin(plain) is Literal:
        return Column(name, Kind.TEXT, unit, meaning, "u1", typing.get_args(plain))
    if plain is str:
        return Column(name, Kind.TEXT, unit, meaning, "u2")
    low, high = _limits(field.annotation, field.metadata)
    within = _WITHIN.get(name, (low, high))
    low, high = max(low, within[0]), min(high, within[1])
    store = ("i1" if name in _SMALL else "i4") if plain is int else "f8"
    ages = name in _AGES
    return Column(name, Kind.NUMBER, unit, meaning, store, (), ages, low, high + LONGEST * ages)


_NUMBER, _TEXT = Kind.NUMBER, Kind.TEXT
_BANDS, _STAGES = typing.get_args(Band), typing.get_args(Stage)


def _own(
    name: str, kind: Kind, unit: str, meaning: str, store: str, *, choices: tuple[str, ...] = ()
) -> Column:
    """A field of the snapshot itself."""
    field = HealthSnapshot.model_fields[name]
    low, high = _limits(field.annotation, field.metadata)
    required = type(None) not in typing.get_args(field.annotation)
    return Column(name, kind, unit, meaning, store, choices, low=low, high=high, required=required)


SNAPSHOT = (
    _own("score", _NUMBER, "0-100", "Health score", "f8"),
    _own("confidence", _NUMBER, "0-1", "How much of the score is known", "f8"),
    _own("p_buy", _NUMBER, "probability", "Chance of a purchase in the model's horizon", "f8"),
    _own("band", _TEXT, "state", "Band of the score, with hysteresis", "u1", choices=_BANDS),
    _own("stage", _TEXT, "state", "Lifecycle stage", "u1", choices=_STAGES),
    _own("segment", _TEXT, "label", "Segment the shop put the customer in", "u2"),
    _own("tier", _TEXT, "label", "Value tier", "u2"),
)
FACTS = tuple(_fact(name) for name in Facts.model_fields)
STORED = (*SNAPSHOT, *FACTS)
NOW = Column("now", Kind.TIME, "time", "The moment of the evaluation", "", required=True)
VOCABULARY: dict[str, Column] = {column.name: column for column in (*STORED, NOW)}


def unknown_column(name: str, vocabulary: typing.Iterable[str]) -> str:
    """What to say of a name that is no column, with the nearest that is one."""
    near = difflib.get_close_matches(name.lower(), vocabulary, 1)
    return f"unknown column {name!r}" + (f", did you mean {near[0]!r}?" if near else "")


def table() -> str:
    """The vocabulary as a Markdown table: docs/rules.md holds this text, a test compares."""
    lines = ["| column | type | unit | meaning |", "|---|---|---|---|"]
    for column in VOCABULARY.values():
        kind = " \\| ".join(f"`{choice}`" for choice in column.choices) or str(column.kind)
        unit = f"{column.unit}, growing" if column.ages else column.unit
        lines.append(f"| `{column.name}` | {kind} | {unit} | {column.meaning} |")
    return "\n".join(lines) + "\n"
