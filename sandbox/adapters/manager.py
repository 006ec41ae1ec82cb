"""The simulated success manager at the console: reads the open tasks and posts the form as a browser does."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp
import msgspec

from libs.runtime.logging import get_logger
from sandbox.domain.manager import complete

LOOK_EVERY_S = 0.5  # wall time; days of business time in a demo
MOST = 500  # open tasks read at once
_log = get_logger(__name__)


class Task(msgspec.Struct, frozen=True):
    """What of a task is needed here."""

    id: str
    customer_id: str
    playbook: str = ""
    title: str = ""
    email: str | None = None


_TASKS = msgspec.json.Decoder(list[Task]).decode


@dataclass(slots=True)
class Manager:
    """`address_of` turns a customer id into an address, `on_reached` hears of each customer reached."""

    outreach: str
    seed: int
    address_of: Callable[[str], str | None]
    on_reached: Callable[[str], None]
    at_work: Callable[[], bool] = lambda: True
    completed: int = 0
    left_open: set[str] = field(default_factory=set)

    async def work(self) -> None:
        """Until cancelled. The console may be away for a while; a person would try again too."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            while True:
                try:
                    for task in await self._open_tasks(session) if self.at_work() else ():
                        await self._see_to(session, task)
                except (aiohttp.ClientError, TimeoutError, OSError, msgspec.MsgspecError) as error:
                    _log.info("manager.console_away", error=repr(error))
                await asyncio.sleep(LOOK_EVERY_S)

    async def _open_tasks(self, session: aiohttp.ClientSession) -> list[Task]:
        url = f"{self.outreach}/api/tasks?status=open&limit={MOST}"
        async with session.get(url) as response:
            response.raise_for_status()
            found = _TASKS(await response.read())
        return [task for task in found if task.id not in self.left_open]

    async def _see_to(self, session: aiohttp.ClientSession, task: Task) -> None:
        email = task.email or self.address_of(task.customer_id)
        completion = complete(email or task.customer_id, task.playbook, task.title, self.seed)
        if completion is None:
            self.left_open.add(task.id)
            return
        url = f"{self.outreach}/tasks/{task.id}/complete"
        async with session.post(url, data=completion.form(), allow_redirects=False) as response:
            if response.status >= 500:
                return  # tried again at the next look
            self.left_open.add(task.id)  # done, or refused for good: never asked twice
            if response.status != 303:
                _log.warning("manager.refused", task=task.id, status=response.status)
                return
        self.completed += 1
        if completion.reached and email:
            self.on_reached(email)
