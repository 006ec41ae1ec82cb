"""Sources, kept alike in memory and in PostgreSQL."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.runtime.errors import ConfigError
from services.ingest.adapters.sources_table import PostgresSources
from services.ingest.adapters.vault import Vault, new_key
from services.ingest.domain.bucket import Limits
from services.ingest.domain.sources import MOST_SECRETS, Secret, Source, hash_of
from services.ingest.ports_sources import SourceStore

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEYS = [SecretStr(new_key()) for _ in range(2)]


def secret(value: str, at: datetime = NOW) -> Secret:
    return Secret(value=SecretStr(value), added_at=at)


def make_source(name: str = "shop", **more: object) -> Source:
    given = {"name": name, "provider": "shopify", "tenant": "demo", "secrets": [secret("s3cr3t-1")], **more}
    return Source.model_validate(given, strict=False)


async def only(store: SourceStore) -> Source:
    (found,) = await store.load()
    assert found.source is not None
    return found.source


async def test_a_source_comes_back_as_it_was_added(source_store: SourceStore):
    given = make_source(
        currency="EUR",
        enabled=False,
        topics=["orders/create", "orders/paid"],
        limits={"per_second": 5, "burst": 50},
        tokens=[hash_of("t")],
        api_key="key of the API",
        api_base="https://api.shop.example",
        account="ours.myshopify.com",
        backfill=True,
        simulated=True,
        phone_region="DE",
        same_as={"segment.user": "shopify.customer"},
    )
    assert await source_store.add(given)
    assert await only(source_store) == given


async def test_what_nobody_said_stays_unsaid(source_store: SourceStore):
    given = make_source()
    await source_store.add(given)
    assert await only(source_store) == given


async def test_a_name_is_taken_once_and_the_first_stays(source_store: SourceStore):
    assert await source_store.add(make_source())
    assert not await source_store.add(make_source(tenant="other", secrets=[secret("s3cr3t-2")]))
    assert await only(source_store) == make_source()


async def test_a_change_keeps_what_it_does_not_name_and_the_secrets_and_is_noticed(source_store: SourceStore):
    await source_store.add(make_source(topics=["orders/create"], api_key="key of the API", enabled=False))
    before = await source_store.stamp()
    changes = {
        "limits": Limits(per_second=5, burst=50),
        "account": "ours",
        "api_base": "https://api.shop.example",
    }
    assert await source_store.change("shop", changes)
    assert await source_store.stamp() != before
    assert await only(source_store) == make_source(
        topics=["orders/create"], api_key="key of the API", enabled=False, **changes
    )
    assert await source_store.change(
        "shop", {"limits": None, "api_key": None, "account": None, "topics": frozenset()}
    )
    assert await only(source_store) == make_source(enabled=False, api_base="https://api.shop.example")
    assert not await source_store.change("nobody", {"limits": None})


async def test_a_source_that_is_removed_is_gone_with_its_secrets(source_store: SourceStore):
    await source_store.add(make_source())
    await source_store.add(make_source("other"))
    before = await source_store.stamp()
    assert await source_store.remove("shop")
    assert await source_store.stamp() != before
    assert [one.name for one in await source_store.load()] == ["other"]
    assert not await source_store.remove("shop")
    assert await source_store.add(make_source(secrets=[secret("s3cr3t-2")]))
    assert (await source_store.load())[1].source == make_source(secrets=[secret("s3cr3t-2")])


async def test_sources_come_by_name(source_store: SourceStore):
    for name in ("b", "a", "c"):
        await source_store.add(make_source(name))
    assert [one.name for one in await source_store.load()] == ["a", "b", "c"]


async def test_after_a_rotation_both_secrets_hold_until_the_old_one_ends(source_store: SourceStore):
    await source_store.add(make_source())
    assert await source_store.rotate("shop", secret("s3cr3t-2"), NOW + HOUR)
    source = await only(source_store)
    assert source.live_secrets(NOW.timestamp()) == ("s3cr3t-1", "s3cr3t-2")
    assert source.live_secrets((NOW + HOUR).timestamp() - 1) == ("s3cr3t-1", "s3cr3t-2")
    assert source.live_secrets((NOW + HOUR).timestamp()) == ("s3cr3t-2",)


async def test_a_second_rotation_may_end_a_secret_sooner_and_never_later(source_store: SourceStore):
    await source_store.add(make_source())
    await source_store.rotate("shop", secret("s3cr3t-2"), NOW + 2 * HOUR)
    await source_store.rotate("shop", secret("s3cr3t-3"), NOW + 9 * HOUR)
    ends = {one.value.get_secret_value()[-1]: one.retires_at for one in (await only(source_store)).secrets}
    assert ends == {"1": NOW + 2 * HOUR, "2": NOW + 9 * HOUR, "3": None}
    await source_store.rotate("shop", secret("s3cr3t-4"), NOW + HOUR)
    ends = {one.value.get_secret_value()[-1]: one.retires_at for one in (await only(source_store)).secrets}
    assert ends == {"1": NOW + HOUR, "2": NOW + HOUR, "3": NOW + HOUR, "4": None}


async def test_what_has_ended_is_gone_with_the_next_rotation(source_store: SourceStore):
    await source_store.add(make_source())
    await source_store.rotate("shop", secret("s3cr3t-2"), NOW + HOUR)
    await source_store.rotate("shop", secret("s3cr3t-3", NOW + 2 * HOUR), NOW + 3 * HOUR)
    values = [one.value.get_secret_value() for one in (await only(source_store)).secrets]
    assert values == ["s3cr3t-2", "s3cr3t-3"]


async def test_too_many_live_secrets_are_refused_and_change_nothing(source_store: SourceStore):
    await source_store.add(make_source(secrets=[secret(f"s{n}") for n in range(MOST_SECRETS)]))
    with pytest.raises(ConfigError, match="shop has 8 live secrets"):
        await source_store.rotate("shop", secret("one more"), NOW + HOUR)
    source = await only(source_store)
    assert [one.retires_at for one in source.secrets] == [None] * MOST_SECRETS


async def test_a_source_is_switched_off_and_on(source_store: SourceStore):
    await source_store.add(make_source())
    assert await source_store.switch("shop", enabled=False)
    assert not (await only(source_store)).enabled
    assert await source_store.switch("shop", enabled=True)
    assert (await only(source_store)).enabled


async def test_nobody_is_switched_or_rotated_who_is_not_there(source_store: SourceStore):
    await source_store.add(make_source())
    assert not await source_store.switch("other", enabled=False)
    assert not await source_store.rotate("other", secret("x"), NOW)
    assert await only(source_store) == make_source()


async def test_every_change_has_another_stamp_and_no_change_has_none(source_store: SourceStore):
    stamps = [await source_store.stamp()]
    await source_store.add(make_source())
    stamps.append(await source_store.stamp())
    await source_store.rotate("shop", secret("s3cr3t-2"), NOW + HOUR)
    stamps.append(await source_store.stamp())
    await source_store.switch("shop", enabled=False)
    stamps.append(await source_store.stamp())
    assert len(set(stamps)) == 4
    await source_store.add(make_source())
    await source_store.load()
    assert await source_store.stamp() == stamps[-1]


@pytest.fixture
async def table(engine: AsyncEngine) -> AsyncEngine:
    async with engine.begin() as connection:
        await connection.execute(text("TRUNCATE sources, source_secrets"))
    return engine


async def run(engine: AsyncEngine, statement: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(statement))


async def test_a_change_made_by_hand_has_another_stamp(table: AsyncEngine):
    store = PostgresSources(table, Vault(KEYS))
    await store.add(make_source())
    stamps = {await store.stamp()}
    for change in (
        "UPDATE sources SET currency = 'EUR'",
        "UPDATE source_secrets SET retires_at = now()",
        "DELETE FROM source_secrets",
        "DELETE FROM sources",
    ):
        await run(table, change)
        stamps.add(await store.stamp())
    assert len(stamps) == 5


async def test_secrets_and_no_key_are_a_mistake_of_the_settings(table: AsyncEngine):
    await PostgresSources(table, Vault(KEYS)).add(make_source())
    keyless = PostgresSources(table, Vault([]))
    with pytest.raises(ConfigError, match="INGEST_SECRET_KEYS is empty"):
        await keyless.load()
    with pytest.raises(ConfigError, match="INGEST_SECRET_KEYS is empty"):
        await keyless.add(make_source("other"))
    assert [one.name for one in await PostgresSources(table, Vault(KEYS)).load()] == ["shop"]


async def test_a_source_whose_key_is_gone_is_named_and_the_others_are_read(table: AsyncEngine):
    await PostgresSources(table, Vault(KEYS[:1])).add(make_source("old"))
    await PostgresSources(table, Vault(KEYS[1:])).add(make_source("new"))
    new, old = await PostgresSources(table, Vault(KEYS[1:])).load()
    assert (new.source, old.source) == (make_source("new"), None)
    assert old.fault == "no key of INGEST_SECRET_KEYS opens its secrets"


async def test_sealed_again_everything_is_under_the_first_key(table: AsyncEngine):
    given = make_source(api_key="k", secrets=[secret("s3cr3t-1"), secret("s3cr3t-2")])
    await PostgresSources(table, Vault(KEYS[:1])).add(given)
    assert await PostgresSources(table, Vault([KEYS[1], KEYS[0]])).reseal() == 1
    assert await only(PostgresSources(table, Vault(KEYS[1:]))) == given


@pytest.mark.parametrize(
    "theft",
    [
        "UPDATE sources SET tenant = 'other' WHERE name = 'theirs'",
        "UPDATE sources SET provider = 'segment' WHERE name = 'theirs'",
        (
            "UPDATE source_secrets SET sealed = (SELECT sealed FROM source_secrets WHERE source = 'mine') "
            "WHERE source = 'theirs'"
        ),
        (
            "UPDATE source_secrets SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) "
            "WHERE source = 'theirs'"
        ),
        "UPDATE source_secrets SET sealed = 'short' WHERE source = 'theirs'",
        "UPDATE sources SET phone_region = 'no region' WHERE name = 'theirs'",
    ],
)
async def test_whoever_may_write_to_the_table_cannot_move_or_change_what_is_sealed(
    table: AsyncEngine, theft: str
):
    store = PostgresSources(table, Vault(KEYS))
    for name in ("mine", "theirs"):
        await store.add(make_source(name, secrets=[secret(f"of {name}")]))
    await run(table, theft)
    mine, theirs = await store.load()
    assert mine.source is not None
    assert theirs.source is None
    assert theirs.fault
    assert "of theirs" not in theirs.fault


@pytest.mark.parametrize(
    "change", ["tenant = 'other'", "provider = 'segment'", "api_base = 'https://elsewhere.example'"]
)
async def test_the_key_of_an_api_is_sent_for_nobody_else_and_nowhere_else(table: AsyncEngine, change: str):
    store = PostgresSources(table, Vault(KEYS))
    await store.add(make_source(secrets=[], tokens=[hash_of("t")], api_key="key of the API"))
    await run(table, f"UPDATE sources SET {change}")
    (found,) = await store.load()
    assert (found.source, "the row was changed" in found.fault) == (None, True)
