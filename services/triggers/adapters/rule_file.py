"""Rule files: YAML text to compiled rules, every problem named as file:line: message."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from libs.runtime.errors import ConfigError
from services.triggers.domain.doubts import doubts
from services.triggers.domain.rules import Rule, RuleError, RuleFile, RuleSpec, compile_rule

SHIPPED = {path.stem: path for path in (Path(__file__).parent.parent / "rules").glob("*.yaml")}
STANDARD = SHIPPED["standard"]
MAX_BYTES = 1_000_000
MAX_PLACES = 100_000  # values with aliases written out: 64 rules have a few thousand

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a rule file."""

    line: int
    message: str


class RuleFileError(ConfigError):
    """A rule file that cannot be used; its text has one line for each problem."""

    def __init__(self, path: str, problems: list[Problem]) -> None:
        self.path, self.problems = path, sorted(problems, key=lambda problem: problem.line)
        super().__init__("\n".join(f"{path}:{p.line}: {p.message}" for p in self.problems))


def locate(named: Path | None) -> Path:
    """The file meant: none is the standard set, `evidenced` the shipped one unless a file is called so."""
    if named is None:
        return STANDARD
    return named if named.exists() else SHIPPED.get(str(named), named)


def load(path: Path) -> tuple[Rule, ...]:
    """Read and compile a rule file. Raises RuleFileError."""
    return parse(read(path), str(path))


def read(path: Path) -> bytes:
    """Raises RuleFileError."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise RuleFileError(str(path), [Problem(1, f"cannot be read: {error.strerror}")]) from None
    if len(raw) > MAX_BYTES:
        raise RuleFileError(str(path), [Problem(1, f"is larger than {MAX_BYTES} bytes")])
    return raw


def parse(text: bytes | str, name: str) -> tuple[Rule, ...]:
    """Compile a rule file's text; `name` is what problems call it."""
    return _written(text, name).rules


def review(path: Path) -> tuple[Rule, ...]:
    """As `load`, and doubts are problems too."""
    text, name = read(path), str(path)
    if found := doubtful(text, name):
        raise RuleFileError(name, found)
    return parse(text, name)


def specs(text: bytes | str, name: str) -> list[RuleSpec]:
    """The rules as they are written. Raises RuleFileError where `parse` does."""
    return _written(text, name).specs


def doubtful(text: bytes | str, name: str) -> list[Problem]:
    """What runs and yet cannot be meant. Raises RuleFileError where `parse` does."""
    written = _written(text, name)
    return [
        Problem(_line(written.lines, ("rules", doubt.rule, doubt.field)), f"{doubt.field}: {doubt.message}")
        for doubt in doubts(written.specs)
    ]


@dataclass(frozen=True, slots=True)
class _Written:
    """A file of which every rule compiles."""

    rules: tuple[Rule, ...]
    specs: list[RuleSpec]
    lines: dict[Place, int]


def _written(text: bytes | str, name: str) -> _Written:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is None:
            raise RuleFileError(name, [Problem(1, "is empty: expected `rules:` and a list")])
        lines, unusable = _places(node), [*_unusable(node)]
        twice = [Problem(line, message) for line, message in _duplicates(node)]
        content = None if unusable else yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise RuleFileError(name, [_yaml_problem(error)]) from None
    except _TooMany:
        raise RuleFileError(name, [Problem(1, f"has more than {MAX_PLACES} values")]) from None
    if unusable:
        raise RuleFileError(name, unusable)
    specs, problems = _specs(content, lines)
    rules, uncompiled = _compile(specs, lines)
    if problems := [*twice, *problems, *uncompiled]:
        raise RuleFileError(name, problems)
    return _Written(rules, list(specs.values()), lines)


