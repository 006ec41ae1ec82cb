"""Java, and Kafka's jars as the committed pom.xml names them."""

import hashlib
import os
import re
import shutil
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

from libs.runtime.stack.errors import StackError

POM = Path(__file__).resolve().parents[3] / "pom.xml"
MINIMUM_JAVA = 17  # Kafka 4 brokers do not start on less


def java() -> str:
    """The Java to run Kafka with: JAVA_HOME first, then PATH."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if found is None:
        where = f"JAVA_HOME={home}" if home else "PATH"
        raise StackError(
            f"Java is missing: no `java` found through {where}. Kafka needs Java {MINIMUM_JAVA} or later. "
            "On Debian: apt-get install openjdk-17-jre-headless"
        )
    version = _java_version(found)
    if version < MINIMUM_JAVA:
        raise StackError(
            f"Java is too old: {found} is version {version}, Kafka needs {MINIMUM_JAVA} or later. "
            "On Debian: apt-get install openjdk-17-jre-headless, or point JAVA_HOME at a newer one"
        )
    return found


def _java_version(executable: str) -> int:
    answer = subprocess.run([executable, "-version"], capture_output=True, text=True, check=False)
    match = re.search(r'version "(?:1\.)?(\d+)', answer.stderr + answer.stdout)
    if match is None:
        raise StackError(f"{executable} does not say which version it is: {answer.stderr.strip()!r}")
    return int(match[1])


def fetch(store: Path) -> Path:
    """The folder below `store` with the jars of the present pom.xml, fetched by Maven if it is not there.

    Its name is the hash of pom.xml: a new version never replaces jars that a running Kafka still reads.
    """
    target = store / hashlib.sha256(POM.read_bytes()).hexdigest()[:16]
    if target.exists():
        return target
    maven = shutil.which("mvn")
    if maven is None:
        raise StackError(
            "Maven is missing: no `mvn` found through PATH. It fetches Kafka's jars once. "
            "On Debian: apt-get install maven"
        )
    draft = store / f".{target.name}.{os.getpid()}.{threading.get_ident()}"
    draft.mkdir(parents=True)
    try:
        _copy_dependencies(maven, draft)
        with suppress(OSError):  # another process was faster; its jars are the same
            draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _copy_dependencies(maven: str, target: Path) -> None:
    command = [maven, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", "-DincludeScope=runtime"]
    answer = subprocess.run(
        [*command, f"-DoutputDirectory={target}"], capture_output=True, text=True, check=False, cwd=target
    )
    if answer.returncode != 0:
        said = "\n".join((answer.stdout + answer.stderr).strip().splitlines()[-8:])
        raise StackError(f"Maven could not fetch Kafka's jars (is the network there?). It said:\n{said}")
