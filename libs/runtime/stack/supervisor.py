"""Keeps processes running: restarts what dies, and takes all of them along when it ends."""

import asyncio
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from libs.runtime.stack import processes
from libs.runtime.stack.child import ChildSpec, end, http_status, launch
from libs.runtime.stack.errors import StackError
from libs.runtime.stack.processes import Identity
from libs.runtime.stack.state import write_private

Report = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Patience:
    """Waits, in seconds."""

    first: float = 0.2  # before the first restart; doubles with every death
    longest: float = 5.0
    steady: float = 10.0  # a process that lived this long starts again from `first`
    grace: float = 15.0  # from SIGTERM to SIGKILL: a service's own drain takes up to 10 s


class Supervisor:
    """An async context manager around a set of processes.

    Inside the block every process runs or is about to be restarted; after it none is left. `services.json` in
    the data folder says who runs where, for `greenline status` and `greenline down`.
    """

    def __init__(
        self,
        children: Sequence[ChildSpec],
        data_dir: Path,
        *,
        report: Report = lambda _name, _said: None,
        patience: Patience | None = None,
    ) -> None:
        self._children = {child.name: child for child in children}
        self._data_dir = data_dir
        self._report = report
        self._patience = patience or Patience()
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._restarts = dict.fromkeys(self._children, 0)
        self._changed = asyncio.Condition()
        self._stopping = asyncio.Event()
        self._ready = False
        self._keepers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        take_over(self._data_dir)
        try:
            for child in self._children.values():
                await self._launch(child)
        except BaseException:
            await self._end_all()
            raise
        self._keepers = [asyncio.create_task(self._keep(child)) for child in self._children.values()]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        await self._end_all()
        await asyncio.gather(*self._keepers)
        services_file(self._data_dir).unlink(missing_ok=True)

    async def _end_all(self) -> None:
        await asyncio.gather(*(end(process, self._patience.grace) for process in self._processes.values()))

    def pid(self, name: str) -> int:
        """The pid it has now, or had when it died."""
        return self._processes[name].pid

    def url(self, name: str) -> str:
        """Where it answers HTTP."""
        url = self._children[name].url
        if url is None:
            raise StackError(f"{name} has no HTTP port")
        return url

    def restarts(self, name: str) -> int:
        return self._restarts[name]

    def log(self, name: str) -> Path:
        return log_file(self._data_dir, name)

    async def restarted(self, name: str, times: int = 1) -> None:
        """Wait until it has been restarted that many times in all."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._restarts[name] >= times)

    async def ready(self, timeout: float = 60.0, path: str = "/readyz") -> None:  # noqa: ASYNC109 (its message names what is not ready)
        """Wait until every process with a port says it is ready; `timeout` in seconds."""
        waiting = {child.name for child in self._children.values() if child.port is not None}
        deadline = time.monotonic() + timeout
        while waiting:
            for name in sorted(waiting):
                if await http_status(self._children[name].port or 0, path) == 200:
                    waiting.discard(name)
                    self._report(name, "ready")
            if waiting and time.monotonic() > deadline:
                raise StackError("\n".join(self._not_ready(name, timeout) for name in sorted(waiting)))
            await asyncio.sleep(0.1 if waiting else 0)
        self._ready = True
        self._remember()

    def _not_ready(self, name: str, timeout: float) -> str:
        end_of_log = processes.tail(self.log(name))
        return f"{name} was not ready within {timeout:.0f} s. The end of {self.log(name)}:\n{end_of_log}"

    async def _keep(self, child: ChildSpec) -> None:
        wait = self._patience.first
        while True:
            began = time.monotonic()
            code = await self._processes[child.name].wait()
            if self._stopping.is_set():
                return
            if time.monotonic() - began >= self._patience.steady:
                wait = self._patience.first
            self._report(child.name, f"ended with {code}, restarting in {wait:.1f} s")
            if await self._stopped_within(wait):
                return
            wait = min(wait * 2, self._patience.longest)
            self._restarts[child.name] += 1
            await self._launch(child)

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _launch(self, child: ChildSpec) -> None:
        process = await launch(child, self.log(child.name))
        self._processes[child.name] = process
        if self._stopping.is_set():  # asked to stop while it was being started
            await end(process, self._patience.grace)
            return
        self._report(child.name, f"started, pid {process.pid}")
        self._remember()
        async with self._changed:
            self._changed.notify_all()

    def _remember(self) -> None:
        known = {
            name: {"pid": self.pid(name), "port": child.port, "restarts": self._restarts[name]}
            for name, child in self._children.items()
            if name in self._processes
        }
        me = Identity.of(os.getpid())
        assert me is not None
        written = {"supervisor": asdict(me), "ready": self._ready, "services": known}
        write_private(services_file(self._data_dir), json.dumps(written, indent=2))


def services_file(data_dir: Path) -> Path:
    return data_dir / "services.json"


def log_file(data_dir: Path, name: str) -> Path:
    return data_dir / "logs" / f"{name}.log"


def running(data_dir: Path) -> tuple[Identity, dict[str, dict[str, Any]]] | None:
    """The supervisor that runs on this data folder and its services, or None."""
    raw = _read(data_dir)
    if raw is None:
        return None
    supervisor = Identity(**raw["supervisor"])
    return (supervisor, raw["services"]) if supervisor.alive() else None


def is_ready(data_dir: Path) -> bool:
    """Whether the services run here and have all been ready once."""
    raw = _read(data_dir)
    return raw is not None and bool(raw["ready"]) and Identity(**raw["supervisor"]).alive()


def _read(data_dir: Path) -> dict[str, Any] | None:
    try:
        read: dict[str, Any] = json.loads(services_file(data_dir).read_text())
    except FileNotFoundError:
        return None
    return read


def take_over(data_dir: Path) -> None:
    """Refuse to run beside another supervisor: two would start the services twice."""
    data_dir.mkdir(parents=True, exist_ok=True)
    found = running(data_dir)
    if found is not None and found[0].pid != os.getpid():
        raise StackError(
            f"The services already run on {data_dir} (supervisor pid {found[0].pid}). Run: greenline down"
        )


def stop_running(data_dir: Path, timeout: float = 30.0) -> bool:
    """Stop the supervisor on this data folder and with it the services; False if there is none."""
    found = running(data_dir)
    if found is None:
        return False
    processes.stop(found[0], timeout=timeout)
    services_file(data_dir).unlink(missing_ok=True)
    return True
