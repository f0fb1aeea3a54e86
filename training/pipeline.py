"""A training from end to end: MongoDB → Spark → Parquet → Torch → recommender → MLflow → perhaps the new champion.

In: settings, addresses, a `ModelConfig`. Out: a `TrainingReport`; a registered version that serving takes by itself
when it became champion. Read this file first: every stage is one call here.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from etl.sound.normalise import Normaliser
from infra.addresses import Addresses
from infra.errors import TrainingError
from infra.models import Frozen
from infra.settings import Settings
from infra.store import Store
from training import dataset, registry, spark
from training.challenge import Figures, baselines, challenge, held_out
from training.model import ModelConfig
from training.recommender import SessionRecommender
from training.register import track_run
from training.spark_prepare import Prepared, prepare
from training.train import fit

__all__ = ["Progress", "TrainingReport", "train"]

Progress = Callable[[str], None]

EXAMPLE_LENGTH = 3


class TrainingReport(Frozen):
    """What came of a training."""

    version: str
    run_id: str
    champion: bool
    """Whether it serves from now on."""
    why: str
    tracks: int
    left_out: int
    """Tracks without a usable sound vector."""
    sessions: int
    plays: int
    metrics: Figures
    """On the held-out plays; empty without any."""
    baselines: dict[str, Figures]
    """The same by baseline; `champion` is the version that served until now."""
    seconds: dict[str, float]
    """By stage."""


def train(settings: Settings, addresses: Addresses, config: ModelConfig, *, progress: Progress) -> TrainingReport:
    """Learn from all that the store holds. Raises `TrainingError` when there is nothing, `ServiceError` for a part away."""
    stages = Stages(progress)
    with Store(addresses.mongo, settings.mongo_database) as store, _workspace(settings) as folder:
        normaliser_version, normaliser = _normaliser(store)
        with stages("spark"):
            prepared = _prepare(settings, store, folder, normaliser_version, progress)
        data = dataset.load(prepared.tracks, prepared.sessions, normaliser)
        with track_run(addresses.mlflow, _parameters(config), _fingerprint(prepared, normaliser_version)) as run:

            def log(epoch: int, figures: dict[str, float]) -> None:
                run.epoch(epoch, figures)
                progress(f"epoch {epoch + 1} of {config.epochs}: loss {figures['loss']:.3f}")

            with stages("fit"):
                fitted = fit(config, data, log)
            with stages("build"):
                recommender = SessionRecommender.build(
                    fitted, data, config.ranking, seed=config.seed, normaliser_version=normaliser_version
                )
                recommender.save(folder / registry.BUNDLE)
            with stages("evaluate"):
                asked = held_out(data)
                beside = baselines(data, asked)
                verdict = challenge(recommender, data, asked, uri=addresses.mlflow, models=settings.models)
            with stages("register"):
                run.metrics(verdict.challenger)
                run.report("evaluation.json", verdict.model_dump() | {"baselines": beside})
                version = run.register(folder / registry.BUNDLE, data.track_ids[:EXAMPLE_LENGTH])
                if verdict.takes_over:
                    registry.promote(addresses.mlflow, version)
    return TrainingReport(
        version=version,
        run_id=run.id,
        champion=verdict.takes_over,
        why=verdict.why,
        tracks=prepared.n_tracks,
        left_out=prepared.left_out,
        sessions=prepared.n_sessions,
        plays=prepared.n_plays,
        metrics=verdict.challenger,
        baselines=beside | ({"champion": verdict.champion} if verdict.champion else {}),
        seconds=stages.seconds,
    )


class Stages:
    """Says which stage has begun and notes how long each took."""

    def __init__(self, progress: Progress) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Around one stage."""
        self._progress(name)
        began = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - began, 2)


@contextmanager
def _workspace(settings: Settings) -> Iterator[Path]:
    runs = settings.home / "training"
    runs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=runs, prefix="run-") as folder:
        yield Path(folder)


def _normaliser(store: Store) -> tuple[int, Normaliser]:
    store.ping()
    latest = store.normalisers.latest()
    if latest is None or not store.tracks.count():
        raise TrainingError("no tracks yet: `segue ingest DIR` brings some in")
    version, state = latest
    return version, Normaliser.from_state(state)


def _prepare(settings: Settings, store: Store, folder: Path, normaliser_version: int, progress: Progress) -> Prepared:
    with spark.session(settings, rows=store.tracks.count() + store.plays.count()) as session:
        prepared = prepare(
            session,
            store,
            folder,
            normaliser_version=normaliser_version,
            gap_minutes=settings.session_gap_minutes,
            now_ms=time.time_ns() // 1_000_000,
        )
    if prepared.left_out:
        progress(
            f"{prepared.left_out} tracks are left out: they have no sound vector of normaliser {normaliser_version}"
        )
    if not prepared.n_tracks:
        raise TrainingError("no track has a sound vector: run `segue ingest DIR` again to normalise the library")
    progress(f"{prepared.n_tracks} tracks, {prepared.n_plays} play events in {prepared.n_sessions} sessions")
    return prepared


def _parameters(config: ModelConfig) -> dict[str, object]:
    flat = config.model_dump(exclude={"ranking"})
    return flat | {f"ranking.{name}": value for name, value in config.ranking.model_dump().items()}


def _fingerprint(prepared: Prepared, normaliser_version: int) -> dict[str, str]:
    """What tells this data from other data."""
    return {
        "data.tracks": str(prepared.n_tracks),
        "data.plays": str(prepared.n_plays),
        "data.newest_play_ms": str(prepared.newest_play_ms),
        "data.sessions": str(prepared.n_sessions),
        "data.normaliser": str(normaliser_version),
    }
