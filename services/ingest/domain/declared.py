"""A provider declared in a file instead of written in Python: what may be said, and what cannot be right."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from libs.events import CUSTOMER_EVENT_TYPES
from libs.events.types import Frozen
from services.ingest.domain.fields import Unfit, check_constant, kinds_of
from services.ingest.domain.plan import CLOSED
from services.ingest.domain.schemes import SLOT, HeaderName, Scheme

_STEP = re.compile(r"\.([^.\[\]]+)|\[([0-9]{1,4})\]")
_PATH = re.compile(rf"\$({_STEP.pattern})+")

Place = tuple[str | int, ...]
Steps = tuple[str | int, ...]


def _a_path(text: str) -> str:
    if not _PATH.fullmatch(text):
        raise ValueError("is not a path such as $.customer.email or $.lines[0].id")
    return text


def steps(path: str) -> Steps:
    """The names and places of a path, in order."""
    return tuple(name or int(number) for name, number in _STEP.findall(path))


Path = Annotated[str, AfterValidator(_a_path)]
Topics = dict[str, str]


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class HeaderSpec(_Spec):
    header: HeaderName


class PersonSpec(_Spec):
    """Who an element is about; at least one of the first three."""

    id: Path | None = None
    email: Path | None = None
    phone: Path | None = None
    name: Path | None = None


class FieldSpec(_Spec):
    """A field read at a path, its values translated where the tool has words of its own."""

    path: Path
    values: dict[str | int, str | int | bool]


class EventSpec(_Spec):
    """What becomes of one topic. `id`: what tells the source's object from all others of its kind."""

    event: str
    id: list[Path] = Field(min_length=1, max_length=4)
    time: Path | None = None
    fields: dict[str, str | int | bool | FieldSpec] = Field(default_factory=dict)


class ProviderSpec(_Spec):
    """One file."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    verifier: Scheme
    body: Literal["json", "form"] = "json"
    probes: list[Literal["GET", "HEAD"]] = Field(default_factory=list)
    items: Path | None = None
    topic: Path | HeaderSpec
    naive_times: Literal["utc"] | None = None
    person: PersonSpec
    events: dict[str, EventSpec] = Field(min_length=1)
    ignore: list[str] = Field(default_factory=list)
    erase: list[str] = Field(default_factory=list)


def is_path(value: object) -> bool:
    return isinstance(value, str) and value.startswith("$")


def problems(spec: ProviderSpec, taken: frozenset[str]) -> Iterator[tuple[Place, str]]:
    """Everything in a well-formed file that cannot be right, and where it stands."""
    if spec.name in taken:
        yield ("name",), f"{spec.name} is a provider already"
    yield from _of_verifier(spec.verifier)
    if not (spec.person.id or spec.person.email or spec.person.phone):
        yield ("person",), "needs a path to id, email or phone: else nobody can be found"
    for topic, event in spec.events.items():
        yield from _of_event(("events", topic), event)
    for name in ("ignore", "erase"):
        for number, topic in enumerate(getattr(spec, name)):
            if topic in spec.events or (name == "erase" and topic in spec.ignore):
                yield (name, number), f"{topic} is there twice"


def _of_verifier(spec: Scheme) -> Iterator[tuple[Place, str]]:
    rest = SLOT.sub("", spec.signed)
    if "{" in rest or "}" in rest:
        known = "{body}, {timestamp} and {header:name-in-lower-case}"
        yield ("verifier", "signed"), f"knows {known}"
    timed = bool(spec.timestamp_header or spec.timestamp_name)
    if spec.algorithm == "token":
        if timed or spec.signed != "{body}":
            yield (
                ("verifier", "algorithm"),
                "a token signs nothing: no template or timestamp belongs to it",
            )
        return
    if "{body}" not in spec.signed:
        yield ("verifier", "signed"), "must hold {body}: else any body would pass"
    if spec.timestamp_header and spec.timestamp_name:
        yield ("verifier", "timestamp_name"), "the timestamp is in a header of its own or in a list, not both"
    if spec.timestamp_name and not spec.signature_name:
        yield ("verifier", "timestamp_name"), "needs signature_name: both are names in one header"
    if timed and "{timestamp}" not in spec.signed:
        yield ("verifier", "signed"), "must hold {timestamp}: a time that is not signed proves nothing"
    if not timed and "{timestamp}" in spec.signed:
        yield (
            ("verifier", "signed"),
            "holds {timestamp}, and neither timestamp_header nor timestamp_name says where",
        )


def _of_event(place: Place, spec: EventSpec) -> Iterator[tuple[Place, str]]:
    model = None if spec.event.startswith(CLOSED) else CUSTOMER_EVENT_TYPES.get(spec.event)
    if model is None:
        yield (*place, "event"), f"{spec.event} is not a type of event that a provider may send"
        return
    for name, value in spec.fields.items():
        yield from _of_field((*place, "fields", name), model, name, value)
    required = [name for name, info in model.model_fields.items() if info.is_required()]
    if missing := [name for name in required if name not in spec.fields]:
        yield (*place, "fields"), f"{spec.event} also needs {', '.join(missing)}"


def _of_field(place: Place, model: type[Frozen], name: str, value: Any) -> Iterator[tuple[Place, str]]:
    if name not in kinds_of(model):
        yield place, f"there is no such field; there are {', '.join(kinds_of(model))}"
        return
    if is_path(value) and not _PATH.fullmatch(value):
        yield place, "is not a path such as $.customer.email or $.lines[0].id"
        return
    constants = value.values.values() if isinstance(value, FieldSpec) else () if is_path(value) else (value,)
    for constant in constants:
        try:
            check_constant(kinds_of(model)[name], constant)
        except Unfit as error:
            yield place, str(error)
