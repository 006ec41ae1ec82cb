"""Processes known by pid and start time, so that a recycled pid is never taken for ours."""

import os
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM, Signals

import psutil

# psutil derives start times from the boot time, which moves a little when the wall clock is corrected.
START_TOLERANCE_S = 2.0
KILLED_S = 2.0  # the kernel needs a moment to end what it was told to kill


@dataclass(frozen=True, slots=True)
class Identity:
    """One process, for ever: `started` is its start time in seconds since the epoch."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """The process that has this pid now."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    def process(self) -> psutil.Process | None:
        """The live process, or None when it ended or its pid now belongs to another."""
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.started) <= START_TOLERANCE_S
            return found if same and found.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def alive(self) -> bool:
        return self.process() is not None

    def kill(self) -> None:
        """End it at once, if it still runs."""
        with suppress(psutil.NoSuchProcess):
            if (process := self.process()) is not None:
                process.kill()


def spawn_detached(
    argv: Sequence[str],
    *,
    log: Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    as_user: int | None = None,
) -> Identity:
    """Start a process in a session of its own, as nobody's child, with its output appended to `log`.

    The shell in between exits at once, so the process outlives whoever ran the command and a long-running
    caller collects no zombies.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    script = f"{shlex.join(argv)} >>{shlex.quote(str(log))} 2>&1 </dev/null & echo $!"
    if as_user is not None:
        log.touch(mode=0o600)
        os.chown(log, as_user, -1)
    started = subprocess.run(
        ["/bin/sh", "-c", script],
        check=True,
        stdout=subprocess.PIPE,
        cwd=cwd,
        env=None if env is None else dict(env),
        start_new_session=True,
        user=as_user,
    )
    pid = int(started.stdout)
    # A process that died within the first moments has no start time any more; 0 never matches a live one.
    return Identity.of(pid) or Identity(pid, 0.0)


def stop(identity: Identity, *, first: Signals = SIGTERM, timeout: float = 20.0) -> None:
    """Ask, wait up to `timeout` seconds, then kill. Its children are killed if they outlive it."""
    process = identity.process()
    if process is None:
        return
    with suppress(psutil.NoSuchProcess):
        children = [Identity.of(child.pid) for child in process.children(recursive=True)]
        family = [identity, *(child for child in children if child is not None)]
        process.send_signal(first)
        _wait_ended([identity], timeout)
        for member in family:
            member.kill()
        _wait_ended(family, KILLED_S)


def _wait_ended(family: Sequence[Identity], timeout: float) -> None:
    """A zombie counts as ended: when it is reaped is up to its parent, often the machine's first process."""
    deadline = time.monotonic() + timeout
    while any(member.alive() for member in family) and time.monotonic() < deadline:
        time.sleep(0.02)


def tail(log: Path, lines: int = 20) -> str:
    """The last lines of a log, for an error message."""
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
