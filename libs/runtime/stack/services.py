"""The four services as the supervisor starts them: commands, environment, ports, migrations."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic_settings import SettingsConfigDict

from libs.runtime.settings import BaseSettings
from libs.runtime.stack.child import ChildSpec, end
from libs.runtime.stack.errors import StackError
from libs.runtime.stack.ports import Reservations
from libs.runtime.stack.supervisor import Report, Supervisor, take_over

MIGRATED = ("ingest", "outreach")  # those that own tables


class ServicePorts(BaseSettings):
    """The HTTP port each service would like: the same variables that the services read themselves."""

    model_config = SettingsConfigDict(env_prefix="", frozen=True, extra="ignore")

    ingest_port: int = 8080
    scoring_port: int = 8081
    triggers_port: int = 8082
    outreach_port: int = 8083

    def of(self, name: str) -> int:
        return int(getattr(self, f"{name}_port"))


NAMES = tuple(field.removesuffix("_port") for field in ServicePorts.model_fields)


def _no_report(_name: str, _said: str) -> None:
    """The default report: nobody is looking."""


@asynccontextmanager
async def running_services(
    data_dir: Path,
    env: Mapping[str, str],
    *,
    names: Sequence[str] = NAMES,
    report: Report = _no_report,
    ready_s: float = 120.0,
) -> AsyncIterator[Supervisor]:
    """Migrate, then keep the services running for the length of the block; yields once all are ready.

    `env` says where Kafka and PostgreSQL are (StackState.env()), and anything else the services should know.
    """
    take_over(data_dir)
    shared = {"GREENLINE_DATA_DIR": _absolute(data_dir), **env}
    reservations = Reservations()
    wanted = ServicePorts()
    ports = {name: reservations.reserve(wanted.of(name)) for name in names}
    told = {**shared, **{f"{name.upper()}_PORT": str(port) for name, port in ports.items()}}
    try:
        await migrate_all(told, [name for name in names if name in MIGRATED])
        report("migrations", "done")
        children = [ChildSpec(name, _command(name, "run"), told, port) for name, port in ports.items()]
        async with Supervisor(children, data_dir, report=report) as supervisor:
            await supervisor.ready(ready_s)
            yield supervisor
    finally:
        reservations.release()


def _absolute(path: Path) -> str:
    return str(path.resolve())


def _command(name: str, verb: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"services.{name}", verb)


async def migrate_all(env: Mapping[str, str], names: Sequence[str] = MIGRATED) -> None:
    """Bring the tables of these services up to date."""
    # All of them end before an error is raised: half a migration must not go on behind its back.
    results = await asyncio.gather(*(_migrate(name, env) for name in names), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def _migrate(name: str, env: Mapping[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *_command(name, "migrate"),
        env={**os.environ, **env},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        said, _ = await process.communicate()
    finally:
        await end(process, grace_s=5.0)
    if process.returncode != 0:
        raise StackError(f"The migration of {name} failed:\n{said.decode(errors='replace').strip()}")
