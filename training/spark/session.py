"""One Spark session, started for a training and gone with it.

In: `Settings`. Out: a `SparkSession` whose Java process, temporary files and listening sockets end with the `with` block.
Spark's own messages go to `logs/spark.log` under the home folder.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkRuntimeError
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from infra.errors import ServiceError
from infra.scratch import scratch
from infra.services.java import java_version
from infra.settings import Settings

__all__ = ["session"]

FEW_ROWS = 1_000_000
"""Below this, Java's second compiler costs more time than it saves: half of all of a small library's Spark stage."""
PARQUET_BYTES = 16 * 1024 * 1024
PARQUET_ROWS = 512
QUICK_START = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@contextmanager
def session(settings: Settings, *, rows: int) -> Iterator[SparkSession]:
    """A session on `settings.spark_master`, made for about so many `rows`.

    Raises `ServiceError` when there is no Java, Spark does not start, or its Java process ends before its time.
    """
    java_version()
    log = settings.logs / "spark.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with scratch(settings.spark, "session") as files:
        configuration = _configuration(settings, files, few=rows < FEW_ROWS)
        gateway = _gateway(configuration, log)
        try:
            context = SparkContext(conf=configuration, gateway=gateway)
            context.pythonExec = sys.executable
            with SparkSession(context) as started:
                yield started
        except (Py4JError, ConnectionError) as error:
            if gateway.proc is None or gateway.proc.poll() is None:
                raise
            raise ServiceError(
                f"Spark's Java process ended; its messages are in {log}. "
                f"If it was short of memory, SEGUE_SPARK_MEMORY gives it more than {settings.spark_memory}"
            ) from error
        finally:
            _end(gateway)


def _gateway(configuration: SparkConf, log: Path) -> Any:
    with log.open("ab") as messages:
        try:
            return launch_gateway(configuration, {"stdout": messages, "stderr": messages})  # type: ignore[no-untyped-call]
        except PySparkRuntimeError as error:
            raise ServiceError(f"Spark did not start; its messages are in {log}") from error


def _configuration(settings: Settings, folder: Path, *, few: bool) -> SparkConf:
    options = {
        "spark.app.name": "segue",
        "spark.driver.memory": settings.spark_memory,
        # A row of tracks has kilobytes: by default, thousands are read and 128 MB of them written at a time, by every core.
        "spark.hadoop.parquet.block.size": str(PARQUET_BYTES),
        "spark.sql.parquet.columnarReaderBatchSize": str(PARQUET_ROWS),
        "spark.executor.memory": settings.spark_memory,
        "spark.local.dir": str(folder / "local"),
        "spark.log.level": "ERROR",
        "spark.pyspark.python": sys.executable,
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.redaction.options.regex": "(?i)uri|url|password",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    here = settings.spark_master.startswith("local")
    if here or urlsplit(settings.spark_master).hostname in ("127.0.0.1", "localhost"):
        options |= {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
    if here:
        options["spark.sql.shuffle.partitions"] = "2" if few else "16"
        if few:
            options["spark.driver.extraJavaOptions"] = QUICK_START
    return SparkConf(loadDefaults=False).setMaster(settings.spark_master).setAll(list(options.items()))


def _end(gateway: Any) -> None:
    # A context whose Java process died cannot stop itself, and no other can begin while it stands.
    left = SparkContext._active_spark_context
    if left is not None:
        left._jsc = None
        left.stop()
    # Stopping a session leaves its Java process, with all its memory, until Python exits.
    SparkContext._gateway = SparkContext._jvm = None
    gateway.shutdown()
    if gateway.proc is not None:
        gateway.proc.stdin.close()
        gateway.proc.wait(timeout=30)
