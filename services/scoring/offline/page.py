"""Pages of the offline verbs: one file each, with their pictures inside."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

_ENVIRONMENT = Environment(
    loader=PackageLoader("services.scoring.offline"), autoescape=True, undefined=StrictUndefined
)


def figure(value: float | None) -> str:
    """To three places; empty where there is none."""
    return "" if value is None else f"{value:.3f}"


_ENVIRONMENT.filters["figure"] = figure


def render(template: str, **values: Any) -> str:
    return _ENVIRONMENT.get_template(template).render(**values)
