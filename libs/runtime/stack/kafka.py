"""One Kafka node (broker and controller in one JVM) under the data folder."""

import asyncio
import os
import subprocess
import time
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from libs.runtime.stack import jars, ports, processes
from libs.runtime.stack.errors import PortTakenError, StackError
from libs.runtime.stack.ports import LOOPBACK
from libs.runtime.stack.state import KafkaState, Remember

READY_S = 120.0  # about 3 s on an idle machine; recovery after a kill on a busy one takes longer
STOP_S = 30.0

# One node on one machine: every internal topic has one copy, and few partitions, since each costs files
# and start-up time. Topics are made from libs/events/topics.py alone, so a misspelt name must not create one.
# After a kill the controller lets the node in again once its old session is over: 5 s instead of 9.
SERVER = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=5000
broker.heartbeat.interval.ms=1000
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=33554432
"""

# Kafka's own start script asks for the same collector and pause.
JVM = ("-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-Djava.awt.headless=true")

LOGGING = """\
Configuration:
  status: ERROR
  Appenders:
    Console:
      name: OUT
      PatternLayout: {pattern: "%d %p %c{1} %m%n"}
  Loggers:
    Root: {level: WARN, AppenderRef: {ref: OUT}}
    Logger:
      - {name: kafka.server.KafkaRaftServer, level: INFO}
"""


class KafkaNode:
    """Starts, recognises and stops the node whose state it is given; the caller remembers the state."""

    def __init__(
        self,
        folder: Path,
        state: KafkaState,
        *,
        jars_store: Path,
        port: int,
        heap_mb: int,
        remember: Remember,
    ) -> None:
        self._folder = folder
        self._store = jars_store
        self._java = ""
        self._classpath = ""
        self._state = state
        self._preferred_port = port
        self._remember = remember
        self._heap_mb = heap_mb

    @property
    def log(self) -> Path:
        return self._folder / "kafka.log"

    def alive(self) -> bool:
        return self._state.process is not None and self._state.process.alive()

    def prepare(self) -> None:
        """Find Java and fetch the jars, or say what is missing before anything is started."""
        if not self.alive():
            self._java = jars.java()
            self._classpath = f"{jars.fetch(self._store)}/*"

    def start(self) -> None:
        """Start the node and return once it answers as our cluster. Nothing happens if it already runs."""
        if self.alive():
            self._wait_ready()
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)  # customer.profiles holds contact details
        self._choose_ports()
        self._write_config()
        self._format()
        heap = (f"-Xms{min(256, self._heap_mb)}m", f"-Xmx{self._heap_mb}m")
        logging = f"-Dlog4j2.configurationFile={self._folder / 'log4j2.yaml'}"
        command = [self._java, *JVM, *heap, logging, "-cp", self._classpath, "kafka.Kafka", str(self._config)]
        self.log.unlink(missing_ok=True)
        self._state.process = processes.spawn_detached(
            command, log=self.log, cwd=self._folder, env=_environment()
        )
        self._remember()
        self._wait_ready()

    def stop(self) -> None:
        if self._state.process is not None:
            processes.stop(self._state.process, timeout=STOP_S)
            self._state.process = None

    @property
    def _config(self) -> Path:
        return self._folder / "server.properties"

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _choose_ports(self) -> None:
        state = self._state
        state.port = ports.choose(state.port or self._preferred_port)
        state.controller_port = ports.choose(state.controller_port or state.port + 1, avoid=[state.port])

    def _write_config(self) -> None:
        state = self._state
        self._config.write_text(
            SERVER.format(
                host=LOOPBACK, port=state.port, controller_port=state.controller_port, data=self._data
            )
        )
        (self._folder / "log4j2.yaml").write_text(LOGGING)

    def _format(self) -> None:
        if (self._data / "meta.properties").exists():
            return
        tool = ["kafka.tools.StorageTool", "format", "-t", self._state.cluster_id, "-c", str(self._config)]
        command = [self._java, "-XX:TieredStopAtLevel=1", "-cp", self._classpath, *tool]
        answer = subprocess.run(
            command, capture_output=True, text=True, check=False, env=_environment(), cwd=self._folder
        )
        if answer.returncode != 0:
            raise StackError(f"Kafka could not format {self._data}:\n{answer.stdout}{answer.stderr}")

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            if not self.alive():
                raise self._died()
            if ports.accepts(self._state.port) and asyncio.run(self._answers_as_ours()):
                return
            time.sleep(0.05)
        raise StackError(
            f"Kafka did not answer within {READY_S:.0f} s. The end of {self.log}:\n{processes.tail(self.log)}"
        )

    async def _answers_as_ours(self) -> bool:
        """Whether the broker on our port is this cluster's, and has a broker that is open for business."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._state.url, request_timeout_ms=2000)
        try:
            await admin.start()
            cluster = await admin.describe_cluster()
        except (KafkaError, OSError):
            return False
        finally:
            await admin.close()
        if cluster["cluster_id"] != self._state.cluster_id:
            self.stop()
            raise PortTakenError(f"Port {self._state.port} belongs to another Kafka")
        return bool(cluster["brokers"])

    def _died(self) -> StackError:
        self.stop()
        said = processes.tail(self.log)
        if "Address already in use" in said:
            return PortTakenError(f"Port {self._state.port} or {self._state.controller_port} was taken")
        return StackError(f"Kafka ended while it started. The end of {self.log}:\n{said}")


def _environment() -> dict[str, str]:
    """The caller's environment without what would change how the JVM runs."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("KAFKA_", "_JAVA_", "JAVA_TOOL", "JDK_JAVA", "GREENLINE_"))
    }
