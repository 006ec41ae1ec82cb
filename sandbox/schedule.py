"""What is to be sent when, on the business clock; answers to outreach join while it runs."""

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import count

from sandbox.domain.deliveries import Delivery


class Schedule:
    """A heap by time of sending; equal times keep the order they were added in."""

    def __init__(self, deliveries: Iterable[Delivery]) -> None:
        self._numbers = count()
        self._heap = [(delivery.send_at, next(self._numbers), delivery) for delivery in deliveries]
        heapq.heapify(self._heap)

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, delivery: Delivery) -> None:
        heapq.heappush(self._heap, (delivery.send_at, next(self._numbers), delivery))

    def due(self, now: datetime) -> Iterator[Delivery]:
        while self._heap and self._heap[0][0] <= now:
            yield heapq.heappop(self._heap)[2]

    def rest(self) -> Iterator[Delivery]:
        """Everything that is left, whenever it was due."""
        while self._heap:
            yield heapq.heappop(self._heap)[2]
