"""Numbers for Prometheus.

In: requests as they are answered, and what each application counts. Out: the text exposition of all replicas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

__all__ = ["Metrics", "merged"]

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """What one replica counts; every number carries its name, and its application's."""

    def __init__(self, application: str, replica: str = "") -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._who = {"application": application, "replica": replica}
        labels = [*self._who, "method", "route", "status"]
        self._requests = Counter("segue_http_requests", "Requests answered", labels, registry=self.registry)
        self._sending = Gauge(
            "segue_http_answers_open", "Answers being sent", [*self._who, "route"], registry=self.registry
        )
        self._seconds = Histogram(
            "segue_http_request_seconds",
            "Time until an answer begins",
            labels[:-1],
            buckets=BUCKETS_S,
            registry=self.registry,
        )

    def began(self, route: str) -> None:
        """An answer begins to be sent; a stream takes its time over it."""
        self._sending.labels(*self._who.values(), route).inc()

    def ended(self, route: str) -> None:
        """An answer that had begun is sent, or its client has left."""
        self._sending.labels(*self._who.values(), route).dec()

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request, `seconds` until its answer began."""
        self._requests.labels(*self._who.values(), method, route, status).inc()
        self._seconds.labels(*self._who.values(), method, route).observe(seconds)

    def counter(self, name: str, what: str) -> Counter:
        """A counter `name` of this replica."""
        return Counter(name, what, [*self._who], registry=self.registry).labels(**self._who)

    def gauge(self, name: str, what: str, value: Callable[[], float]) -> None:
        """A number read from `value` whenever somebody asks."""
        Gauge(name, what, [*self._who], registry=self.registry).labels(**self._who).set_function(value)

    def text(self) -> str:
        """All numbers of this replica."""
        return generate_latest(self.registry).decode()


def merged(*texts: str) -> str:
    """Several replicas' numbers as one exposition, each family named once."""
    families: dict[str, Metric] = {}
    for text in texts:
        for family in text_string_to_metric_families(text):
            families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            families[family.name].samples.extend(family.samples)
    return generate_latest(_Families(families)).decode()


class _Families(Collector):
    """Families as they are, in the form that is written out."""

    def __init__(self, families: dict[str, Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families.values()
