"""Rules as an audit needs them: names, and conditions read as SQL text."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import sqlglot
import yaml
from sqlglot import exp
from sqlglot.errors import SqlglotError

import services
from libs.runtime.errors import ConfigError

STANDARD = Path(services.__file__ or "").parent / "triggers" / "rules" / "standard.yaml"
"""The shipped rules, as a file: nothing of the service that runs them is imported."""


class Rule(NamedTuple):
    """What matters here of a rule."""

    id: str
    title: str
    when: exp.Expr


def load_rules(path: Path) -> list[Rule]:
    """Raises ConfigError. Whether a rule is a good one is for `greenline triggers check` to say."""
    try:
        body = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ConfigError(f"rules {path}: {error.strerror}: name a file with --rules") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"rules {path}: not YAML: `greenline triggers check` names the line") from error
    rules = body.get("rules") if isinstance(body, Mapping) else None
    if not isinstance(rules, list):
        raise ConfigError(f"rules {path}: no list `rules`: `greenline triggers check` says what is expected")
    return [_rule(path, entry) for entry in rules]


def _rule(path: Path, entry: Any) -> Rule:
    try:
        when = sqlglot.parse_one(str(entry["when"]), dialect="postgres")
        return Rule(str(entry["id"]), str(entry.get("title", "")), when)
    except (SqlglotError, KeyError, TypeError, AttributeError) as error:
        name = entry.get("id") if isinstance(entry, Mapping) else entry
        raise ConfigError(
            f"rules {path}: rule {name!r} has no condition that can be read: "
            "`greenline triggers check` says why"
        ) from error
