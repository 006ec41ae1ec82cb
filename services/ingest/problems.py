"""Every error answer is application/problem+json (RFC 9457)."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from libs.runtime.errors import GreenlineError, TransientError
from services.ingest.domain.errors import (
    LimitedError,
    OverloadedError,
    SlowBodyError,
    TooLargeError,
    UnavailableError,
    UnparsableError,
    UnverifiedError,
)

_TITLES = {
    400: "The body cannot be read",
    401: "The signature or token is not valid",
    403: "The source is switched off",
    404: "There is no such source",
    405: "This method is not offered here",
    408: "The body did not come in time",
    409: "There is no single answer yet",
    413: "The body is too large",
    415: "This content type is not read",
    422: "The events cannot be used",
    429: "Too much at once",
    503: "Not now",
}
MEDIA_TYPE = "application/problem+json"
_RETRY = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}
_BEARER = {"WWW-Authenticate": {"description": "Bearer", "schema": {"type": "string"}}}


class Problem(BaseModel):
    """What went wrong, and what the sender can do about it."""

    type: str = Field("about:blank", description="A URI for the kind of problem")
    title: str = Field(description="The kind of problem, in words")
    status: int = Field(description="The HTTP status again")
    detail: str = Field(description="What was wrong with this request")


class Fault(BaseModel):
    """What is wrong with one field of one event."""

    element: int = Field(description="The event's place in what was sent, from 0", examples=[3])
    field: str = Field(description="The field, its parents before it", examples=["data.amount"])
    reason: str = Field(description="What is wrong with it", examples=["String should match pattern"])


class InvalidEvents(Problem):
    """Every event that cannot be used, field by field; nothing of the request was taken."""

    errors: list[Fault] = Field(description="At most 100 of them")


REFUSED: dict[type[GreenlineError], tuple[str, int]] = {
    UnverifiedError: ("unverified", 401),
    UnparsableError: ("unparsable", 400),
    SlowBodyError: ("slow_body", 408),
    TooLargeError: ("too_large", 413),
    OverloadedError: ("overloaded", 429),
    LimitedError: ("limited", 429),
    UnavailableError: ("unavailable", 503),
}
"""Outcome for the metrics and HTTP status of each error that may leave the use case."""


def refusal(error: GreenlineError, retry_after_s: int, busy: int = 429) -> tuple[str, JSONResponse]:
    """The outcome and the answer; `busy` is the provider's status for too much at once."""
    outcome, status = REFUSED[type(error)]
    wait = _wait_s(error, retry_after_s) if isinstance(error, TransientError) else None
    answer = problem(busy if status == 429 else status, str(error), wait)
    if status == 408:
        answer.headers["Connection"] = "close"  # the rest of the body may still come: nobody waits for it
    return outcome, answer


def _wait_s(error: TransientError, retry_after_s: int) -> int:
    """A full house empties within a second, and a bucket says when it has a token; an outage does not."""
    if isinstance(error, LimitedError):
        return error.wait_s
    return 1 if isinstance(error, OverloadedError) else retry_after_s


def problem(
    status: int, detail: str, retry_after_s: int | None = None, kind: str = "about:blank", **more: Any
) -> JSONResponse:
    """An error answer; with `retry_after_s` the sender is told when to come again."""
    title = _TITLES.get(status, "Error")
    body = {"type": kind, "title": title, "status": status, "detail": detail, **more}
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return JSONResponse(body, status, headers, media_type=MEDIA_TYPE)


def unauthorized(detail: str) -> JSONResponse:
    """401 to who should have sent a token: it names the scheme, as RFC 9110 asks."""
    answer = problem(401, detail)
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def described(status: int, about: str, detail: str) -> dict[str, Any]:
    """A problem as the OpenAPI document tells it, by an example of what `problem` answers."""
    return _described(status, about, "Problem", {"detail": detail})


def described_faults(about: str, detail: str, errors: list[dict[str, Any]]) -> dict[str, Any]:
    return _described(422, about, "InvalidEvents", {"detail": detail, "errors": errors})


def challenged(about: str, detail: str) -> dict[str, Any]:
    return {**described(401, about, detail), "headers": _BEARER}


def come_again(status: int, about: str, detail: str) -> dict[str, Any]:
    return {**described(status, about, detail), "headers": _RETRY}


def _described(status: int, about: str, schema: str, more: dict[str, Any]) -> dict[str, Any]:
    example = {"type": "about:blank", "title": _TITLES[status], "status": status, **more}
    content = {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}
    return {"description": about, "content": {MEDIA_TYPE: content}}


def install(app: FastAPI) -> None:
    """The framework's own errors (unknown path, wrong method) in the same form."""

    async def handle(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        answer = problem(error.status_code, str(error.detail))
        for name, value in (error.headers or {}).items():
            answer.headers[name] = value
        return answer

    app.add_exception_handler(HTTPException, handle)
