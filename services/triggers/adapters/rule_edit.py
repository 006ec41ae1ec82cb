"""A rule file with other numbers in one rule, everything else to the letter as it was. Nothing is written."""

import difflib
from typing import Any, NamedTuple

import yaml

from libs.runtime.errors import ConfigError
from services.triggers.adapters.rule_file import parse
from services.triggers.domain.knobs import Variant, knobs, rewritten
from services.triggers.domain.language import ConditionError
from services.triggers.domain.rules import RuleSpec, compile_rule

Edit = tuple[int, int, str]


def changed(text: str, name: str, rule: RuleSpec, variant: Variant) -> str:
    """The file with a variant where its rule was. Raises ConfigError where it cannot be edited so."""
    entry = _entry(text, rule.id)
    edits: list[Edit] = []
    if variant.spec.when != rule.when:
        edits.append(_when(text, entry, rule, variant))
    if variant.spec.hold != rule.hold:
        edits.append(_hold(text, entry, variant.values[-1]))
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    found = {each.id: each.version for each in parse(text, name)}
    if found[rule.id] != compile_rule(variant.spec).version:
        raise ConfigError(f"{name}: {rule.id} cannot be edited where it stands: write it plainly")
    return text


def diff(old: str, new: str, name: str) -> str:
    """As `patch` takes it."""
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), name, name, n=1
    )
    return "".join(lines)


class _Entry(NamedTuple):
    """A rule as it stands in a file. `column`: where its fields begin; None: it is written in braces."""

    fields: dict[str, Any]
    column: int | None


def _entry(text: str, rule: str) -> _Entry:
    root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    (rules,) = (value for key, value in root.value if key.value == "rules")
    for entry in rules.value:
        fields = {key.value: value for key, value in entry.value}
        if fields["id"].value == rule:
            return _Entry(fields, None if entry.flow_style else entry.value[0][0].start_mark.column)
    raise ConfigError(f"there is no rule {rule}")


def _when(text: str, entry: _Entry, rule: RuleSpec, variant: Variant) -> Edit:
    """The numbers in the text as it stands, line breaks and all: those of the condition, in its order."""
    node = entry.fields["when"]
    start, end = node.start_mark.index, node.end_mark.index
    if node.style in ("|", ">"):
        start = text.index("\n", start)  # behind the sign
    elif node.style:
        start, end = start + 1, end - 1  # within the quotes
    try:
        return start, end, rewritten(text[start:end], knobs(text[start:end]), variant.values[:-1])
    except (ConditionError, ValueError):
        raise ConfigError(f"{rule.id}: `when` cannot be edited where it stands: write it plainly") from None


def _hold(text: str, entry: _Entry, span: str) -> Edit:
    if held := entry.fields.get("for"):
        return held.start_mark.index, held.end_mark.index, span
    at = entry.fields["when"].end_mark.index
    if entry.column is None:
        return at, at, f", for: {span}"
    line = f"{' ' * entry.column}for: {span}"
    return (at, at, f"{line}\n") if text[:at].endswith("\n") else (at, at, f"\n{line}")
