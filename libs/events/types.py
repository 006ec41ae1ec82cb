"""The small types every event is built from: one place for lengths, patterns and ranges."""

from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

_AwareDatetime = Annotated[datetime, msgspec.Meta(tz=True)]


def parse_instant(value: object) -> object:
    """Text to an aware UTC datetime, by msgspec's own parser, so that edge and hot path agree."""
    if isinstance(value, str):
        try:
            value = msgspec.convert(value, _AwareDatetime)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from None
    if isinstance(value, datetime) and value.tzinfo is not None:
        try:
            return value.astimezone(UTC)
        except OverflowError:
            raise ValueError("a time outside the years 1 to 9999 in UTC") from None
    raise ValueError("expected an RFC 3339 time with a zone, such as 2026-01-31T12:00:00Z")


Instant = Annotated[datetime, BeforeValidator(parse_instant, json_schema_input_type=str)]
"""RFC 3339 with a zone on the wire, aware UTC in memory."""

Tenant = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Subject = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,128}$")]
"""Our customer id: never an e-mail address, never a slash (the key is tenant/customer)."""

EventId = Annotated[str, StringConstraints(min_length=1, max_length=160)]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=128)]
"""An id of the provider's: order, ticket, campaign."""

Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:+-]{1,64}$")]
"""A code from a closed or slowly growing list; never free text."""

Region = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
"""ISO 3166: a country or a part of one, such as DE or US-CA; never an address."""

Sentence = Annotated[str, StringConstraints(max_length=400)]
"""Words made by us from numbers (a reason, an explanation); never a customer's text."""

Amount = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,4})?$")]
"""Decimal money as text. Never a float: see libs.events.money."""

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Score = Annotated[float, Field(ge=0, le=100)]
Real = Annotated[float, Field(ge=-1e15, le=1e15)]
Band = Literal["green", "yellow", "red"]
Stage = Literal["new", "mid", "loyal", "lapsed"]
Sentiment = Literal["positive", "neutral", "negative"]


class Frozen(BaseModel):
    """Base of all models: immutable, strict about types, silent about fields of a newer version."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")
