"""The hot path's structs: made from the same models, so there is one truth and two speeds."""

import types
import typing
from datetime import datetime
from functools import cache
from typing import Annotated, Any

import msgspec
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from libs.events.envelope import Envelope, schema_uri
from libs.events.registry import CUSTOMER_EVENT_TYPES, MODELS
from libs.events.types import Frozen

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
    """The msgspec struct with a model's fields and limits."""
    return msgspec.defstruct(
        model.__name__, _fields(model), frozen=True, kw_only=True, omit_defaults=True, gc=False
    )


@cache
def event_struct(event_type: str) -> type[msgspec.Struct]:
    """The envelope of one type as a tagged struct; `event_type` is on the class."""
    fields = _fields(Envelope, skip=frozenset({"type", "data", "specversion"}))
    # A factory, because a plain default would be left out on the wire and CloudEvents wants it there.
    specversion = ("specversion", typing.Literal["1.0"], msgspec.field(default_factory=lambda: "1.0"))
    data = ("data", struct_for(MODELS[event_type]))
    return msgspec.defstruct(
        "Hot" + MODELS[event_type].__name__,
        [data, *fields, specversion],
        tag_field="type",
        tag=event_type,
        frozen=True,
        kw_only=True,
        omit_defaults=True,
        gc=False,
        namespace={"event_type": event_type, "current_schema": schema_uri(event_type)},
    )


@cache
def decoder(*event_types: str) -> msgspec.json.Decoder[Any]:
    """A decoder for these types; without any, for all of customer.events."""
    names = event_types or tuple(CUSTOMER_EVENT_TYPES)
    return msgspec.json.Decoder(typing.Union[tuple(event_struct(name) for name in names)])  # noqa: UP007 (built at run time)


def data_struct(model: type[Frozen]) -> Any:
    """The struct class of a model's data, for producers on the hot path."""
    return struct_for(model)
