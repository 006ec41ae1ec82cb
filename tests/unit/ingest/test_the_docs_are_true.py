"""docs/events-api.md: what it shows is what happens."""

import ast
import json
import re
import shlex
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.request import Request

import pytest

from services.ingest.adapters.sources_file import read_sources
from services.ingest.domain.sources import hash_of
from tests.unit.ingest.shop import Shop, source
from tests.unit.ingest.test_events_api import ORDER, TOKEN

DOCS = Path(__file__).resolve().parents[3] / "docs" / "events-api.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCS.read_text(), re.DOTALL)


def make_shop() -> Shop:
    return Shop(sources=(source("standard", name="till", tokens=[hash_of(TOKEN)]),))


def headers_of(words: list[str]) -> dict[str, str]:
    said = [words[place + 1] for place, word in enumerate(words) if word == "-H"]
    return {name: value.replace("$TOKEN", TOKEN) for name, value in (one.split(": ", 1) for one in said)}


async def test_the_call_gets_the_answer_that_stands_below_it():
    (call,) = blocks("sh")
    words = shlex.split(call)
    body = words[words.index("-d") + 1]
    assert words[2] == "$INGEST/v1/events"
    answer = await make_shop().request("POST", "/v1/events", body.encode(), headers_of(words))
    assert answer.json() == json.loads(blocks("json")[0])


def test_the_source_can_be_read():
    (page,) = blocks("yaml")
    assert read_sources(page)["till"].tokens


async def test_the_python_sends_what_is_taken(monkeypatch: pytest.MonkeyPatch):
    sent: list[Request] = []

    def urlopen(request: Request) -> Any:
        sent.append(request)
        return BytesIO(b'{"events": []}')

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    (code,) = blocks("python")
    names: dict[str, Any] = {}
    exec(compile(ast.parse(code), str(DOCS), "exec"), names)
    assert names["send"]("http://ingest.example", TOKEN, "k1", [ORDER, ORDER]) == {"events": []}
    (request,) = sent
    told = dict(request.header_items())
    answer = await make_shop().request("POST", "/v1/events", request.data, told)
    assert answer.json()["events"] == ["api:till:k1:0", "api:till:k1:1"]


async def test_the_refusal_is_the_one_that_is_shown():
    shop = make_shop()
    broken = {**ORDER, "data": {"order_id": "4501", "amount": "59.90"}}
    told = {
        "authorization": f"Bearer {TOKEN}",
        "content-type": "application/json",
        "idempotency-key": "k1",
    }
    body = json.dumps({"events": [ORDER, broken]}).encode()
    answer = await shop.request("POST", "/v1/events", body, told)
    assert answer.json() == json.loads(blocks("json")[1])
