"""One supervised process: how it is started, tied to its supervisor and ended."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What to keep running. `port`: where it answers /readyz, if it does."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None

    @property
    def url(self) -> str | None:
        return None if self.port is None else f"http://127.0.0.1:{self.port}"


async def launch(spec: ChildSpec, log: Path) -> asyncio.subprocess.Process:
    """Start it in a session of its own, so that Ctrl-C reaches the supervisor alone, which drains all."""
    log.parent.mkdir(parents=True, exist_ok=True)
    parent = os.getpid()

    def tie_to_supervisor() -> None:
        """Runs in the child: the kernel kills it when the supervisor is gone, even by kill -9."""
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # it died before the kernel knew
                os._exit(1)

    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *spec.argv,
            env={**os.environ, **spec.env},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=tie_to_supervisor,
        )


async def end(process: asyncio.subprocess.Process, grace_s: float) -> None:
    """Ask, wait up to `grace_s`, then kill it and whatever it started."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), grace_s)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # its session: also what it left behind
    await process.wait()


async def http_status(port: int, path: str) -> int:
    """The status a local HTTP server answers with; 0 when it does not answer within 2 s."""
    try:
        async with asyncio.timeout(2.0):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
                first = await reader.readline()
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError):
        return 0
    words = first.split()
    return int(words[1]) if len(words) > 1 else 0
