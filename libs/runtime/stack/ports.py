"""TCP ports on the loopback interface."""

import fcntl
import socket
from collections.abc import Collection
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import gettempdir

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port in TIME_WAIT counts as free, one that is listened on does not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def choose(preferred: int, avoid: Collection[int] = ()) -> int:
    """The preferred port if it is free, otherwise one the kernel says is free."""
    if preferred not in avoid and preferred != 0 and is_free(preferred):
        return preferred
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((LOOPBACK, 0))
            port = int(probe.getsockname()[1])
        if port not in avoid:
            return port


def accepts(port: int, timeout: float = 0.2) -> bool:
    """Whether somebody answers on this port; `timeout` in seconds."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout):
            return True
    except OSError:
        return False


class Reservations:
    """Ports promised to processes that do not listen yet, so that two clones starting at once do not clash.

    A promise is a lock on a file in the machine's temporary folder: it ends with the process that holds it,
    however that process ends.
    """

    def __init__(self) -> None:
        self._held = ExitStack()
        self._ports: set[int] = set()

    def reserve(self, *preferred: int) -> int:
        """The first preferred port that nobody uses or was promised, otherwise any such port."""
        candidates = chain(preferred, iter(partial(choose, 0), None))
        port = next(port for port in candidates if port and port not in self._ports and self._promise(port))
        self._ports.add(port)
        return port

    def release(self) -> None:
        self._held.close()
        self._ports.clear()

    def _promise(self, port: int) -> bool:
        if not is_free(port):
            return False
        try:
            handle = (Path(gettempdir()) / f"greenline-port-{port}.lock").open("a")
        except PermissionError:
            return False  # another user of this machine holds it
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            return False
        self._held.enter_context(handle)
        return True
