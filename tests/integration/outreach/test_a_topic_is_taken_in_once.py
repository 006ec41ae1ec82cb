"""What every reader of a topic stands on: a record is taken once, and not at all if what follows fails."""

import pytest

from services.outreach.adapters.taking import untaken
from services.outreach.ports import Record
from tests.integration.outreach.conftest import World

ONE, TWO, OTHER = Record(0, 0, b"", b"one"), Record(0, 1, b"", b"two"), Record(1, 7, b"", b"other")


async def taken(world: World, *records: Record, name: str = "reader") -> list[Record]:
    async with untaken(world.sessions, name, records) as (_, fresh):
        return fresh


async def test_what_was_taken_is_not_given_again(world: World) -> None:
    assert await taken(world, ONE) == [ONE]
    assert await taken(world, ONE, TWO, OTHER) == [TWO, OTHER]
    assert await taken(world, ONE, TWO, OTHER) == []


async def test_an_older_batch_does_not_take_the_place_back(world: World) -> None:
    await taken(world, ONE, TWO)
    await taken(world, ONE)
    assert await taken(world, TWO) == []


async def test_what_failed_is_given_again(world: World) -> None:
    with pytest.raises(ZeroDivisionError):
        async with untaken(world.sessions, "reader", [ONE]):
            raise ZeroDivisionError
    assert await taken(world, ONE) == [ONE]


async def test_each_reader_has_its_own_place(world: World) -> None:
    await taken(world, ONE)
    assert await taken(world, ONE, name="another") == [ONE]
