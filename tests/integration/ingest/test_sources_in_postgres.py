"""A source's life as an operator types it, while a real process serves it from the real PostgreSQL."""

import asyncio
import base64
import json
import os
import re
import shlex
import sys
from io import BytesIO
from typing import Any

import asyncpg
import httpx
from typer.testing import CliRunner

from services.ingest.__main__ import app
from services.ingest.adapters.vault import new_key
from tests.fixtures.stack import ROOT
from tests.integration.ingest.conftest import PATIENCE_S, World
from tests.unit.ingest.shop import dumps, segment, sign

DOCS = ROOT / "docs" / "operations.md"
KEYS = json.dumps([new_key()])
GIVEN = "shpss_given-by-the-provider"
API_KEY = "shpat_key-of-its-api"


async def source(world: World, *words: str, stdin: str = "", **more: str) -> tuple[int, str]:
    told = {
        "GREENLINE_DATABASE_URL": world.state.postgres.url,
        "INGEST_SOURCES_FILE": str(world.folder / "sources.yaml"),
        "INGEST_SECRET_KEYS": KEYS,
        "INGEST_PUBLIC_URL": "https://hooks.shop.example",
        "COLUMNS": "200",
    }
    env = {**told, **more}
    # In a thread, for a verb has an event loop of its own.
    done = await asyncio.to_thread(CliRunner().invoke, app, ["source", *words], input=stdin, env=env)
    return done.exit_code, done.output


async def made(world: World, *words: str) -> str:
    """The secret that a verb made and showed."""
    status, said = await source(world, *words)
    assert status == 0, said
    (secret,) = re.findall(r"^secret: (\S+)$", said, re.MULTILINE)
    return str(secret)


async def deliver(world: World, name: str, secret: str) -> int:
    body = dumps(segment("page"))
    headers = {"content-type": "application/json", **sign("segment", body, secret)}
    async with httpx.AsyncClient(trust_env=False, timeout=15) as client:
        answer = await client.post(f"{world.url}/webhooks/{name}", content=body, headers=headers)
    return answer.status_code


async def becomes(world: World, status: int, name: str, secret: str) -> None:
    """Another process looks at the table once a second: there is nothing here to wait on."""
    async with asyncio.timeout(PATIENCE_S):
        while await deliver(world, name, secret) != status:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def dump(world: World) -> bytes:
    """Both tables as they would be in a backup."""
    connection = await asyncpg.connect(world.state.postgres.url.replace("+asyncpg", ""))
    try:
        out = BytesIO()
        for table in ("sources", "source_secrets"):
            await connection.copy_from_table(table, schema_name="ingest", output=out)
        return out.getvalue()
    finally:
        await connection.close()


def spellings(secret: str) -> set[bytes]:
    """A secret as it might stand in a dump."""
    raw = secret.encode()
    return {raw, raw.hex().encode(), base64.b64encode(raw).rstrip(b"=")}


async def test_a_source_is_added_served_rotated_and_switched_off(world: World):
    async with world.ingest(INGEST_SECRET_KEYS=KEYS):
        first = await made(world, "add", "site", "--provider", "segment", "--tenant", "demo")
        await becomes(world, 200, "site", first)
        second = await made(world, "rotate", "site", "--grace", "24")
        await becomes(world, 200, "site", second)
        assert await deliver(world, "site", first) == 200
        third = await made(world, "rotate", "site", "--grace", "0")
        await becomes(world, 401, "site", first)
        assert [await deliver(world, "site", one) for one in (second, third)] == [401, 200]
        assert (await source(world, "disable", "site"))[0] == 0
        await becomes(world, 403, "site", third)
        assert (await source(world, "enable", "site"))[0] == 0
        await becomes(world, 200, "site", third)
        async with httpx.AsyncClient(trust_env=False) as client:
            metrics = (await client.get(f"{world.url}/metrics")).text
        said = [
            (await source(world, *words))[1]
            for words in (("list",), ("list", "--json"), ("show-url", "site"))
        ]
    assert "https://hooks.shop.example/webhooks/site" in said[2]
    told = [metrics, *said, (world.folder / "ingest.log").read_text(), (await dump(world)).decode()]
    for text in told:
        assert not any(
            spelling.decode() in text for one in (first, second, third) for spelling in spellings(one)
        )


