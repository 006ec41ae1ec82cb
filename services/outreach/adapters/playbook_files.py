"""Playbooks and the team from YAML files. What is wrong is told with file and line."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from libs.runtime.errors import ConfigError
from services.outreach.adapters.templates import Templates
from services.outreach.domain.people import Team
from services.outreach.domain.playbook import ANY_RULE, Playbook, PlaybookBook, TaskStep

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Library:
    """Everything the shop writes in files: what to do, in which words, and who does it."""

    book: PlaybookBook
    templates: Templates
    team: Team


def load_library(playbooks: Path, templates: Path, team: Path) -> Library:
    """Read and check all files. Raises ConfigError naming every fault at once."""
    words, people = Templates(templates), load_file(team, Team)
    return Library(load_playbooks(playbooks, words, people), words, people)


def load_playbooks(folder: Path, templates: Templates, team: Team) -> PlaybookBook:
    """Every *.yaml of a folder. Raises ConfigError naming every fault at once."""
    loaded: list[Playbook] = []
    faults: list[str] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            playbook = load_file(path, Playbook)
        except ConfigError as error:
            faults.append(str(error))
            continue
        loaded.append(playbook)
        faults += [f"{path}:1: {fault}" for fault in _cross_checks(playbook, templates, team)]
    faults += _overlaps(loaded, folder)
    if not loaded and not faults:
        faults.append(f"{folder}: no playbooks (*.yaml) in it")
    if faults:
        raise ConfigError("\n".join(faults))
    return tuple(loaded)


def load_file(path: Path, model: type[M]) -> M:
    """One file as one model. Raises ConfigError with file:line of each fault."""
    try:
        text = path.read_text()
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        return model.model_validate(yaml.safe_load(text))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}:{line}: {error.problem}") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        lines = [
            f"{path}:{_line(tree, one['loc'])}: {'.'.join(map(str, one['loc']))}: {one['msg']}"
            for one in problems
        ]
        raise ConfigError("\n".join(dict.fromkeys(lines))) from None


def _line(node: yaml.Node | None, location: Iterable[int | str]) -> int:
    """The line of the deepest part of a location that the file has."""
    line = 1
    for part in location:
        found = _child(node, part)
        if found is None:
            continue  # the name of a union's member, or a key that is missing
        node = found
        line = node.start_mark.line + 1
    return line


def _child(node: yaml.Node | None, part: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        child: yaml.Node = node.value[part]
        return child
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == str(part)), None)
    return None


def _cross_checks(playbook: Playbook, templates: Templates, team: Team) -> list[str]:
    """What one file alone cannot know: templates and pools must exist, words must be declared."""
    faults = [fault for name in playbook.templates for fault in templates.faults(name, playbook.variables)]
    known = {pool.name for pool in team.pools}
    tasks = [step for step in playbook.steps if isinstance(step, TaskStep)]
    asked = {playbook.escalation.pool, *(step.pool for step in tasks)}
    return [*faults, *(f"no pool {name} in the team file" for name in sorted(asked - known))]


def _overlaps(book: Iterable[Playbook], folder: Path) -> list[str]:
    """Two playbooks that take the same customers by the same rule would make the choice an accident."""
    faults = []
    seen: dict[tuple[str, str, str, bool], str] = {}
    ids: set[str] = set()
    for playbook in book:
        if playbook.id in ids:
            faults.append(f"{folder}: two playbooks have the id {playbook.id}")
        ids.add(playbook.id)
        for case in _cases(playbook):
            other = seen.setdefault(case, playbook.id)
            if other != playbook.id:
                faults.append(
                    f"{folder}: {other} and {playbook.id} both take {case[1]} for {case[0]} {case[2]}"
                )
    return faults


def _cases(playbook: Playbook) -> list[tuple[str, str, str, bool]]:
    chosen = playbook.chosen_for
    stages = chosen.stages or (("every",) if playbook.owed else ("new", "mid", "loyal", "lapsed"))
    return [
        (stage, "any rule" if rule == ANY_RULE else rule, level, playbook.owed)
        for stage in stages
        for rule in chosen.rules
        for level in chosen.levels
    ]
