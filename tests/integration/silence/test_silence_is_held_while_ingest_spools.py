"""A rule that time alone makes true, while what would make it untrue lies in ingest's spool."""

from collections.abc import Callable
from pathlib import Path

from libs.runtime.stream.settings import StreamSettings
from tests.integration.ingest.conftest import World
from tests.integration.silence.way import DAY, START, neighbours, whole_way


async def test_silence_fires_for_who_was_silent_and_not_for_whose_event_was_in_the_spool(
    world: World, tmp_path: Path, unused_tcp_port_factory: Callable[[], int]
) -> None:
    ann, ben, carl, dora = neighbours(4)
    ports = {"scoring": unused_tcp_port_factory(), "triggers": unused_tcp_port_factory()}
    async with whole_way(world, tmp_path, ports, StreamSettings()) as way:
        for customer in (ann, ben):
            await way.orders(customer, START)
            await way.health_of(customer, 1)
        way.log.away = True
        await way.orders(ann, START + 50 * DAY)
        assert way.publisher.spooling
        # await way.until_held()

        before = await way.sweeps()
        way.set_clock(START + 100 * DAY)  # as far as anybody downstream knows both have been silent so long
        await way.orders_past_ingest(carl, START + 41 * DAY)
        await way.until_swept(before)
        await way.orders_past_ingest(dora, *(START + day * DAY for day in (42, 43, 44)))
        assert await way.fired(dora) == [("mark", dora, 44)]

        way.log.away = False
        await way.health_of(ann, 2)
        await way.until_it_counts()
        # The others have been silent since day 41 and 44: for less than 60 days.
        assert [one for one in await way.fired(ben) if one[1] != dora] == [("probe", ben, 100)]

        way.set_clock(START + 115 * DAY)  # 65 days after the order that had waited
        firings = await way.fired(ann)
    assert [one for one in firings if one[1] in (ann, ben)] == [("probe", ben, 100), ("probe", ann, 115)]
