"""Whatever is sent to the running service, within its description or not: an answer it describes, no 500."""

import asyncio
import json
from typing import Any

import httpx
import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import given as given_any
from schemathesis import GenerationMode

from services.ingest.domain.sources import hash_of
from tests.integration.ingest.conftest import World

TOKEN = "gl_a-token-of-an-integration-test"
EXAMPLES = 40  # of each operation, valid and invalid
# Found to be wrong before the body is looked at, by the server itself: a header no client can send.
SERVERS_OWN = {400, 405}


def let_in(world: World) -> None:
    file = world.folder / "sources.yaml"
    body = yaml.safe_load(file.read_text())
    for entry in body["sources"]:
        entry["tokens"] = [hash_of(TOKEN)] if entry["name"] == "standard" else []
    file.write_text(yaml.safe_dump(body))


def try_everything(url: str) -> dict[str, set[int]]:
    """The statuses that came back, by operation."""
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    found: dict[str, set[int]] = {}
    for result in schema.get_all_operations():
        operation = result.ok()
        statuses = found.setdefault(operation.label, set())
        # Elsewhere no request is wrong by its description: a webhook's body is its provider's business.
        wrong = "/v1/" in operation.path and "requestBody" in operation.definition.raw
        modes = GenerationMode if wrong else [GenerationMode.POSITIVE]
        for mode in modes:
            _try(operation, mode, url, statuses)
    return found


def _try(operation: Any, mode: GenerationMode, url: str, statuses: set[int]) -> None:
    cases = operation.as_strategy(generation_mode=mode)
    described = {int(status) for status in operation.definition.raw["responses"]}

    @seed(7)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given_any(case=cases)
    def check(case: Any) -> None:
        answer = case.call(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)
        statuses.add(answer.status_code)
        assert answer.status_code != 500, (case.as_curl_command(), answer.text)
        assert answer.status_code in described | SERVERS_OWN, (answer.status_code, case.as_curl_command())

    check()


@pytest.mark.parametrize("said", [{"ids": {"a": "b\0"}}, {"reference": "\0"}, {"customer": "\0"}])
async def test_a_text_that_postgresql_cannot_keep_is_the_requests_fault(world: World, said: dict[str, Any]):
    body = {"kind": "data_request", "email": "ada@shopper.example", **said}
    token = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        world.ingest(INGEST_PRIVACY_TOKENS=json.dumps({"demo": TOKEN})),
        httpx.AsyncClient(trust_env=False, timeout=15) as client,
    ):
        answer = await client.post(f"{world.url}/v1/privacy/requests", json=body, headers=token)
    assert answer.status_code == 400


async def test_no_request_is_answered_with_a_defect(world: World):
    let_in(world)
    async with world.ingest(INGEST_PRIVACY_TOKENS=json.dumps({"demo": TOKEN})):
        found = await asyncio.to_thread(try_everything, world.url)
    assert {200, 422} <= found["POST /v1/events"]
    assert {401, 404} & found["POST /webhooks/{source}"]
    assert {200, 400} <= found["POST /v1/privacy/requests"]
    assert found["GET /v1/privacy/requests"] == {200}
    assert 404 in found["HEAD /webhooks/{source}"]
    log = (world.folder / "ingest.log").read_text()
    assert "Traceback" not in log
    assert "mapping_defect" not in log
