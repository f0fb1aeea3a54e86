"""The same servers that users start, started once a test run and only when a test asks; a fresh database each test."""

from __future__ import annotations

import signal
import uuid
from collections.abc import Iterator

import pytest

from infra.addresses import Addresses
from infra.bus import Bus, ensure_topics
from infra.services import RAY_CLIENT, Services
from infra.settings import Settings, export
from infra.store import Store

# A shell has what it starts in the background ignore Ctrl-C, and all that this starts in its turn; tests end commands by it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Ray reads its variables when it is imported, whichever test module does that first.
export(RAY_CLIENT)


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of an installation of its own, in a temporary home."""
    return Settings.load(home=tmp_path_factory.mktemp("segue"))


@pytest.fixture(scope="session")
def services(installation: Settings) -> Iterator[Services]:
    """The launcher; `services.ensure("mongo", ...)` starts what is not up yet."""
    with Services(installation) as started:
        yield started


@pytest.fixture
def settings(installation: Settings) -> Settings:
    """The installation's settings with a database and topics that no other test uses."""
    name = uuid.uuid4().hex[:12]
    return installation.model_copy(update={"mongo_database": f"test_{name}", "kafka_prefix": f"test.{name}."})


@pytest.fixture
def store(services: Services, settings: Settings) -> Iterator[Store]:
    """An empty database on the embedded MongoDB."""
    with Store(services.ensure("mongo").mongo, settings.mongo_database).prepare() as opened:
        yield opened


@pytest.fixture
def bus(services: Services, settings: Settings) -> Bus:
    """Empty topics on the embedded Kafka."""
    named = Bus(services.ensure("kafka").kafka, settings.kafka_prefix)
    ensure_topics(named)
    return named


@pytest.fixture
def addresses(services: Services) -> Addresses:
    """MongoDB, Kafka, MLflow and Ray, all up."""
    return services.ensure("mongo", "kafka", "mlflow", "ray")
