"""`greenline stack`: the verbs that look."""

import os
import subprocess
import sys
from pathlib import Path

from libs.runtime.stack import StackState
from tests.fixtures.stack import FOLDER


def greenline(*words: str, data_dir: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "GREENLINE_DATA_DIR": str(data_dir), "COLUMNS": "160"}
    command = [sys.executable, "-m", "services", *words]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_status_says_where_both_are_and_keeps_the_password(stack: StackState) -> None:
    answer = greenline("stack", "status")
    assert answer.returncode == 0
    assert stack.kafka.url in answer.stdout
    assert f":{stack.postgres.port}/greenline" in answer.stdout
    assert stack.postgres.password not in answer.stdout


def test_status_of_what_never_ran_is_down_and_exits_1(tmp_path: Path) -> None:
    answer = greenline("stack", "status", data_dir=tmp_path)
    assert answer.returncode == 1
    assert answer.stdout.count("down") == 2
    assert list(tmp_path.iterdir()) == []


def test_env_points_a_shell_at_the_stack(stack: StackState) -> None:
    script = f"{greenline('stack', 'env').stdout}\necho $GREENLINE_KAFKA $GREENLINE_DATABASE_URL"
    said = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.split() == [stack.kafka.url, stack.postgres.url]


def test_logs_prints_the_end_of_each_log(stack: StackState) -> None:
    whole = ("--lines", "1000000")  # other tests have used this stack for minutes
    assert "Kafka Server started" in greenline("stack", "logs", "kafka", *whole).stdout
    assert "ready to accept connections" in greenline("stack", "logs", "postgres", *whole).stdout
    assert len(greenline("stack", "logs", "postgres", "--lines", "1").stdout.splitlines()) == 1


def test_topics_says_that_all_are_there(stack: StackState) -> None:
    env = {**os.environ, **stack.env()}
    command = [sys.executable, "-m", "services", "topics"]
    said = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
    assert said.startswith("0 topics created")


def test_down_where_nothing_runs_is_fine(tmp_path: Path) -> None:
    assert greenline("down", data_dir=tmp_path).returncode == 0
