"""What `greenline stack up` says on a machine that lacks something."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH with the shell's own tools and nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "setpriv", "true"):
        found = shutil.which(name)
        if found is not None:
            (folder / name).symlink_to(found)
    return folder


def add(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def stack_up(tools: Path, data: Path) -> tuple[int, str]:
    """Run the command; the second command of each test would stop what a failed start left running."""
    kept = {name: value for name, value in os.environ.items() if name != "JAVA_HOME"}
    env = {**kept, "PATH": str(tools), "GREENLINE_DATA_DIR": str(data), "GREENLINE_STACK_POSTGRES_PORT": "0"}
    command = [sys.executable, "-m", "services", "stack"]
    answer = subprocess.run([*command, "up"], env=env, capture_output=True, text=True, check=False)
    subprocess.run([*command, "down"], env=env, capture_output=True, check=True)
    return answer.returncode, " ".join(answer.stderr.split())


def test_no_java_says_so_and_what_to_do(tools: Path, tmp_path: Path) -> None:
    status, said = stack_up(tools, tmp_path / "data")
    assert status == 1
    assert "Java is missing" in said
    assert "apt-get install openjdk-17-jre-headless" in said


def test_an_old_java_says_which_version_it_is(tools: Path, tmp_path: Path) -> None:
    add(tools, "java", "echo 'openjdk version \"11.0.20\" 2023-07-18' >&2")
    status, said = stack_up(tools, tmp_path / "data")
    assert status == 1
    assert "is version 11, Kafka needs 17 or later" in said


def test_java_8_counts_as_8_and_not_as_1(tools: Path, tmp_path: Path) -> None:
    add(tools, "java", "echo 'java version \"1.8.0_412\"' >&2")
    assert "is version 8, Kafka needs 17" in stack_up(tools, tmp_path / "data")[1]


def test_no_maven_says_so_and_what_to_do(tools: Path, tmp_path: Path) -> None:
    add(tools, "java", "echo 'openjdk version \"17.0.1\"' >&2")
    status, said = stack_up(tools, tmp_path / "data")
    assert status == 1
    assert "Maven is missing" in said
    assert "apt-get install maven" in said


def test_maven_that_fails_is_quoted(tools: Path, tmp_path: Path) -> None:
    add(tools, "java", "echo 'openjdk version \"17.0.1\"' >&2")
    add(tools, "mvn", "echo '[ERROR] Could not resolve dependencies'; exit 1")
    status, said = stack_up(tools, tmp_path / "data")
    assert status == 1
    assert "is the network there?" in said
    assert "Could not resolve dependencies" in said
