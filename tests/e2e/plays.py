"""Runs `greenline sandbox demo` as a user does, in a folder of its own, and lets a test interfere with it."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml

from libs.runtime.stack import Stack, StackConfig
from tests.fixtures.stack import LOCAL

LEDGER = re.compile(
    r"ledger: sent=(\d+) accepted=(\d+) refused=(\d+) unconfirmed=(\d+) records=(\d+) applied=(\d+) "
    r"duplicate=(\d+) dead_lettered=(\d+) fired=(\d+) opened=(\d+) suppressed=(\d+) held_out=(\d+) "
    r"(BALANCED|OUT OF BALANCE)"
)
SHARED = ("kafka/libs", "numba", "cdnow")  # slow to get, the same for every folder of a clone


@dataclass(slots=True)
class Play:
    """A demo that runs, or has run, in `folder`."""

    folder: Path
    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)

    async def said(self, text: str) -> None:
        """Read on until a line contains `text`."""
        assert self.process.stdout is not None
        while line := (await self.process.stdout.readline()).decode():
            self.lines.append(line.rstrip())
            if text in line:
                return
        raise AssertionError(f"the demo ended without saying {text!r}:\n" + "\n".join(self.lines[-40:]))

    async def ended(self) -> int:
        assert self.process.stdout is not None
        while line := (await self.process.stdout.readline()).decode():
            self.lines.append(line.rstrip())
        return await self.process.wait()

    @property
    def ledger(self) -> re.Match[str]:
        """The last line, which must be the ledger."""
        found = LEDGER.fullmatch(self.lines[-1])
        assert found is not None, "\n".join(self.lines[-40:])
        return found

    @property
    def summary(self) -> dict[str, Any]:
        figures: dict[str, Any] = json.loads((self.demo / "sandbox" / "summary.json").read_text())
        return figures

    @property
    def demo(self) -> Path:
        return self.folder / "demo"

    def services(self) -> dict[str, dict[str, int]]:
        known: dict[str, dict[str, int]] = json.loads((self.demo / "services.json").read_text())["services"]
        return known

    async def scrape(self) -> str:
        """What Prometheus would read of every service now."""
        async with httpx.AsyncClient(trust_env=False) as client:
            asked = [client.get(f"http://127.0.0.1:{at['port']}/metrics") for at in self.services().values()]
            answers = await asyncio.gather(*asked)
        assert {answer.status_code for answer in answers} == {200}
        return "".join(answer.text for answer in answers)

    def logged(self) -> str:
        """All that the demo has said, and all that its services have."""
        logs = sorted((self.demo / "logs").glob("*.log"))
        return "\n".join([*self.lines, *(log.read_text() for log in logs)])

    def secrets(self) -> set[str]:
        """Whatever lets somebody in: of webhooks, of providers' APIs, of PostgreSQL."""
        known = yaml.safe_load((self.demo / "sources.yaml").read_text())["sources"]
        found = {secret for source in known for secret in source["secrets"]}
        found |= {source["api_key"] for source in known if "api_key" in source}
        return found | {Stack(StackConfig(self.demo, kafka_heap_mb=512)).state().postgres.password}

    async def kill_service(self, name: str) -> None:
        """kill -9, then wait until the supervisor has started it again."""
        before = self.services()[name]
        os.kill(before["pid"], signal.SIGKILL)
        async with asyncio.timeout(30):
            while self.services()[name]["restarts"] == before["restarts"]:  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.1)

    async def kill_kafka(self, away_s: float) -> None:
        """kill -9 of the broker, started again as an operator would after `away_s` seconds."""
        stack = Stack(StackConfig(self.demo, kafka_heap_mb=512))
        process = stack.state().kafka.process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        await asyncio.sleep(away_s)
        await asyncio.to_thread(stack.up)

    def leftovers(self) -> list[str]:
        """Command lines of processes that still work on the demo's folder."""
        found = []
        for process in psutil.process_iter(["cmdline", "environ"]):
            command = " ".join(process.info["cmdline"] or ())
            environment = process.info["environ"] or {}
            if str(self.demo) in command or environment.get("GREENLINE_DATA_DIR") == str(self.demo):
                found.append(command)
        return found


@asynccontextmanager
async def playing(name: str, **settings: float) -> AsyncIterator[Play]:
    """A demo in `.greenline/e2e/<name>`; stopped with all it started if the test fails before its end."""
    folder = LOCAL / "e2e" / name
    for shared in SHARED:
        _share(LOCAL / shared, folder / shared)
    env = {key: value for key, value in os.environ.items() if not key.startswith("GREENLINE_")}
    env |= {key.upper(): str(value) for key, value in settings.items()}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services", "sandbox", "demo"),
        env={**env, "GREENLINE_DATA_DIR": str(folder), "COLUMNS": "160"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=1024 * 1024,
    )
    play = Play(folder, process)
    try:
        yield play
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(play.ended(), 60)
            except TimeoutError:
                process.kill()
                await process.wait()


def _share(theirs: Path, ours: Path) -> None:
    theirs.mkdir(parents=True, exist_ok=True)
    ours.parent.mkdir(parents=True, exist_ok=True)
    if not ours.is_symlink():
        ours.symlink_to(theirs)
