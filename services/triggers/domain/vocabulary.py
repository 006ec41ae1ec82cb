"""The columns a rule may name: the snapshot's own and every field of Facts, each with type and unit."""

import types
import typing
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

from libs.events.facts import Facts
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


def _plain(annotation: Any) -> Any:
    """The bare type under Annotated and optional."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return _plain(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return _plain(next(arg for arg in typing.get_args(annotation) if arg is not type(None)))
    return annotation


_AGES = frozenset({"tenure_days", "days_overdue"})  # days since something, less a constant
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
    if plain is int:
        return Column(name, Kind.NUMBER, unit, meaning, "i1" if name in _SMALL else "i4")
    return Column(name, Kind.NUMBER, unit, meaning, "f8", ages=name in _AGES)


_NUMBER, _TEXT = Kind.NUMBER, Kind.TEXT
_BANDS, _STAGES = typing.get_args(Band), typing.get_args(Stage)
SNAPSHOT = (
    Column("score", _NUMBER, "0-100", "Health score", "f8"),
    Column("confidence", _NUMBER, "0-1", "How much of the score is known", "f8"),
    Column("p_buy", _NUMBER, "probability", "Chance of a purchase in the model's horizon", "f8"),
    Column("band", _TEXT, "state", "Band of the score, with hysteresis", "u1", _BANDS),
    Column("stage", _TEXT, "state", "Lifecycle stage", "u1", _STAGES),
    Column("segment", _TEXT, "label", "Segment the shop put the customer in", "u2"),
    Column("tier", _TEXT, "label", "Value tier", "u2"),
)
FACTS = tuple(_fact(name) for name in Facts.model_fields)
STORED = (*SNAPSHOT, *FACTS)
NOW = Column("now", Kind.TIME, "time", "The moment of the evaluation", "")
VOCABULARY: dict[str, Column] = {column.name: column for column in (*STORED, NOW)}


def table() -> str:
    """The vocabulary as a Markdown table: docs/rules.md holds this text, a test compares."""
    lines = ["| column | type | unit | meaning |", "|---|---|---|---|"]
    for column in VOCABULARY.values():
        kind = " \\| ".join(f"`{choice}`" for choice in column.choices) or str(column.kind)
        unit = f"{column.unit}, growing" if column.ages else column.unit
        lines.append(f"| `{column.name}` | {kind} | {unit} | {column.meaning} |")
    return "\n".join(lines) + "\n"
