"""The embedded Kafka: Apache Kafka as one KRaft node, or librdkafka's built-in broker when its jars cannot be had.

In: a home and two ports. Out: a `Part` answering at `127.0.0.1:port`, events under `HOME/kafka`.
"""

from __future__ import annotations

import base64
import subprocess
import sys
import uuid
from pathlib import Path

from infra.bus import PARTITIONS, Bus, cluster_reachable
from infra.errors import BusError, ServiceError
from infra.services.java import java_version
from infra.services.kafka_jars import KAFKA_VERSION, kafka_jars, spark_jars
from infra.services.part import Part
from infra.settings import Settings

__all__ = ["kafka_answers", "kafka_part"]

MEMORY = [
    "-Xms48m",
    "-Xmx256m",
    "-Xss512k",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
]

LOGGING = """\
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %m (%c{1})%n
rootLogger.level = WARN
rootLogger.appenderRef.out.ref = out
"""

SERVER = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.retention.hours=720
offsets.retention.minutes=525600
log.cleaner.dedupe.buffer.size=8388608
num.network.threads=2
num.io.threads=2
background.threads=2
"""


def kafka_part(settings: Settings, port: int, controller: int) -> Part:
    """Kafka on these ports; the built-in broker, with a notice, when there is no Java 17 or no way to the jars."""
    try:
        java = java_version().path
        jars = kafka_jars(java)
    except ServiceError as error:
        return _built_in(settings, port, str(error))
    home = settings.home / "kafka"
    data, properties, logging = home / "data", home / "server.properties", home / "log4j2.properties"
    command = [
        str(java),
        *MEMORY,
        "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={logging.as_uri()}",
        "-cp",
        _classpath(jars),
    ]

    def prepare() -> None:
        data.mkdir(parents=True, exist_ok=True)
        logging.write_text(LOGGING)
        properties.write_text(SERVER.format(port=port, controller=controller, data=data))
        if not (data / "meta.properties").exists():
            _format(command, properties)

    return Part(
        name="kafka",
        argv=[*command, "kafka.Kafka", str(properties)],
        address=f"127.0.0.1:{port}",
        ready=lambda: kafka_answers(f"127.0.0.1:{port}"),
        port=port,
        data=data,
        version=KAFKA_VERSION,
        prepare=prepare,
    )


def kafka_answers(bootstrap: str) -> bool:
    """Whether a broker answers there within a second."""
    try:
        return cluster_reachable(bootstrap, 1.0) > 0
    except BusError:
        return False


def _classpath(jars: Path) -> str:
    # PySpark's SLF4J and its bridge to Log4j come first: Kafka's own list has no bridge and would be silent.
    bridge = [str(jar) for name in ("slf4j-api", "log4j-*") for jar in spark_jars(f"{name}-*.jar")]
    return ":".join([*bridge, str(jars / "*")])


def _format(command: list[str], properties: Path) -> None:
    """Give the storage a cluster id of its own; raises `ServiceError`."""
    cluster = "A" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
    tool = [*command, "kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", cluster, "-c", str(properties)]
    done = subprocess.run(tool, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ServiceError(
            f"Kafka could not prepare {properties.parent}: {(done.stderr or done.stdout).strip()[-500:]}"
        )


def _built_in(settings: Settings, port: int, reason: str) -> Part:
    bus = Bus(f"127.0.0.1:{port}", settings.kafka_prefix)
    program = Path(__file__).with_name("mock_broker.py")
    return Part(
        name="kafka",
        argv=[sys.executable, "-P", str(program), str(port), f"{bus.plays}:{PARTITIONS}", f"{bus.dead}:1"],
        address=bus.bootstrap,
        ready=lambda: kafka_answers(bus.bootstrap),
        port=port,
        version="librdkafka's built-in broker",
        notice=f"Kafka itself cannot run ({reason}), so plays go through a broker that forgets them at its next start",
    )
