"""Apache Kafka's jars, resolved once a machine by the Ivy that ships with PySpark.

In: a Java and a way to Maven Central. Out: a folder of jars that all installations of this user share.
"""

from __future__ import annotations

import fcntl
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from platformdirs import user_cache_path

from infra.errors import ServiceError
from infra.settings import inherited

__all__ = ["KAFKA_VERSION", "jars_folder", "kafka_jars", "spark_jars"]

KAFKA_VERSION = "4.1.0"
PATIENCE_S = 600


def jars_folder() -> Path:
    """Where the jars are, or will be."""
    return user_cache_path("segue") / f"kafka-{KAFKA_VERSION}"


def kafka_jars(java: Path) -> Path:
    """The folder of jars, filled when it is not there yet; raises `ServiceError` when Maven Central is out of reach.

    Two that ask at once are served one after the other, and a folder of that name is always whole.
    """
    folder = jars_folder()
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _resolve(java, folder)
    return folder


def spark_jars(pattern: str) -> list[Path]:
    """PySpark's own jars of these names, in order; it is only looked for, since to import it costs every process."""
    spark = find_spec("pyspark")
    places = (spark.submodule_search_locations if spark is not None else None) or ()
    return [jar for place in places for jar in sorted(Path(place, "jars").glob(pattern))]


def _resolve(java: Path, folder: Path) -> None:
    ivy = next(iter(spark_jars("ivy-*.jar")), None)
    if ivy is None:
        raise ServiceError("PySpark comes without Ivy, so Kafka's jars cannot be resolved; set SEGUE_KAFKA to a broker")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="kafka-") as work:
        jars = Path(work) / "jars"
        command = [str(java), *_proxies(), "-jar", str(ivy), "-cache", f"{work}/cache", "-confs", "default"]
        wanted = ["-dependency", "org.apache.kafka", "kafka_2.13", KAFKA_VERSION]
        into = ["-types", "jar", "bundle", "-retrieve", f"{jars}/[artifact]-[revision](-[classifier]).[ext]"]
        try:
            done = subprocess.run(
                [*command, *wanted, *into], capture_output=True, text=True, check=False, timeout=PATIENCE_S, cwd=work
            )
        except subprocess.TimeoutExpired as error:
            raise ServiceError(f"Kafka's jars did not come within {PATIENCE_S} s") from error
        if done.returncode or not any(jars.glob(f"kafka_2.13-{KAFKA_VERSION}.jar")):
            why = next((line.strip() for line in done.stdout.splitlines() if "Exception" in line), "see its repository")
            raise ServiceError(f"Kafka's jars could not be fetched from Maven Central: {why[:200]}")
        jars.rename(folder)


def _proxies() -> list[str]:
    """The usual proxy variables as Java knows them."""
    options = []
    for scheme in ("http", "https"):
        proxy = urlsplit(inherited(f"{scheme}_proxy") or inherited(f"{scheme.upper()}_PROXY"))
        if proxy.hostname:
            options += [f"-D{scheme}.proxyHost={proxy.hostname}", f"-D{scheme}.proxyPort={proxy.port or 80}"]
    return options
