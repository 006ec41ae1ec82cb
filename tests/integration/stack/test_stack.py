"""A stack of one's own: up, down, killed, robbed of its ports."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from libs.runtime.stack import Stack, StackConfig, StackState, ensure_topics
from libs.runtime.stack import state as states
from libs.runtime.stack.ports import LOOPBACK
from libs.runtime.stack.processes import Identity
from tests.fixtures.stack import JARS, FreshTopic

TOPIC = FreshTopic("kept", {})


def config(folder: Path, *, kafka_port: int = 0, postgres_port: int = 0) -> StackConfig:
    return StackConfig(folder, kafka_port, postgres_port, kafka_heap_mb=256, kafka_jars=JARS)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Below a folder that only its owner may enter, as a temporary folder is, with a space in its name."""
    stack = Stack(config(tmp_path_factory.mktemp("own stack") / "data"))
    stack.up()
    yield stack
    stack.down()


@contextmanager
def taken(port: int = 0) -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((LOOPBACK, port))
        other.listen()
        yield other.getsockname()[1]


def kill(identity: Identity | None) -> None:
    assert identity is not None
    process = identity.process()
    assert process is not None
    process.kill()
    psutil.wait_procs([process], timeout=5)


def processes_of(folder: Path) -> list[psutil.Process]:
    """Every process whose command line or working folder is below the data folder."""
    return [found for found in psutil.process_iter() if _belongs(found, str(folder))]


def _belongs(candidate: psutil.Process, folder: str) -> bool:
    try:
        return folder in " ".join(candidate.cmdline()) or candidate.cwd().startswith(folder)
    except psutil.Error:
        return False


async def write_record(state: StackState) -> None:
    await ensure_topics(state.kafka.url, [TOPIC])
    async with AIOKafkaProducer(bootstrap_servers=state.kafka.url, acks="all") as producer:
        await producer.send_and_wait(TOPIC.name, b"kept", partition=0)


async def read_record(state: StackState) -> bytes | None:
    consumer = AIOKafkaConsumer(
        TOPIC.name, bootstrap_servers=state.kafka.url, auto_offset_reset="earliest", metadata_max_age_ms=500
    )
    async with consumer:
        return (await consumer.getone()).value


async def answers(state: StackState) -> bool:
    connection = await asyncpg.connect(state.postgres.url_of("greenline"))
    try:
        return bool(await connection.fetchval("SELECT true"))
    finally:
        await connection.close()


async def up(stack: Stack) -> StackState:
    """`Stack.up` blocks and runs a loop of its own."""
    return await asyncio.to_thread(stack.up)


async def test_up_twice_starts_nothing_new(own: Stack) -> None:
    before = own.state()
    assert await up(own) == before
    assert await answers(before)


async def test_its_password_is_for_its_owner_only(own: Stack) -> None:
    path = own.config.state_file
    assert path.stat().st_mode & 0o777 == 0o600
    wrong = own.state().postgres
    wrong.password = "guessed"
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(wrong.url_of("greenline"))


async def test_killed_kafka_comes_back_alone_with_its_records_and_port(own: Stack) -> None:
    before = own.state()
    await write_record(before)
    kill(before.kafka.process)
    after = await up(own)
    assert after.kafka.process != before.kafka.process
    assert after.kafka.port == before.kafka.port
    assert after.postgres == before.postgres
    assert await read_record(after) == b"kept"


async def test_killed_postgres_comes_back_alone_despite_its_stale_pid_file(own: Stack) -> None:
    before = own.state()
    kill(before.postgres.process)
    assert (own.config.data_dir / "postgres" / "data" / "postmaster.pid").exists()
    after = await up(own)
    assert after.postgres.process != before.postgres.process
    assert after.postgres.port == before.postgres.port
    assert after.kafka == before.kafka
    assert await answers(after)


async def test_down_leaves_no_process_and_up_keeps_ports_and_records(own: Stack) -> None:
    before = own.state()
    await write_record(before)
    assert processes_of(own.config.data_dir)
    own.down()
    assert processes_of(own.config.data_dir) == []
    own.down()
    after = await up(own)
    assert (after.kafka.port, after.postgres.port) == (before.kafka.port, before.postgres.port)
    assert await read_record(after) == b"kept"


async def test_remembered_ports_that_somebody_took_are_chosen_anew(own: Stack) -> None:
    before = own.state()
    own.down()
    with taken(before.kafka.port), taken(before.postgres.port):
        after = await up(own)
    assert after.kafka.port != before.kafka.port
    assert after.postgres.port != before.postgres.port
    assert await answers(after)
    assert await read_record(after) == b"kept"


async def test_a_recycled_pid_is_never_taken_for_ours(own: Stack) -> None:
    own.down()
    state = own.state()
    innocent = psutil.Popen(["sleep", "60"])
    try:
        recycled = Identity(innocent.pid, innocent.create_time() - 100)
        state.kafka.process = state.postgres.process = recycled
        states.save(own.config.state_file, state)
        assert not any(node.alive() for node in own.nodes(own.state()).values())
        own.down()
        assert innocent.is_running()
        assert await answers(await up(own))
    finally:
        innocent.kill()
        innocent.wait()


async def test_two_clones_that_start_at_once_get_ports_of_their_own(
    tmp_path: Path, unused_tcp_port_factory: Callable[[], int]
) -> None:
    wished = unused_tcp_port_factory(), unused_tcp_port_factory()
    clones = [Stack(config(tmp_path / name, kafka_port=wished[0], postgres_port=wished[1])) for name in "ab"]
    try:
        one, two = await asyncio.gather(*(up(clone) for clone in clones))
        ports = {one.kafka.port, two.kafka.port, one.postgres.port, two.postgres.port}
        assert len(ports) == 4
        assert set(wished) <= ports
        assert await answers(one)
        assert await answers(two)
    finally:
        for clone in clones:
            clone.down()


async def test_reset_forgets_records_and_topics(own: Stack) -> None:
    await write_record(await up(own))
    own.reset()
    assert not own.config.state_file.exists()
    after = await up(own)
    assert await answers(after)
    assert await ensure_topics(after.kafka.url, [TOPIC]) == [TOPIC.name]
