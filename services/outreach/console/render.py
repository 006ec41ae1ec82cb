"""Templates to responses: autoescaped, strict about names, with the headers every page carries."""

from collections.abc import Callable, Iterable
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from services.outreach.console import words
from services.outreach.console.guard import HEADERS

FLASHES = {
    "incident-ended": "Ended. The rule acts for these customers as ever from now on.",
    "completed": "Task completed. Its outcome is on its way into the score.",
    "judged": "Noted. Verdicts like this one help to tune the rule.",
    "missed": "Noted as missed. It helps to tune the rule.",
}


def _with_words(values: Iterable[str], say: Callable[[str], str]) -> list[tuple[str, str]]:
    """Codes with their words, for a list of choices."""
    return [(value, say(value)) for value in values]


def make_environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("services.outreach.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        label=words.label,
        signal=words.signal,
        money=words.money,
        day=words.day,
        moment=words.moment,
        assignee=words.assignee,
        zip_words=_with_words,
    )
    environment.globals.update(words=words)
    return environment


class Renderer:
    """`asset` is a version of the static files: it changes their address when they change."""

    def __init__(self, asset: str) -> None:
        self._environment = make_environment()
        self._asset = asset

    def __call__(
        self, request: Request, template: str, context: dict[str, Any], status: int = 200
    ) -> HTMLResponse:
        page = self._environment.get_template(template)
        flash = FLASHES.get(request.query_params.get("flash", ""))
        body = page.render(path=request.url.path, asset=self._asset, flash=flash, **context)
        return HTMLResponse(body, status, HEADERS)
