"""What the other engines need: Kafka Streams' jars and class; Quix Streams' environment is the Makefile's."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from benchmarks.broker import FOLDER, LOCAL

ROOT = Path(__file__).resolve().parents[2]
QUIX_PYTHON = LOCAL / "bench-venv" / "bin" / "python"
_JAVA_SOURCES = ROOT / "benchmarks" / "kafka_streams"


class SetupError(Exception):
    """Something is missing on this machine."""


def kafka_streams_classpath() -> str:
    """Build once for each state of the sources; the folder's name is their hash."""
    sources = [_JAVA_SOURCES / name for name in ("pom.xml", "EqualJob.java")]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    target = FOLDER / "kafka-streams" / digest
    if not target.exists():
        draft = target.with_name(f".{digest}")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        _build(sources[0], sources[1], draft)
        draft.rename(target)
    return f"{target}:{target}/*"


def _build(pom: Path, source: Path, target: Path) -> None:
    fetch = ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", "-DincludeScope=runtime"]
    _run(*fetch, f"-DoutputDirectory={target}")
    _run("javac", "--release", "17", "-cp", f"{target}/*", "-d", str(target), str(source))


def _run(*command: str) -> None:
    if shutil.which(command[0]) is None:
        raise SetupError(f"{command[0]} is missing. On Debian: apt-get install openjdk-17-jdk-headless maven")
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        said = "\n".join((answer.stdout + answer.stderr).strip().splitlines()[-8:])
        raise SetupError(f"{command[0]} failed:\n{said}")


def main() -> None:
    kafka_streams_classpath()


if __name__ == "__main__":
    main()