def _specs(content: Any, lines: dict[Place, int]) -> tuple[dict[int, RuleSpec], list[Problem]]:
    """The well-formed rules by position: one bad rule does not hide what is wrong in others."""
    try:
        return dict(enumerate(RuleFile.model_validate(content).rules)), []
    except ValidationError as error:
        problems = [Problem(_line(lines, e["loc"]), _say(e)) for e in error.errors(include_url=False)]
    entries = content.get("rules") if isinstance(content, dict) else None
    specs = {}
    for i, entry in enumerate(entries if isinstance(entries, list) else []):
        with contextlib.suppress(ValidationError):
            specs[i] = RuleSpec.model_validate(entry)
    return specs, problems


def _compile(specs: dict[int, RuleSpec], lines: dict[Place, int]) -> tuple[tuple[Rule, ...], list[Problem]]:
    rules: list[Rule] = []
    problems = []
    for i, spec in specs.items():
        if spec.id in {rule.id for rule in rules}:
            problems.append(Problem(_line(lines, ("rules", i, "id")), f"rule {spec.id} is there twice"))
        try:
            rules.append(compile_rule(spec))
        except RuleError as error:
            place = ("rules", i, *error.field)
            problems.append(Problem(_line(lines, place), f"{spec.id}: {error.field[0]}: {error.message}"))
    return tuple(rules), problems


class _TooMany(Exception):  # noqa: N818 (never leaves this file)
    """Aliases of aliases: a few lines that stand for millions of values."""


def _places(node: Node) -> dict[Place, int]:
    found: dict[Place, int] = {}
    for count, (place, line) in enumerate(_lines(node), 1):
        if count > MAX_PLACES:  # walked, not found: a key that is there twice is one place
            raise _TooMany
        found[place] = line
    return found


def _unusable(node: Node) -> Iterator[Problem]:
    """Single values that YAML reads and PyYAML cannot make, such as a 13th month, or that are no text."""
    if isinstance(node, ScalarNode):
        try:
            node.value.encode()
            yaml.constructor.SafeConstructor().construct_object(node, deep=True)
        except Exception:  # noqa: BLE001 (PyYAML lets out whatever its constructors meet)
            shown = ascii(node.value[:40])
            yield Problem(node.start_mark.line + 1, f"{shown} is not a value: put it in quotes if it is text")
    elif isinstance(node, MappingNode):
        for pair in node.value:
            for part in pair:
                yield from _unusable(part)
    elif isinstance(node, SequenceNode):
        for part in node.value:
            yield from _unusable(part)


def _lines(node: Node, place: Place = ()) -> Iterator[tuple[Place, int]]:
    """Where each value stands. A block scalar's text begins on the line after its sign."""
    block = isinstance(node, ScalarNode) and node.style in ("|", ">")
    yield place, node.start_mark.line + (2 if block else 1)
    if isinstance(node, MappingNode):
        for key, value in node.value:
            yield from _lines(value, (*place, str(key.value)))
    elif isinstance(node, SequenceNode):
        for i, value in enumerate(node.value):
            yield from _lines(value, (*place, i))


def _duplicates(node: Node) -> Iterator[tuple[int, str]]:
    """YAML lets a later key win without a word; a rule must not lose its condition that way."""
    if isinstance(node, SequenceNode):
        for value in node.value:
            yield from _duplicates(value)
    if not isinstance(node, MappingNode):
        return
    seen: set[str] = set()
    for key, value in node.value:
        if str(key.value) in seen:
            yield key.start_mark.line + 1, f"{key.value} is there twice"
        seen.add(str(key.value))
        yield from _duplicates(value)


def _line(lines: dict[Place, int], place: Place) -> int:
    """The line of the nearest thing that is there: a missing field is reported at its rule."""
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


def _say(error: Any) -> str:
    field = ".".join(str(part) for part in error["loc"] if not isinstance(part, int) and part != "rules")
    return f"{field or 'rules'}: {error['msg'].removeprefix('Value error, ')}"


def _yaml_problem(error: Exception) -> Problem:
    mark = getattr(error, "problem_mark", None)
    text = getattr(error, "problem", None) or (str(error).splitlines() or ["nested too deeply"])[0]
    return Problem(mark.line + 1 if mark else 1, f"not YAML: {text}")
