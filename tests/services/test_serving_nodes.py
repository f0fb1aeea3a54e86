"""Two recommender replicas on two Ray nodes of this machine: whichever answers, it answers the same."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from infra.services import Services
from infra.settings import Settings
from tests.data.deployed import NAMES, Service, replicas, small_service, until
from tests.data.records import play
from tests.data.second_node import another_node

ROUNDS, ASKED = 15, 6
COUNTED = r'^segue_http_requests_total{.*replica="(\w+)",route="/users/{user}/recommendations".*} (.*)$'


@pytest.fixture(scope="module")
def service(services: Services, installation: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    addresses = services.ensure("mongo", "kafka", "mlflow", "ray")
    two = installation.model_copy(update={"replicas": 2, "most_replicas": 2})
    folder = tmp_path_factory.mktemp("node")
    with (
        another_node(addresses, installation, folder, **ports_of_its_own()),
        small_service(services, two, tmp_path_factory.mktemp("music")) as opened,
    ):
        yield opened


def ports_of_its_own() -> dict[str, str]:
    """For the ingress of a node that shares its machine with another: on the same ports, it would take half of what comes."""
    names = ("WORKER_PROXY_HTTP", "FALLBACK_PROXY_HTTP", "HAPROXY_STATS", "HAPROXY_METRICS")
    with ExitStack() as probes:
        return {f"RAY_SERVE_{name}_PORT": str(a_port(probes)) for name in names}


def a_port(probes: ExitStack) -> int:
    """One that nobody has; it is kept until `probes` are closed."""
    probe = probes.enter_context(socket.socket())
    probe.bind(("127.0.0.1", 0))
    return int(probe.getsockname()[1])


def test_each_node_has_a_replica_and_both_answer_alike(service: Service):
    # The service answers as soon as one of them does.
    until(lambda: service.recommendations("nobody") and len(that_answered(service)) == 2, 120)
    assert len({replica.ppid() for replica in replicas("recommender")}) == 2
    before = that_answered(service)
    for minute in range(ROUNDS):
        kind = ("finished", "skipped", "liked")[minute % 3]
        event = play(NAMES[minute % 2], user="both", kind=kind, minute=minute)
        assert service.post(event).status_code == 202
        answers = [service.recommendations("both") for _ in range(ASKED)]
        assert {answer["as_of"] for answer in answers} == {str(event.event_id)}
        said = {tuple((i["track"]["id"], i["score"], str(i["because"])) for i in one["items"]) for one in answers}
        assert len(said) == 1
    assert all(times > before[replica] for replica, times in that_answered(service).items())


def test_both_forget_a_listener(service: Service):
    service.post(play("Anchor", user="leaving"))
    assert service.recommendations("leaving")["as_of"]
    assert service.http.delete("/users/leaving").status_code == 204
    until(lambda: [service.recommendations("leaving")["as_of"] for _ in range(ASKED)] == [None] * ASKED)


def that_answered(service: Service) -> dict[str, float]:
    """How often each replica was asked what to play next."""
    told = service.http.get("/metrics").text
    return {found[1]: float(found[2]) for found in re.finditer(COUNTED, told, re.MULTILINE)}
