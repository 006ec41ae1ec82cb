"""Finding a source: given by hand, from a file, from PostgreSQL, and from both."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from libs.runtime.clock import FakeClock
from services.ingest.adapters.sources_file import SourcesFile
from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.sources import Source
from services.ingest.ports_sources import Sources, SourceStore
from services.ingest.sources import JoinedSources, SourcesSnapshot
from services.ingest.testing import FixedSources

SOURCES = [
    {"name": name, "provider": "shopify", "tenant": "demo", "secrets": [f"secret of {name}"]}
    for name in ("a", "b")
]
Make = Callable[[], Awaitable[Sources]]


def source(fields: object) -> Source:
    return Source.model_validate(fields, strict=False)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime(2024, 6, 1, tzinfo=UTC))


@pytest.fixture(params=["hand", "file", "table", "both"])
def make(request: pytest.FixtureRequest, tmp_path: Path, source_store: SourceStore, clock: FakeClock) -> Make:
    """The two sources, wherever they are kept; what keeps them can be used only once this is awaited."""
    path = tmp_path / "sources.yaml"

    async def make() -> Sources:
        if request.param == "hand":
            return FixedSources(*map(source, SOURCES))
        in_file = {"file": SOURCES, "table": [], "both": SOURCES[:1]}[request.param]
        path.write_text(yaml.safe_dump({"sources": in_file}))
        for fields in SOURCES[len(in_file) :]:
            await source_store.add(source(fields))
        joined = JoinedSources(SourcesFile(path, clock), SourcesSnapshot(source_store))
        await joined.table.look()
        return joined

    return make


async def test_a_source_is_found_by_its_name_and_another_is_unknown(make: Make):
    sources = await make()
    for fields in SOURCES:
        found = sources.find(str(fields["name"]))
        assert found is not None
        assert found.live_secrets(0.0) == tuple(fields["secrets"])
    assert sources.find("c") is None


async def test_all_are_all_of_them(make: Make):
    assert sorted(one.name for one in (await make()).all()) == ["a", "b"]


async def test_providers_are_known_by_name(make: Make):
    assert (await make()).provider("shopify").name == "shopify"


async def test_while_nobody_can_say_a_source_is_unavailable_and_not_unknown(
    tmp_path: Path, source_store: SourceStore, clock: FakeClock
):
    (tmp_path / "sources.yaml").write_text("oh: no")
    by_hand = FixedSources()
    by_hand.away = True
    file = SourcesFile(tmp_path / "sources.yaml", clock)
    table = JoinedSources(FixedSources(), SourcesSnapshot(source_store))
    for sources in (by_hand, file, table):
        with pytest.raises(UnavailableError):
            sources.find("a")
        with pytest.raises(UnavailableError):
            sources.all()
