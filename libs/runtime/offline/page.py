"""Pages of the offline verbs: one file each, with their pictures inside."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from libs.runtime.errors import ConfigError


def figure(value: float | None) -> str:
    """To three places; empty where there is none."""
    return "" if value is None else f"{value:.3f}"


def renderer(package: str) -> Callable[..., str]:
    """`render(template, **values)` over a package's templates, which may extend `page.html.j2` of ours."""
    loader = ChoiceLoader([PackageLoader(package), PackageLoader(__package__ or "")])
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    environment.filters["figure"] = figure

    def render(template: str, **values: Any) -> str:
        return environment.get_template(template).render(**values)

    return render


def pretty(body: Any) -> str:
    """JSON that a person can read."""
    return msgspec.json.format(msgspec.json.encode(body), indent=1).decode()


def prepare(folder: Path | None) -> None:
    """Make the folder before the work is done. Raises ConfigError where there can be none."""
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out {folder}: cannot be made: {error.strerror}") from None