async def test_what_a_provider_or_an_operator_gives_comes_by_stdin_and_is_never_in_a_dump(world: World):
    words = ("add", "given", "--provider", "shopify", "--tenant", "demo", "--api-key", "--per-second", "5")
    status, said = await source(world, *words, stdin=f"{GIVEN}\n{API_KEY}\n")
    assert status == 0, said
    assert "client secret" in said
    _, listed = await source(world, "list", "--json")
    (row,) = (one for one in json.loads(listed) if one["name"] == "given")
    assert (row["limits"], row["api_key"], row["state"]) == ("5/s, 5 at once", True, "enabled")
    dumped = await dump(world)
    assert b"given" in dumped
    for secret in (GIVEN, API_KEY):
        assert secret not in said + listed
        assert not any(spelling in dumped for spelling in spellings(secret))


async def of(world: World, name: str) -> dict[str, Any]:
    status, listed = await source(world, "list", "--json")
    assert status == 0, listed
    (row,) = (one for one in json.loads(listed) if one["name"] == name)
    return dict(row)


async def test_a_source_is_changed_while_it_is_served_and_its_secrets_stay(world: World):
    async with world.ingest(INGEST_SECRET_KEYS=KEYS):
        secret = await made(world, "add", "moved", "--provider", "segment", "--tenant", "demo")
        await becomes(world, 200, "moved", secret)
        words = ("--per-second", "1", "--burst", "1", "--topic", "page", "--currency", "EUR", "--api-key")
        status, said = await source(
            world, "set", "moved", *words, "--same-as", "segment.user=shopify.customer", stdin=f"{API_KEY}\n"
        )
        assert (status, "api_key, currency, limits, same_as, topics" in said) == (0, True), said
        await becomes(world, 503, "moved", secret)  # over its limit, as Segment is told it
        row, before = await of(world, "moved"), await dump(world)
        assert (row["limits"], row["topics"], row["api_key"]) == ("1/s, 1 at once", ["page"], True)
        cleared = ("--clear", "limits", "--clear", "topics", "--api-base", "https://api.shop.example")
        status, said_last = await source(world, "set", "moved", *cleared, "--simulated")
        assert status == 0, said_last
        async with asyncio.timeout(PATIENCE_S):
            # One may come through while the limit still holds: three at once may not.
            while {await deliver(world, "moved", secret) for _ in range(3)} != {200}:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    after = await of(world, "moved")
    assert (after["limits"], after["topics"], after["api_key"]) == (None, [], True)
    assert after["secrets"] == row["secrets"]
    told = [said, said_last, (world.folder / "ingest.log").read_text(), before.decode()]
    for text in told:
        assert not any(one.decode() in text for given in (secret, API_KEY) for one in spellings(given))


async def test_what_cannot_be_changed_is_said_before_a_key_is_asked_for(world: World):
    await made(world, "add", "fixed", "--provider", "segment", "--tenant", "demo")
    before = await dump(world)
    for words, reason in (
        ((), "nothing to change"),
        (("--currency", "euro"), "currency: "),
        (("--burst", "5"), "needs"),
        (("--topic", "page", "--clear", "topics"), "topics: given and cleared"),
        (("--api-key", "--currency", "euro"), "currency: "),
        (("--api-key",), "no API key was given"),
    ):
        status, said = await source(world, "set", "fixed", *words)
        assert (status != 0, reason in said) == (True, True), said
    assert await dump(world) == before
    status, said = await source(world, "set", "x", "--currency", "EUR")
    assert (status, "There is no source x" in said) == (1, True)


