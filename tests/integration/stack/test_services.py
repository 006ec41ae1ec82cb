"""The four services under the supervisor: migrated first, told where everything is, all ready."""

import asyncio
import json
import os
import signal
import socket
import urllib.request
from pathlib import Path

import pytest

from libs.runtime.stack import StackError, running_services
from libs.runtime.stack.ports import LOOPBACK
from libs.runtime.stack.services import NAMES

# Stands in for every service: answers with its environment.
STAND_IN = """
import http.server, json, os, pathlib, sys
name = __spec__.parent.rsplit(".", 1)[-1]
if sys.argv[1] == "migrate":
    pathlib.Path(f"migrated-{name}").touch()
    sys.exit(0)
assert sys.argv[1:] == ["run"]
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        self.wfile.write(json.dumps(dict(os.environ)).encode())
http.server.HTTPServer(("127.0.0.1", int(os.environ[f"{name.upper()}_PORT"])), Ready).serve_forever()
"""


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose `services` hide the real ones."""
    for name in NAMES:
        folder = tmp_path / "services" / name
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
        (folder / "__main__.py").write_text(STAND_IN)
    (tmp_path / "services" / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def told(url: str) -> dict[str, str]:
    def get() -> dict[str, str]:
        with urllib.request.urlopen(f"{url}/env", timeout=5) as answer:
            return dict(json.loads(answer.read()))

    return await asyncio.to_thread(get)


def migrated(folder: Path) -> set[str]:
    return {path.name.removeprefix("migrated-") for path in folder.glob("migrated-*")}


async def test_each_is_ready_and_knows_where_everything_is(stand_ins: Path) -> None:
    env = {"GREENLINE_KAFKA": "127.0.0.1:1", "GREENLINE_CLOCK_FILE": "clock.json"}
    async with running_services(stand_ins / "data", env) as supervisor:
        urls = {name: supervisor.url(name) for name in NAMES}
        assert len(set(urls.values())) == 4
        for name in NAMES:
            knows = await told(urls[name])
            assert knows["GREENLINE_KAFKA"] == "127.0.0.1:1"
            assert knows["GREENLINE_CLOCK_FILE"] == "clock.json"
            assert knows["GREENLINE_DATA_DIR"] == str(stand_ins / "data")
            assert {f"{other.upper()}_PORT" for other in NAMES} <= set(knows)
    assert migrated(stand_ins) == {"ingest", "outreach"}


async def test_a_killed_one_comes_back_on_its_port(stand_ins: Path) -> None:
    async with running_services(stand_ins / "data", {}, names=["scoring"]) as supervisor:
        os.kill(supervisor.pid("scoring"), signal.SIGKILL)
        await asyncio.wait_for(supervisor.restarted("scoring"), 10)
        await supervisor.ready()
        assert (await told(supervisor.url("scoring")))["SCORING_PORT"] in supervisor.url("scoring")


async def test_a_wished_port_that_is_taken_gives_way(
    stand_ins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        monkeypatch.setenv("TRIGGERS_PORT", str(other.getsockname()[1]))
        async with running_services(stand_ins / "data", {}, names=["triggers"]) as supervisor:
            assert str(other.getsockname()[1]) not in supervisor.url("triggers")


async def test_a_failing_migration_is_quoted_and_nothing_is_started(stand_ins: Path) -> None:
    (stand_ins / "services" / "ingest" / "__main__.py").write_text("raise SystemExit('no such table')")
    with pytest.raises(StackError, match=r"(?s)migration of ingest failed.*no such table"):
        async with running_services(stand_ins / "data", {}):
            pass
    assert not (stand_ins / "data" / "services.json").exists()
