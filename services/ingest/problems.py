"""Every error answer is application/problem+json (RFC 9457)."""

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

_TITLES = {
    400: "The body cannot be read",
    401: "The signature or token is not valid",
    404: "There is no such source",
    409: "Several answers are possible",
    405: "This method is not offered here",
    413: "The body is too large",
    415: "This content type is not read",
    503: "Not now",
}


class Problem(BaseModel):
    """What went wrong, and what the sender can do about it."""

    type: str = Field("about:blank", description="A URI for the kind of problem")
    title: str = Field(description="The kind of problem, in words")
    status: int = Field(description="The HTTP status again")
    detail: str = Field(description="What was wrong with this request")


def problem(status: int, detail: str, retry_after_s: int | None = None) -> JSONResponse:
    """An error answer; with `retry_after_s` the sender is told when to come again."""
    body = {"type": "about:blank", "title": _TITLES.get(status, "Error"), "status": status, "detail": detail}
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """The framework's own errors (unknown path, wrong method) in the same form."""

    async def handle(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        answer = problem(error.status_code, str(error.detail))
        for name, value in (error.headers or {}).items():
            answer.headers[name] = value
        return answer

    app.add_exception_handler(HTTPException, handle)
