"""The hot path's structs: made from the same models, so there is one truth and two speeds."""

import re
import types
import typing
from datetime import datetime
from functools import cache
from typing import Annotated, Any, NamedTuple

import msgspec
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from libs.events.envelope import Envelope, schema_uri
from libs.events.registry import CUSTOMER_EVENT_TYPES, MODELS
from libs.events.types import Frozen, Subject, Tenant

_LIMITS = ("ge", "le", "gt", "lt", "min_length", "max_length")


def _meta(metadata: typing.Iterable[Any]) -> dict[str, Any]:
    """Pydantic's and annotated_types' limits as msgspec's."""
    found: dict[str, Any] = {}
    for item in metadata:
        parts = item.metadata if isinstance(item, FieldInfo) else [item]
        for part in parts:
            for name in _LIMITS:
                if getattr(part, name, None) is not None:
                    found[name] = getattr(part, name)
            if getattr(part, "pattern", None) is not None:
                # Python's $ also matches before a last newline, pydantic's does not.
                found["pattern"] = part.pattern.removesuffix("$") + r"\Z"
    return found


def _convert(annotation: Any, metadata: typing.Iterable[Any] = ()) -> Any:
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _convert(args[0], [*args[1:], *metadata])
    if origin in (typing.Union, types.UnionType):
        return typing.Union[tuple(_convert(arg, metadata) if arg is not type(None) else arg for arg in args)]  # noqa: UP007 (built at run time)
    if origin in (tuple, dict):
        return origin[tuple(arg if arg is ... else _convert(arg) for arg in args)]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return struct_for(annotation)
    if annotation is datetime:
        return Annotated[datetime, msgspec.Meta(tz=True)]
    limits = _meta(metadata)
    return Annotated[annotation, msgspec.Meta(**limits)] if limits else annotation


def _fields(model: type[BaseModel], skip: frozenset[str] = frozenset()) -> list[Any]:
    required, optional = [], []
    for name, field in model.model_fields.items():
        if name in skip:
            continue
        hot_type = _convert(field.annotation, field.metadata)
        if field.is_required():
            required.append((name, hot_type))
        else:
            factory = typing.cast("typing.Callable[[], Any] | None", field.default_factory)
            default = (
                msgspec.field(default_factory=factory) if factory else msgspec.field(default=field.default)
            )
            optional.append((name, hot_type, default))
    return [*required, *optional]


@cache
def struct_for(model: type[BaseModel]) -> type[msgspec.Struct]:
    """The msgspec struct with a model's fields and limits; required fields come first."""
    return msgspec.defstruct(model.__name__, _fields(model), frozen=True, omit_defaults=True, gc=False)


class Word(NamedTuple):
    """A pattern of the contract as its parts: these characters, so many of them."""

    allowed: bytes
    least: int
    most: int

    @classmethod
    def of(cls, annotation: Any) -> "Word":
        pattern = _meta(typing.get_args(annotation)[1:])["pattern"]
        found = re.fullmatch(r"\^(\[[^\]]+\])\{(\d+),(\d+)\}\\Z", pattern)
        assert found is not None, f"{pattern} is not ^[characters]{{least,most}}$"
        allowed = bytes(code for code in range(128) if re.fullmatch(found[1], chr(code)))
        return cls(allowed, int(found[2]), int(found[3]))

    def all_spelt(self, words: typing.Iterable[str]) -> bool:
        """Whether none holds another character. One look for all of them: joining adds no character."""
        joined = "".join(words)
        return joined.isascii() and not joined.encode().translate(None, self.allowed)

    @property
    def length(self) -> Any:
        return Annotated[str, msgspec.Meta(min_length=self.least, max_length=self.most)]


TENANT, SUBJECT = Word.of(Tenant), Word.of(Subject)


def _quick(event_type: str, name: str, hot_type: Any) -> Any:
    """A field's type without what costs most to check: patterns, and any version but today's."""
    if name == "dataschema":
        return typing.Literal[schema_uri(event_type)]
    return {"tenant": TENANT.length, "subject": SUBJECT.length}.get(name, hot_type)


@cache
def event_struct(event_type: str, *, quick: bool = False) -> type[msgspec.Struct]:
    """The envelope of one type as a tagged struct; `event_type` is on the class.

    A `quick` one is of today's version and leaves the characters of tenant and subject to be looked at.
    """
    fields = _fields(Envelope, skip=frozenset({"type", "data", "specversion"}))
    if quick:
        fields = [(name, _quick(event_type, name, hot), *default) for name, hot, *default in fields]
    # A factory, because a plain default would be left out on the wire and CloudEvents wants it there.
    specversion = ("specversion", typing.Literal["1.0"], msgspec.field(default_factory=lambda: "1.0"))
    data = ("data", struct_for(MODELS[event_type]))
    return msgspec.defstruct(
        "Hot" + MODELS[event_type].__name__,
        [data, *fields, specversion],
        tag_field="type",
        tag=event_type,
        frozen=True,
        omit_defaults=True,
        gc=False,
        namespace={"event_type": event_type, "current_schema": schema_uri(event_type)},
    )


@cache
def decoder(*event_types: str) -> msgspec.json.Decoder[Any]:
    """A decoder for these types; without any, for all of customer.events."""
    return _union([event_struct(name) for name in event_types or CUSTOMER_EVENT_TYPES])


@cache
def quick_decoder() -> msgspec.json.Decoder[Any]:
    """A decoder for `quick` structs of all types of customer.events."""
    return _union([event_struct(name, quick=True) for name in CUSTOMER_EVENT_TYPES])


def _union(structs: list[type[msgspec.Struct]]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(typing.Union[tuple(structs)])  # noqa: UP007 (built at run time)


def data_struct(model: type[Frozen]) -> Any:
    """The struct class of a model's data, for producers on the hot path."""
    return struct_for(model)
