"""JSON Schemas and the AsyncAPI document, made from the models. Committed, and compared by a test."""

import json
from pathlib import Path
from typing import Any

from libs.events.compare import incompatibilities
from libs.events.deadletter import DeadLetter
from libs.events.envelope import Envelope, schema_uri
from libs.events.errors import EventError
from libs.events.registry import MODELS, VERSIONS
from libs.events.status import Status
from libs.events.topics import ALL, KEY, Topic
from libs.events.types import Frozen

FOLDER = Path(__file__).parent / "schemas"
Schema = dict[str, Any]
PLAIN: dict[str, type[Frozen]] = {"status": Status}
"""What stands on public topics and is no event: without an envelope."""


class IncompatibleError(EventError):
    """A change that a reader or writer of the committed version could not follow."""


def event_schema(event_type: str) -> Schema:
    """The JSON Schema (draft 2020-12) of one event type, envelope included."""
    model = MODELS[event_type]
    schema = Envelope[model].model_json_schema(mode="serialization")  # type: ignore[valid-type]
    schema["properties"]["type"] = {"const": event_type}
    schema["required"] = sorted({*schema["required"], "specversion"} - {"traceparent"})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": schema_uri(event_type),
        **schema,
        "title": event_type,
        "description": (model.__doc__ or "").strip(),
    }


def schemas() -> dict[str, Schema]:
    """Every generated file by name, without the AsyncAPI document."""
    named = {f"{name}.v{VERSIONS.get(name, 1)}.json": event_schema(name) for name in sorted(MODELS)}
    plain: dict[str, type[Frozen]] = {"dead-letter": DeadLetter, **PLAIN}
    bare = {f"{name}.v1.json": model.model_json_schema(mode="serialization") for name, model in plain.items()}
    return {**named, **bare}


def types_of(topic: Topic) -> list[str]:
    """The event types that stand on a topic."""
    return sorted(
        name
        for name in (*MODELS, *PLAIN)
        for wanted in topic.types
        if name == wanted or (wanted.endswith(".") and name.startswith(wanted))
    )


def _message(name: str) -> Schema:
    return _plain_message(name) if name in PLAIN else _event_message(name)


def _plain_message(name: str) -> Schema:
    return {
        "name": name,
        "title": name,
        "summary": (PLAIN[name].__doc__ or name).strip().splitlines()[0],
        "contentType": "application/json",
        "payload": {"$ref": f"./{name}.v1.json"},
        "bindings": {"kafka": {"key": {"type": "string", "description": "the same for all"}}},
    }


def _event_message(event_type: str) -> Schema:
    return {
        "name": event_type,
        "title": event_type,
        "summary": (MODELS[event_type].__doc__ or event_type).strip().splitlines()[0],
        "contentType": "application/cloudevents+json",
        "payload": {"$ref": f"./{event_type}.v{VERSIONS.get(event_type, 1)}.json"},
        "bindings": {"kafka": {"key": {"type": "string", "description": KEY}}},
    }


def _channel(topic: Topic) -> Schema:
    config = {"cleanup.policy": [topic.policy]}
    if topic.retention_days is not None:
        config["retention.ms"] = topic.retention_days * 86_400_000  # type: ignore[assignment]
    names = types_of(topic)
    return {
        "address": topic.name,
        "description": f"{topic.about}. Made by {', '.join(topic.made_by)}. Read with read_committed.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"kafka": {"topic": topic.name, "topicConfiguration": config}},
    }


def _operation(topic: Topic) -> Schema:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": f"{', '.join(topic.made_by)} publish to {topic.name}",
    }


def asyncapi(version: str = "0.1.0") -> Schema:
    """The AsyncAPI 3.0 document of the public topics."""
    public = [topic for topic in ALL if topic.public]
    used = sorted({name for topic in public for name in types_of(topic)})
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Greenline customer health",
            "version": version,
            "description": "Customer events in, health, changes, triggers and outcomes out. "
            "Consumers read with isolation.level=read_committed.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {topic.name: _channel(topic) for topic in public},
        "operations": {f"publish-{topic.name.replace('.', '-')}": _operation(topic) for topic in public},
        "components": {"messages": {name: _message(name) for name in used}},
    }


def render(document: Schema) -> str:
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def files() -> dict[str, str]:
    """File name to content of everything generated."""
    return {name: render(body) for name, body in {**schemas(), "asyncapi.json": asyncapi()}.items()}


def write(folder: Path = FOLDER) -> list[str]:
    """Write what changed and return its names. Raises IncompatibleError before writing anything."""
    problems = [
        f"{name}: {problem}"
        for name, body in schemas().items()
        if (folder / name).exists()
        for problem in incompatibilities(json.loads((folder / name).read_text()), body)
    ]
    if problems:
        hint = "raise the type's version in libs/events/registry.py and add an upcaster"
        raise IncompatibleError("\n".join([*problems, hint]))
    folder.mkdir(parents=True, exist_ok=True)
    changed = _differing(folder)
    for name, text in changed.items():
        (folder / name).write_text(text)
    return list(changed)


def _differing(folder: Path) -> dict[str, str]:
    return {
        name: text
        for name, text in files().items()
        if not (folder / name).exists() or (folder / name).read_text() != text
    }


def stale(folder: Path = FOLDER) -> list[str]:
    """Names of committed files that differ from what the models say. A kept older version is fine."""
    return list(_differing(folder))
