"""Envelopes of every type, right and nearly right, from the JSON Schemas' own limits."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from libs.events.registry import MODELS

INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)).map(
    lambda t: t.replace(tzinfo=UTC).isoformat().replace("+00:00", "Z")
)
LABELS = st.from_regex(r"[A-Za-z0-9_.:+-]{1,64}", fullmatch=True)
AMOUNTS = st.from_regex(r"-?[0-9]{1,12}(\.[0-9]{1,4})?", fullmatch=True)
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(
        ["", "12.00\n", "\uff112", "USD\n", "usd", "2020-13-01T00:00:00Z", "2020-01-01 00:00:00Z"]
    ),
    st.sampled_from(["2020-01-01T00:00:00", "1577836800", "2020-01-01T00:00:00+02:00", "a" * 200, "é" * 128]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def _value(schema: dict[str, Any], root: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return objects(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema:
        return st.one_of([_value(option, root) for option in schema["anyOf"]])
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    if schema.get("type") == "string":
        return _text(schema)
    if schema.get("type") in ("integer", "number"):
        numbers = st.integers if schema["type"] == "integer" else st.floats
        return numbers(schema.get("minimum", -1000), schema.get("maximum", 1000))
    if schema.get("type") == "array":
        return st.lists(_value(schema["items"], root), max_size=2)
    plain: dict[str, st.SearchStrategy[Any]] = {"boolean": st.booleans(), "null": st.none()}
    return plain.get(schema.get("type", ""), st.dictionaries(LABELS, st.text(max_size=5), max_size=2))


def _text(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    if schema.get("format") == "date-time":
        return INSTANTS
    if "pattern" in schema:
        return st.from_regex(schema["pattern"].strip("^$"), fullmatch=True)
    return st.text(min_size=schema.get("minLength", 0), max_size=min(schema.get("maxLength", 30), 30))


def objects(schema: dict[str, Any], root: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    required = set(schema.get("required", ()))
    fields = {name: _value(part, root) for name, part in schema.get("properties", {}).items()}
    return st.fixed_dictionaries(
        {name: made for name, made in fields.items() if name in required},
        optional={name: made for name, made in fields.items() if name not in required},
    )


def _body(event_type: str) -> st.SearchStrategy[dict[str, Any]]:
    schema = MODELS[event_type].model_json_schema(mode="serialization")
    return st.fixed_dictionaries(
        {
            "specversion": st.just("1.0"),
            "id": st.text(min_size=1, max_size=30),
            "source": st.text(min_size=1, max_size=30),
            "type": st.just(event_type),
            "subject": st.from_regex(r"[A-Za-z0-9_.:-]{1,20}", fullmatch=True),
            "tenant": st.from_regex(r"[A-Za-z0-9_.-]{1,20}", fullmatch=True),
            "time": INSTANTS,
            "receivedat": INSTANTS,
            "dataschema": st.just(f"urn:greenline:{event_type}:1"),
            "data": objects(schema, schema),
        },
        optional={"backfill": st.booleans(), "simulated": st.booleans(), "unknown": st.integers()},
    )


def bodies(types: tuple[str, ...] = tuple(MODELS)) -> st.SearchStrategy[dict[str, Any]]:
    """A valid event of any of the types as a JSON object."""
    return st.sampled_from(sorted(types)).flatmap(_body)


@st.composite
def nearly(draw: st.DrawFn) -> bytes:
    """A valid event with one field replaced or removed, or cut short: usually wrong, not always."""
    body = draw(bodies())
    inside = draw(st.booleans())
    target = body["data"] if inside and body["data"] else body
    name = draw(st.sampled_from(sorted(target)))
    if draw(st.booleans()):
        target[name] = draw(ODD)
    else:
        del target[name]
    raw = json.dumps(body).encode()
    return raw[: draw(st.integers(0, len(raw)))] if draw(st.integers(0, 9)) == 0 else raw
