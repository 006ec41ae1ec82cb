"""Sources of a store are looked at beside the requests: what was seen last counts."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from libs.runtime.clock import FakeClock
from libs.runtime.errors import ConfigError
from services.ingest import sources as module
from services.ingest.adapters.sources_file import SourcesFile
from services.ingest.domain.errors import UnavailableError
from services.ingest.ports_sources import StoredSource
from services.ingest.sources import JoinedSources, SourcesSnapshot
from services.ingest.testing import FixedSources
from services.ingest.testing_sources import MemorySources
from tests.unit.ingest.declared import KINDRED
from tests.unit.ingest.shop import NOW, Shop, order, source


async def make_store(*names: str) -> MemorySources:
    store = MemorySources()
    for name in names:
        await store.add(source("shopify", name=name))
    return store


async def test_the_last_good_ones_stay_in_force_while_the_store_is_away():
    store = await make_store("a")
    table = SourcesSnapshot(store)
    await table.look()
    store.away = True
    with pytest.raises(UnavailableError):
        await table.look()
    assert table.find("a") is not None
    assert table.find("b") is None


async def test_nothing_is_read_again_that_has_not_changed():
    store = await make_store("a")
    table = SourcesSnapshot(store)
    for _ in range(3):
        await table.look()
    assert store.loads == 1
    await store.switch("a", enabled=False)
    await table.look()
    found = table.find("a")
    assert (store.loads, found and found.enabled) == (2, False)


async def test_what_changes_while_it_is_read_is_seen_at_the_next_look():
    class Hurried(MemorySources):
        async def load(self):
            found = await super().load()
            if "b" not in self.rows:
                await self.add(source("shopify", name="b"))
            return found

    table = SourcesSnapshot(Hurried())
    await table.look()
    assert table.find("b") is None
    await table.look()
    assert table.find("b") is not None


async def test_a_source_that_cannot_be_used_is_unavailable_and_leaves_the_others_alone():
    store = await make_store("a")
    store.put(StoredSource("b", NOW, None, "no key opens its secrets"))
    table = SourcesSnapshot(store)
    await table.look()
    with pytest.raises(UnavailableError, match="b cannot be used"):
        table.find("b")
    assert table.find("a") is not None
    assert [one.name for one in table.all()] == ["a"]


async def test_it_is_followed_through_outages(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "LOOK_S", 0.0)
    store = await make_store("a")
    store.away = True
    table = SourcesSnapshot(store)
    async with table.followed(), asyncio.timeout(10):
        with pytest.raises(UnavailableError):
            table.find("a")
        store.away = False
        while True:
            with contextlib.suppress(UnavailableError):
                if table.find("a") is not None:
                    break
            await asyncio.sleep(0)


async def test_a_missing_key_ends_the_start_and_not_a_running_process(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "LOOK_S", 0.0)

    class Keyless(MemorySources):
        keyless = True

        async def load(self):
            found = await super().load()
            if self.keyless:
                raise ConfigError("no key")
            return found

    store = Keyless()
    table = SourcesSnapshot(store)
    with pytest.raises(ConfigError):
        async with table.followed():
            pass
    store.keyless = False
    async with table.followed() as task, asyncio.timeout(10):
        store.keyless = True
        await store.add(source("shopify", name="a"))
        loads = store.loads
        while store.loads < loads + 2:  # noqa: ASYNC110 (it looks by itself)
            await asyncio.sleep(0)
        assert not task.done()
        assert table.find("a") is None
        store.keyless = False
        while table.find("a") is None:  # noqa: ASYNC110 (as above)
            await asyncio.sleep(0)


async def test_a_name_in_both_is_the_files():
    store = await make_store("a", "b")
    joined = JoinedSources(FixedSources(source("shopify", name="a", tenant="file")), SourcesSnapshot(store))
    await joined.table.look()
    found = {name: joined.find(name) for name in ("a", "b")}
    assert {name: one and one.tenant for name, one in found.items()} == {"a": "file", "b": "demo"}
    assert sorted((one.name, one.tenant) for one in joined.all()) == [("a", "file"), ("b", "demo")]


async def test_the_files_are_served_while_the_table_was_never_read():
    joined = JoinedSources(FixedSources(source("shopify", name="a")), SourcesSnapshot(MemorySources()))
    assert joined.find("a") is not None
    with pytest.raises(UnavailableError):
        joined.find("b")


async def test_a_source_of_the_table_may_have_a_provider_that_the_file_declares(tmp_path):
    path = tmp_path / "sources.yaml"
    (tmp_path / "kindred.yaml").write_text(KINDRED)
    path.write_text(yaml.safe_dump({"providers": ["kindred.yaml"], "sources": []}))
    store = await make_store()
    await store.add(source("shopify", name="k").model_copy(update={"provider": "kindred"}))
    clock = FakeClock(datetime(2024, 6, 1, tzinfo=UTC))
    joined = JoinedSources(SourcesFile(path, clock), SourcesSnapshot(store))
    await joined.table.look()
    joined.all()
    found = joined.find("k")
    assert found is not None
    assert joined.provider(found.provider).name == "kindred"
    undeclared = JoinedSources(FixedSources(), joined.table)
    with pytest.raises(UnavailableError, match="no file declares the provider kindred"):
        undeclared.find("k")
    assert not undeclared.all()


async def test_deliveries_are_taken_for_sources_of_the_table_and_refused_when_they_are_switched_off():
    store = await make_store("shopify")
    joined = JoinedSources(FixedSources(), SourcesSnapshot(store))
    shop = Shop(sources=joined)
    told = {"x-shopify-topic": "orders/create"}
    assert (await shop.post("shopify", order(), told)).status_code == 503
    await joined.table.look()
    assert (await shop.post("shopify", order(), told)).status_code == 200
    await store.switch("shopify", enabled=False)
    await joined.table.look()
    assert (await shop.post("shopify", order(), told)).status_code == 403


async def test_an_old_secret_holds_until_its_time_and_not_longer():
    old = {"value": "the old one", "retires_at": NOW + timedelta(hours=1)}
    shop = Shop(sources=(source("shopify", secrets=[old, "the new one"]),))

    async def statuses() -> list[int]:
        told = {"x-shopify-topic": "orders/create"}
        given = ("the old one", "the new one")
        return [(await shop.post("shopify", order(), told, secret=one)).status_code for one in given]

    shop.clock.advance(timedelta(minutes=59, seconds=59))
    assert await statuses() == [200, 200]
    shop.clock.advance(timedelta(seconds=1))
    assert await statuses() == [401, 200]
