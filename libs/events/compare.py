"""When is a schema change safe? Fields may be added, if optional. Everything else breaks somebody."""

from collections.abc import Iterator
from typing import Any

_WORDS = {"title", "description", "default", "$id", "$schema", "$defs", "unit", "examples"}
Schema = dict[str, Any]


def incompatibilities(old: Schema, new: Schema) -> list[str]:
    """What a writer or a reader of `old` could not follow in `new`, one sentence each."""
    return list(_compare(old, new, old, new, ""))


def _resolve(schema: Any, root: Schema) -> Any:
    while isinstance(schema, dict) and "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


def _compare(old: Any, new: Any, old_root: Schema, new_root: Schema, path: str) -> Iterator[str]:
    old, new = _resolve(old, old_root), _resolve(new, new_root)
    if not isinstance(old, dict) or not isinstance(new, dict):
        if old != new:
            yield f"{path or '/'}: changed from {old!r} to {new!r}"
        return
    yield from _properties(old, new, old_root, new_root, path)
    for word in sorted(({*old, *new} - _WORDS) - {"properties", "required"}):
        if word in {"items", "additionalProperties"} and word in old and word in new:
            yield from _compare(old[word], new[word], old_root, new_root, f"{path}/{word}")
        elif word in {"anyOf", "prefixItems"} and len(old.get(word, ())) == len(new.get(word, ())):
            for index, (before, after) in enumerate(zip(old[word], new[word], strict=True)):
                yield from _compare(before, after, old_root, new_root, f"{path}/{word}/{index}")
        elif old.get(word) != new.get(word):
            yield f"{path or '/'}: {word} changed from {old.get(word)!r} to {new.get(word)!r}"


def _properties(old: Schema, new: Schema, old_root: Schema, new_root: Schema, path: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in sorted(before.keys() - after.keys()):
        yield f"{path}/{name}: removed"
    for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
        yield f"{path}/{name}: became required"
    for name in sorted(set(old.get("required", ())) - set(new.get("required", ()))):
        if name in after:
            yield f"{path}/{name}: is no longer required"
    for name in sorted(before.keys() & after.keys()):
        yield from _compare(before[name], after[name], old_root, new_root, f"{path}/{name}")
