"""Topics on the broker, from libs/events/topics.py alone."""

import asyncio
import sys
from collections.abc import Sequence
from typing import Protocol

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from libs.events.topics import ALL
from libs.runtime.errors import GreenlineError
from libs.runtime.settings import RuntimeSettings

LEADERS_S = 20.0  # a new partition has its leader within 100 ms; a broker just recovering takes longer
PARTITIONS = 4  # on one machine; fixed for life


class TopicError(GreenlineError):
    """The broker refused a topic, or a partition has no leader."""


class TopicSpec(Protocol):
    """What a topic must say of itself to be created."""

    @property
    def name(self) -> str: ...
    @property
    def config(self) -> dict[str, str]: ...


async def ensure_topics(
    bootstrap: str, topics: Sequence[TopicSpec], *, partitions: int = PARTITIONS, replication: int = 1
) -> list[str]:
    """Create the topics that are missing and return their names, once every partition can be written to.

    A topic that says how many partitions it has gets so many.
    What exists is left as it is: an operator may have tuned it, and a partition count is fixed for life.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        known = set(await admin.list_topics())
        missing = [topic for topic in topics if topic.name not in known]
        if missing:
            await _create(admin, missing, partitions, replication)
        await _await_leaders(admin, [topic.name for topic in topics])
    finally:
        await admin.close()
    return [topic.name for topic in missing]


async def _create(
    admin: AIOKafkaAdminClient, topics: Sequence[TopicSpec], partitions: int, replication: int
) -> None:
    new = [
        NewTopic(
            topic.name,
            getattr(topic, "partitions", None) or partitions,
            replication,
            topic_configs=topic.config,
        )
        for topic in topics
    ]
    answer = await admin.create_topics(new)
    for name, code, message, *_ in answer.topic_errors:
        # Another process may have made it since we asked; that is what we wanted.
        if code not in (0, TopicAlreadyExistsError.errno):
            raise TopicError(f"Topic {name} could not be created: {message or for_code(code).__name__}")


async def _await_leaders(admin: AIOKafkaAdminClient, names: list[str]) -> None:
    try:
        async with asyncio.timeout(LEADERS_S):
            while not await _all_led(admin, names):  # noqa: ASYNC110 (polls another process)
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise TopicError(f"Some partitions of {', '.join(names)} have no leader") from None


async def _all_led(admin: AIOKafkaAdminClient, names: list[str]) -> bool:
    described = await admin.describe_topics(names)
    return all(
        topic["error_code"] == 0 and all(part["error_code"] == 0 for part in topic["partitions"])
        for topic in described
    )


def main() -> None:
    """`python -m libs.runtime.topics`: what the containers run once before the services start."""
    settings = RuntimeSettings()
    made = asyncio.run(
        ensure_topics(settings.kafka, ALL, partitions=settings.partitions, replication=settings.replication)
    )
    sys.stdout.write(f"{len(made)} topics created, {len(ALL) - len(made)} were there\n")


if __name__ == "__main__":
    main()