async def test_a_source_is_removed_only_when_asked_and_then_nobody_is_there(world: World):
    async with world.ingest(INGEST_SECRET_KEYS=KEYS):
        secret = await made(world, "add", "leaving", "--provider", "segment", "--tenant", "demo")
        await becomes(world, 200, "leaving", secret)
        status, said = await source(world, "remove", "leaving", stdin="n\n")
        assert (status, "404" in said) == (1, True)
        assert await deliver(world, "leaving", secret) == 200
        assert (await source(world, "remove", "leaving", stdin="y\n"))[0] == 0
        await becomes(world, 404, "leaving", secret)
    status, said = await source(world, "remove", "leaving", "--yes")
    assert (status, "There is no source leaving" in said) == (1, True)
    again = await made(world, "add", "leaving", "--provider", "segment", "--tenant", "demo")
    assert (again != secret, (await source(world, "remove", "leaving", "--yes"))[0]) == (True, 0)


async def test_what_cannot_be_added_is_said_before_a_secret_is_asked_for(world: World):
    for words, reason in (
        (("shopify", "--provider", "shopify", "--tenant", "demo"), "a source shopify already"),
        (("x", "--provider", "fax", "--tenant", "demo"), "no provider fax"),
        (("x", "--provider", "shopify", "--tenant", "no good"), "tenant: "),
        (("x", "--provider", "shopify", "--tenant", "demo", "--burst", "5"), "needs"),
        (("x", "--provider", "shopify", "--tenant", "demo", "--same-as", "x"), "KIND=KIND"),
    ):
        status, said = await source(world, "add", *words, stdin=GIVEN)
        assert (status != 0, reason in said, GIVEN in said) == (True, True, False), said
    status, said = await source(world, "add", "x", "--provider", "shopify", "--tenant", "demo")
    assert (status != 0, "no secret was given" in said) == (True, True)
    unfit = ("add", "x", "--provider", "standard", "--tenant", "demo", "--ask")
    status, said = await source(world, *unfit, stdin="whsec_n0key\n")
    assert (status != 0, "secret 1 is not base64" in said, "n0key" in said) == (True, True, False), said
    for words in (("rotate", "x"), ("disable", "x"), ("enable", "x"), ("show-url", "x")):
        status, said = await source(world, *words, stdin=GIVEN)
        assert (status, "There is no source x" in said) == (1, True)


async def test_without_a_key_nothing_is_kept_and_a_process_says_so_and_ends(world: World):
    words = ("add", "keyless", "--provider", "segment", "--tenant", "demo")
    await made(world, *words[:1], "keyed", *words[2:])
    for more in (words, ("list",)):
        status, said = await source(world, *more, INGEST_SECRET_KEYS="[]")
        assert (status, "INGEST_SECRET_KEYS is empty" in said, "Traceback" in said) == (1, True, False)
        assert "secret:" not in said
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.ingest", "run"),
        env={
            **os.environ,
            "GREENLINE_DATABASE_URL": world.state.postgres.url,
            "INGEST_PORT": str(world.port),
        },
        stderr=asyncio.subprocess.PIPE,
    )
    _, said_last = await process.communicate()
    assert process.returncode != 0
    assert "INGEST_SECRET_KEYS is empty" in " ".join(said_last.decode().split()[-20:])


async def test_the_master_key_is_changed_without_a_gap(world: World):
    secret = await made(world, "add", "kept", "--provider", "segment", "--tenant", "demo")
    _, new = await source(world, "key")
    both = json.dumps([new.strip(), *json.loads(KEYS)])
    status, said = await source(world, "reseal", INGEST_SECRET_KEYS=both)
    assert status == 0, said
    async with world.ingest(INGEST_SECRET_KEYS=json.dumps([new.strip()])):
        await becomes(world, 200, "kept", secret)
    assert (await source(world, "reseal", INGEST_SECRET_KEYS=json.dumps([json.loads(KEYS)[0], new.strip()])))[
        0
    ] == 0


async def test_the_commands_of_the_docs_run_in_their_order(world: World):
    (block,) = re.findall(r"```sh\n(greenline ingest source .*?)```", DOCS.read_text(), re.DOTALL)
    for line in block.strip().splitlines():
        words = shlex.split(line.removeprefix("greenline ingest source "))
        if words[1:]:
            words[1] += "-of-the-docs"  # other tests have sources of these names
        status, said = await source(world, *words)
        assert status == 0, said
