"""What the stack remembers between commands: `<data_dir>/stack.json`, readable by its owner only."""

import fcntl
import json
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from libs.runtime.stack.ports import LOOPBACK
from libs.runtime.stack.processes import Identity

Remember = Callable[[], None]
"""Writes the state down: called as soon as a process exists, so that no interruption leaves one unknown."""


def _new_cluster_id() -> str:
    # Kafka wants 16 bytes in URL-safe base64; a leading dash would read as an option.
    while (candidate := secrets.token_urlsafe(16)).startswith("-"):
        continue
    return candidate


@dataclass(slots=True)
class KafkaState:
    port: int = 0
    controller_port: int = 0
    cluster_id: str = field(default_factory=_new_cluster_id)
    process: Identity | None = None

    @property
    def url(self) -> str:
        return f"{LOOPBACK}:{self.port}"


@dataclass(slots=True)
class PostgresState:
    port: int = 0
    user: str = "greenline"
    password: str = field(default_factory=lambda: uuid4().hex)
    database: str = "greenline"
    process: Identity | None = None

    def url_of(self, database: str, driver: str = "") -> str:
        """A connection URL; `driver` is SQLAlchemy's suffix ("+asyncpg"), which other clients do not know."""
        return f"postgresql{driver}://{self.user}:{self.password}@{LOOPBACK}:{self.port}/{database}"

    @property
    def url(self) -> str:
        return self.url_of(self.database, "+asyncpg")


@dataclass(slots=True)
class StackState:
    kafka: KafkaState = field(default_factory=KafkaState)
    postgres: PostgresState = field(default_factory=PostgresState)

    def env(self) -> dict[str, str]:
        """What a service needs in its environment to use this stack."""
        return {"GREENLINE_KAFKA": self.kafka.url, "GREENLINE_DATABASE_URL": self.postgres.url}


def _identity(raw: dict[str, Any] | None) -> Identity | None:
    return None if raw is None else Identity(**raw)


def load(path: Path) -> StackState:
    """The remembered state, or a new one."""
    if not path.exists():
        return StackState()
    raw = json.loads(path.read_text())
    kafka, postgres = raw["kafka"], raw["postgres"]
    return StackState(
        KafkaState(**{**kafka, "process": _identity(kafka["process"])}),
        PostgresState(**{**postgres, "process": _identity(postgres["process"])}),
    )


def save(path: Path, state: StackState) -> None:
    """Write the state so that a reader sees the old file or the new one, never half of it."""
    urls = {"kafka": state.kafka.url, "database": state.postgres.url}
    write_private(path, json.dumps({**asdict(state), "urls": urls}, indent=2))


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner only: it may hold a password."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    draft.touch(mode=0o600)
    draft.write_text(text + "\n")
    draft.replace(path)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One command at a time per data folder; the lock goes with the process that holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
