"""The supervisor keeps small real processes running."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from libs.runtime.stack import ChildSpec, Patience, StackError, Supervisor
from libs.runtime.stack.supervisor import running, services_file, stop_running

QUICK = Patience(first=0.02, longest=0.05, steady=10.0, grace=1.0)

SLEEPS = "import time; print('awake', flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPS}"
DIES = "raise SystemExit(3)"
SERVES = """
import http.server, os
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(os.environ["CHILD_PORT"])), Ready).serve_forever()
"""
FAMILY = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPS!r}]); {SLEEPS}"

# A supervisor in a process of its own, to be killed.
ALONE = """
import asyncio, sys
from pathlib import Path
from libs.runtime.stack import ChildSpec, Supervisor
async def main():
    child = ChildSpec("sleeper", (sys.executable, "-c", "import time; time.sleep(600)"))
    async with Supervisor([child], Path(sys.argv[1])) as supervisor:
        print(supervisor.pid("sleeper"), flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


def child(name: str, code: str, port: int | None = None) -> ChildSpec:
    env = {} if port is None else {"CHILD_PORT": str(port)}
    return ChildSpec(name, (sys.executable, "-u", "-c", code), env, port)


async def test_a_killed_process_is_restarted_and_its_new_pid_is_known(tmp_path: Path) -> None:
    async with Supervisor([child("sleeper", SLEEPS)], tmp_path, patience=QUICK) as supervisor:
        before = supervisor.pid("sleeper")
        os.kill(before, signal.SIGKILL)
        await asyncio.wait_for(supervisor.restarted("sleeper"), 10)
        after = supervisor.pid("sleeper")
        assert after != before
        assert psutil.pid_exists(after)
        written = json.loads(services_file(tmp_path).read_text())
        assert written["services"]["sleeper"] == {"pid": after, "port": None, "restarts": 1}


async def test_one_that_keeps_dying_is_restarted_again_and_again(tmp_path: Path) -> None:
    said: list[str] = []
    dying = Supervisor(
        [child("dying", DIES)], tmp_path, patience=QUICK, report=lambda name, what: said.append(what)
    )
    async with dying as supervisor:
        await asyncio.wait_for(supervisor.restarted("dying", 3), 10)
    waits = [what for what in said if what.startswith("ended")]
    assert waits[0] == "ended with 3, restarting in 0.0 s"
    assert len(waits) >= 3


async def test_the_wait_before_a_restart_doubles_up_to_its_cap(tmp_path: Path) -> None:
    said: list[str] = []
    patience = Patience(first=0.1, longest=0.3, steady=10.0, grace=1.0)
    dying = Supervisor(
        [child("dying", DIES)], tmp_path, patience=patience, report=lambda name, what: said.append(what)
    )
    async with dying as supervisor:
        await asyncio.wait_for(supervisor.restarted("dying", 4), 20)
    waits = [what.rsplit(" ", 2)[1] for what in said if what.startswith("ended")]
    assert waits[:4] == ["0.1", "0.2", "0.3", "0.3"]


async def test_leaving_ends_every_process_even_one_that_ignores_the_request(tmp_path: Path) -> None:
    children = [child("polite", SLEEPS), child("stubborn", STUBBORN), child("family", FAMILY)]
    async with Supervisor(children, tmp_path, patience=QUICK) as supervisor:
        for one in children:
            await until_awake(supervisor, one.name, times=2 if one.name == "family" else 1)
        found = [psutil.Process(supervisor.pid(one.name)) for one in children]
        found += psutil.Process(supervisor.pid("family")).children()
    assert len(found) == 4
    # The grandchild is reaped by the machine's first process, in its own time.
    psutil.wait_procs(found, timeout=5)
    assert all(ended(process) for process in found)
    assert not services_file(tmp_path).exists()


async def until_awake(supervisor: Supervisor, name: str, times: int = 1) -> None:
    async with asyncio.timeout(10):
        while supervisor.log(name).read_text().count("awake") < times:  # noqa: ASYNC110 (another process writes it)
            await asyncio.sleep(0.02)


async def test_ready_waits_for_the_http_answer(tmp_path: Path, unused_tcp_port: int) -> None:
    served = child("served", SERVES, unused_tcp_port)
    async with Supervisor([served], tmp_path, patience=QUICK) as supervisor:
        await supervisor.ready(timeout=10)
        assert supervisor.url("served") == f"http://127.0.0.1:{unused_tcp_port}"
        assert json.loads(services_file(tmp_path).read_text())["ready"] is True


async def test_what_is_never_ready_is_named_with_the_end_of_its_log(
    tmp_path: Path, unused_tcp_port: int
) -> None:
    broken = child("broken", "print('no configuration', flush=True); raise SystemExit(1)", unused_tcp_port)
    async with Supervisor([broken], tmp_path, patience=QUICK) as supervisor:
        await supervisor.restarted("broken")
        with pytest.raises(StackError, match=r"(?s)broken was not ready.*no configuration"):
            await supervisor.ready(timeout=0.1)


def ended(process: psutil.Process) -> bool:
    """Gone, or waiting for the machine's first process to notice."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@contextmanager
def supervisor_alone(folder: Path) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """A supervisor in another process, and its child."""
    command = [sys.executable, "-c", ALONE, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        try:
            yield started, psutil.Process(int(started.stdout.readline()))
        finally:
            started.kill()


def test_kill_9_of_the_supervisor_takes_its_processes_along(tmp_path: Path) -> None:
    with supervisor_alone(tmp_path) as (started, sleeper):
        started.kill()
        psutil.wait_procs([sleeper], timeout=5)
        assert ended(sleeper)
    assert running(tmp_path) is None


def test_a_second_supervisor_on_one_folder_is_refused_until_the_first_is_stopped(tmp_path: Path) -> None:
    async def enter() -> None:
        async with Supervisor([child("sleeper", SLEEPS)], tmp_path):
            pass

    with supervisor_alone(tmp_path) as (_, sleeper):
        with pytest.raises(StackError, match="already run"):
            asyncio.run(enter())
        assert stop_running(tmp_path)
        assert ended(sleeper)
    assert not stop_running(tmp_path)
