"""Scorecards are YAML files; one that cannot be used is refused with its line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from libs.runtime.errors import ConfigError
from services.scoring.domain.scorecard import Scorecard

STARTER = Path(__file__).parent.parent / "scorecards" / "starter.yaml"


def load_scorecard(path: Path) -> Scorecard:
    """Read and check a scorecard. Raises ConfigError with file, line and what to do."""
    try:
        text = path.read_text()
    except OSError as error:
        raise ConfigError(f"scorecard {path}: {error.strerror}") from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        body = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise ConfigError(f"{path}:{line}: not YAML: {getattr(error, 'problem', error)}") from error
    try:
        return Scorecard.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = (*first["loc"], *_named(first["msg"]))
        raise ConfigError(f"{path}:{_line(node, where)}: {_words(first)}") from None


def _named(message: str) -> tuple[int | str, ...]:
    """A check over several blocks starts its message with the place it means, as `segments.1.names`."""
    steps = message.removeprefix("Value error, ").partition(":")[0].split(".")
    if not all(step.isidentifier() or step.isdigit() for step in steps):
        return ()
    return tuple(int(step) if step.isdigit() else step for step in steps)


def _words(problem: Any) -> str:
    place, message = ".".join(map(str, problem["loc"])), problem["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else str(message)


def _line(node: yaml.Node | None, path: Sequence[int | str]) -> int:
    """The line of the deepest part of `path` that the file holds."""
    line = 1 if node is None else node.start_mark.line + 1
    for step in path:
        found = _child(node, step)
        if found is None:
            break
        line, node = found
    return line


def _child(node: yaml.Node | None, step: int | str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        item = node.value[step]
        return item.start_mark.line + 1, item
    return None
