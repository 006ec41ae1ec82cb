"""A trigger's reason: a template over the vocabulary, filled with numbers a person can read."""

import string
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from libs.events import money
from services.triggers.domain.vocabulary import Column, Kind, unknown_column

MAX_SENTENCE = 400  # characters, the contract's limit
UNKNOWN = "unknown"
_HOURS_MOST = 48  # from then on an age is told in days

# What may stand after the colon in {name:...}, and the kinds it takes.
FORMATS: dict[str, frozenset[Kind]] = {
    "": frozenset(Kind),
    "days": frozenset({Kind.TIME}),
    "hours": frozenset({Kind.TIME}),
    "age": frozenset({Kind.TIME}),
    "percent": frozenset({Kind.NUMBER}),
    "money": frozenset({Kind.NUMBER}),
}


class ReasonError(ValueError):
    """A template that names something else than a column, or asks for more than its plain value."""


class Reason:
    """A checked template. Nothing but columns can be named, so nothing but their values can come out."""

    __slots__ = ("_parts",)

    def __init__(self, template: str, vocabulary: Mapping[str, Column]) -> None:
        try:
            parts = list(string.Formatter().parse(template))
        except ValueError as error:
            raise ReasonError(f"braces do not match: {error}") from None
        self._parts: list[tuple[str, str | None, str]] = []
        for text, name, spec, conversion in parts:
            if name is not None:
                _check(name, spec or "", conversion, vocabulary)
            self._parts.append((text, name, spec or ""))

    def render(self, values: Mapping[str, Any], now: datetime) -> str:
        """`values` by column name; what is missing reads as unknown."""
        filled = (
            text + ("" if name is None else self._show(name, spec, values, now))
            for text, name, spec in self._parts
        )
        return "".join(filled)[:MAX_SENTENCE]

    def _show(self, name: str, spec: str, values: Mapping[str, Any], now: datetime) -> str:
        value: Any = now if name == "now" else values.get(name)
        if value is None:
            return UNKNOWN
        if spec == "money":
            currency = values.get("currency")
            return f"{money.to_text(int(value), currency)} {currency}" if currency else UNKNOWN
        return _SHOW[spec](value, now)


def _check(name: str, spec: str, conversion: str | None, vocabulary: Mapping[str, Column]) -> None:
    column = vocabulary.get(name)
    if column is None:
        raise ReasonError(unknown_column(name, vocabulary))
    if conversion or spec not in FORMATS:
        known = ", ".join(f":{word}" for word in FORMATS if word)
        raise ReasonError(f"{{{name}}} takes nothing or one of {known}")
    if column.kind not in FORMATS[spec]:
        raise ReasonError(f"{{{name}:{spec}}}: {name} is a {column.kind}")


def _plain(value: Any, _: datetime) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.1f}"
    return str(value)


def _age(value: datetime, now: datetime) -> str:
    """Hours as long as hours say anything, then days."""
    hours = round((now - value).total_seconds() / 3_600)
    number, unit = (hours, "hour") if hours < _HOURS_MOST else (round(hours / 24), "day")
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


_SHOW: dict[str, Callable[[Any, datetime], str]] = {
    "": _plain,
    "days": lambda value, now: str(round((now - value).total_seconds() / 86_400)),
    "hours": lambda value, now: str(round((now - value).total_seconds() / 3_600)),
    "age": _age,
    "percent": lambda value, _: f"{100 * value:.0f} %",
}
