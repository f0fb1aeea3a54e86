"""librdkafka's built-in broker behind a fixed port, for machines that cannot run Kafka itself.

In: a port, and topics with their number of partitions. Out: a broker that keeps events only as long as it runs.
Run as a script, it imports nothing of ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import confluent_kafka

PRODUCER = 0
ONE_BROKER = 1


def start_broker(topics: Mapping[str, int]) -> tuple[str, int]:
    """Start the broker and return its own host and port.

    Its Python client can start one too, but cannot give a topic the number of partitions it must have.
    """
    package = Path(confluent_kafka.__file__).parent
    library = next((package.parent / "confluent_kafka.libs").glob("librdkafka*.so*"))
    kafka = ctypes.CDLL(str(library))
    kafka.rd_kafka_new.restype = ctypes.c_void_p
    kafka.rd_kafka_mock_cluster_new.restype = ctypes.c_void_p
    kafka.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    client = ctypes.c_void_p(kafka.rd_kafka_new(PRODUCER, None, None, 0))
    cluster = ctypes.c_void_p(kafka.rd_kafka_mock_cluster_new(client, ONE_BROKER))
    for topic, partitions in topics.items():
        kafka.rd_kafka_mock_topic_create(cluster, topic.encode(), partitions, 1)
    host, _, port = kafka.rd_kafka_mock_cluster_bootstraps(cluster).decode().rpartition(":")
    return host, int(port)


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction until it ends."""
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    writer.close()


async def serve(port: int, topics: Mapping[str, int]) -> None:
    """Listen on the port that clients are told; the broker's own, which it chooses, they learn from its answers."""
    host, chosen = start_broker(topics)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host, chosen)
        await asyncio.gather(relay(reader, back), relay(there, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", port)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), {name: int(n) for name, _, n in (t.rpartition(":") for t in sys.argv[2:])}))
