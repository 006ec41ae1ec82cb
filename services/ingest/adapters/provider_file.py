"""A provider declared in YAML: text to a provider, every problem named as file:line: message."""

from collections.abc import Iterator
from pathlib import Path

import yaml
from pydantic import ValidationError
from yaml.nodes import MappingNode, Node, SequenceNode

from libs.runtime.errors import ConfigError
from services.ingest.domain.declared import Place, ProviderSpec, problems
from services.ingest.domain.declared_provider import provider_of
from services.ingest.domain.plan import Provider
from services.ingest.domain.providers import discover

MAX_BYTES = 200_000

Problem = tuple[int, str]  # line, message


def load(path: Path) -> Provider:
    """Read and check one file. Raises ConfigError with a line for each problem."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise _refusal(str(path), [(1, f"cannot be read: {error.strerror}")]) from None
    if len(text) > MAX_BYTES:
        raise _refusal(str(path), [(1, f"is larger than {MAX_BYTES} bytes")])
    return parse(text, str(path))


def parse(text: bytes | str, name: str) -> Provider:
    """Check a file's text; `name` is what problems call it. Raises ConfigError."""
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
        lines, found = (dict(_lines(tree)), list(_repeated(tree))) if tree else ({}, [])
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        said = getattr(error, "problem", None) or "it cannot be read"
        raise _refusal(name, [(mark.line + 1 if mark else 1, f"not YAML: {said}")]) from None
    if not isinstance(tree, MappingNode):
        raise _refusal(name, [(1, "expected the fields of a provider, such as `name:` and `verifier:`")])
    try:
        spec = ProviderSpec.model_validate(content)
    except ValidationError as error:
        raise _refusal(name, [*found, *_misfits(error, lines)]) from None
    found += [(_line(lines, place), f"{_words(place)}: {said}") for place, said in problems(spec, _taken())]
    if found:
        raise _refusal(name, found)
    return provider_of(spec)


def _taken() -> frozenset[str]:
    return frozenset(discover())


def _refusal(name: str, found: list[Problem]) -> ConfigError:
    return ConfigError("\n".join(f"{name}:{line}: {said}" for line, said in sorted(set(found))))


def _lines(node: Node, place: Place = ()) -> Iterator[tuple[Place, int]]:
    """Where each member stands: at its key, which is where a reader looks for it."""
    if isinstance(node, MappingNode):
        for key, value in node.value:
            yield (*place, str(key.value)), key.start_mark.line + 1
            yield from _lines(value, (*place, str(key.value)))
    elif isinstance(node, SequenceNode):
        for number, value in enumerate(node.value):
            yield (*place, number), value.start_mark.line + 1
            yield from _lines(value, (*place, number))


def _repeated(node: Node) -> Iterator[Problem]:
    """YAML lets the later of two equal keys win without a word."""
    inner = [pair[1] for pair in node.value] if isinstance(node, MappingNode) else node.value
    if isinstance(node, MappingNode):
        keys = [str(key.value) for key, _ in node.value]
        for place, (key, _) in enumerate(node.value):
            if keys[place] in keys[:place]:
                yield key.start_mark.line + 1, f"{keys[place]}: is there twice"
    if isinstance(node, MappingNode | SequenceNode):
        for value in inner:
            yield from _repeated(value)


def _misfits(error: ValidationError, lines: dict[Place, int]) -> Iterator[Problem]:
    for one in error.errors(include_url=False):
        place = _real(one["loc"], lines)
        said = one["msg"].removeprefix("Value error, ")
        missing = one["loc"][-1] if one["type"] == "missing" else None
        words = _words((*place, missing) if missing else place)
        yield _line(lines, place), f"{words}: {said[0].lower()}{said[1:]}"


def _real(place: Place, lines: dict[Place, int]) -> Place:
    """The part of pydantic's location that is in the file: it also names the branches of a union."""
    found: Place = ()
    for step in place:
        if (*found, step) in lines:
            found = (*found, step)
    return found


def _line(lines: dict[Place, int], place: Place) -> int:
    """The line of the nearest thing that is there: what is missing is reported where it belongs."""
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


def _words(place: Place) -> str:
    return ".".join(str(step) for step in place) or "provider"
