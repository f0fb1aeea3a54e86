"""A training from end to end: MongoDB → Spark → Parquet → Torch → recommender → MLflow → perhaps the new champion.

In: settings, addresses, a `ModelConfig`. Out: a `TrainingReport`; a registered version that serving takes by itself
when it became champion. Read this file first: every stage is one call here. Killed at any moment, the next training
that is asked for the same goes on where this one was.
"""

from __future__ import annotations

import time
from functools import partial
from importlib.metadata import version as installed

from etl.sound.normalise import Normaliser
from infra.addresses import Addresses
from infra.clock import now_ms
from infra.errors import Outdated, TrainingError
from infra.settings import Settings
from infra.store import Store
from infra.under_way import UnderWay
from training.data import dataset
from training.data.dataset import TrainingData
from training.data.fingerprint import fingerprint
from training.judge.challenge import Verdict, baselines, challenge, held_out, serving
from training.learn.course import learn
from training.learn.landscape import landscape
from training.learn.model import ModelConfig
from training.learn.search import JUDGE, Search, TellOfTrials
from training.learn.train import Fit, Log, fit
from training.recommend import bundle
from training.registry import versions as registry
from training.registry.acceptance import NORMALISER
from training.spark.forgotten import someone_forgotten
from training.spark.prepare import Prepared, prepare
from training.spark.session import session
from training.tidy import tidy
from training.tracking.card import Subject
from training.tracking.record import data_tags, parameters, show, version_tags
from training.tracking.register import TrackedRun, abandon, track_run
from training.tracking.report import Progress, Stages, TrainingReport
from training.workspace import Job, Workspace, workspace

__all__ = ["Progress", "TrainingReport", "train"]

EXAMPLE_LENGTH = 3


def train(
    settings: Settings,
    addresses: Addresses,
    config: ModelConfig,
    *,
    progress: Progress,
    trials: int = 0,
    workers: int = 1,
) -> TrainingReport:
    """Learn from all that the store holds; with `trials`, parameters that `config` was not given are searched first.

    Raises `TrainingError` when there is nothing to learn from, `Busy` when another training runs, `ServiceError` for a
    part away.
    `trials`, and `workers` other than 1, need Ray.
    """
    with Store(addresses.mongo, settings.mongo_database) as store:
        version, normaliser = _normaliser(store)
        told = (settings.mongo_database, version, settings.session_gap_minutes, trials, workers)
        asked = repr((*told, config, sorted(config.model_fields_set), installed("segue")))
        watched = UnderWay(store.work, "training")
        stages = Stages(progress, watched)
        with workspace(settings, asked, partial(_forsake, addresses.mlflow)) as work, watched("spark"):
            prepared = _prepared(settings, addresses, store, work, version, stages)
            data = dataset.load(prepared.tracks, prepared.sessions, normaliser)
            tags = data_tags(prepared, version, fingerprint(data))
            with track_run(addresses.mlflow, tags, again=work.job.run_id) as run:
                work.note(run_id=run.id)
                search = _searched(config, data, trials, addresses.ray, run, work, stages)
                chosen = search.applied(config) if search is not None else config
                run.parameters(parameters(chosen))
                with stages("fit"):
                    recommender = learn(
                        chosen,
                        data,
                        _tell_epochs(chosen, run, stages),
                        how=_way(settings, addresses.ray, workers),
                        progress=stages.step,
                        normaliser_version=version,
                        checkpoints=work.checkpoints,
                    )
                    recommender = recommender.with_layout(landscape(recommender.vectors, chosen.seed))
                    saved = work.emptied(registry.BUNDLE)
                    recommender.save(saved)
                    bundle.write(saved, {}, {NORMALISER: normaliser.to_state(), "config": chosen.model_dump()})
                    bundle.seal(saved)
                with stages("evaluate"):
                    champion = serving(addresses.mlflow, settings.models, store)
                    questions = held_out(data, prepared.sessions, champion)
                    beside = baselines(data, questions)
                    verdict = challenge(recommender, champion, data, questions)
                with stages("register"):
                    subject = Subject(chosen, prepared, len(questions.pairs), verdict, beside, tags, search)
                    show(run, subject, saved)
                    _still_allowed(prepared, store)
                    registered = run.register(
                        saved, data.track_ids[:EXAMPLE_LENGTH], version_tags(tags, search, stages.all_seconds)
                    )
                    if verdict.takes_over:
                        registry.promote(addresses.mlflow, registered)
            watched.came_to(_outcome(registered, verdict, prepared))
            tidy(settings, addresses.mlflow, store, stages.say)
    return TrainingReport.of(subject, registered, run.id, stages.seconds)


def _normaliser(store: Store) -> tuple[int, Normaliser]:
    """The newest that most tracks have a vector of: while the library is given new ones, that is the one before."""
    store.ping()
    latest = store.normalisers.latest()
    if latest is None or not store.tracks.count():
        raise TrainingError("no tracks yet: `segue ingest DIR` brings some in")
    newest, state = latest
    before = store.normalisers.load(newest - 1)
    if before is not None and before["features_version"] == state["features_version"]:
        having = store.tracks.having_vector
        if having(newest - 1) > having(newest):
            return newest - 1, Normaliser.from_state(before)
    return newest, Normaliser.from_state(state)


def _prepared(
    settings: Settings, addresses: Addresses, store: Store, work: Workspace, normaliser_version: int, stages: Stages
) -> Prepared:
    """What Spark made of the store: now, or before an interruption when nobody was forgotten or took a play back since."""
    before = work.job.prepared
    if before is not None and not (
        store.plays.amended_since(before.read_ms) or someone_forgotten(before.sessions, store)
    ):
        begun = time.strftime("%H:%M", time.localtime(work.job.begun_ms / 1000))
        stages.say(f"going on with the training that was interrupted; its plays were read at {begun}")
        return before
    _forsake(addresses.mlflow, work.job)
    work.clear()
    with stages("spark"), session(settings, rows=store.tracks.count() + store.plays.count()) as spark:
        prepared = prepare(
            spark,
            store,
            work.folder,
            normaliser_version=normaliser_version,
            gap_minutes=settings.session_gap_minutes,
            now_ms=now_ms(),
        )
    if prepared.left_out:
        stages.say(
            f"{prepared.left_out} tracks are left out: they have no sound vector of normaliser {normaliser_version}"
        )
    if not prepared.n_tracks:
        raise TrainingError("no track has a sound vector: run `segue ingest DIR` again to normalise the library")
    stages.say(f"{prepared.n_tracks} tracks, {prepared.n_plays} play events in {prepared.n_sessions} sessions")
    work.note(prepared=prepared)
    return prepared


def _searched(
    config: ModelConfig,
    data: TrainingData,
    trials: int,
    address: str,
    run: TrackedRun,
    work: Workspace,
    stages: Stages,
) -> Search | None:
    """The search for parameters: now, or the one that an interrupted training had done."""
    if not trials or work.job.search is not None:
        return work.job.search
    from training.learn.tune import search  # noqa: PLC0415 - Ray must not be imported before its address is known

    with stages("tune"):
        log = TellOfTrials(run.trials(), stages.say)
        found = search(config, data, trials, address=address, folder=work.emptied("tune"), log=log)
    stages.say(f"best: {found.best.told()}")
    work.note(search=found)
    return found


def _way(settings: Settings, address: str, workers: int) -> Fit:
    """How to fit: in this process, or on workers of the cluster."""
    if workers == 1:
        return fit
    from training.learn.distributed import fit_on_ray  # noqa: PLC0415 - as in `_searched`

    return partial(fit_on_ray, address=address, workers=workers, shared=settings.fit)


def _outcome(version: str, verdict: Verdict, prepared: Prepared) -> str:
    serves = "serves now" if verdict.takes_over else "does not serve"
    learned = f"{prepared.n_tracks} tracks and {prepared.n_plays} plays"
    return f"version {version} learned from {learned} and {serves}: {verdict.why}"


def _tell_epochs(config: ModelConfig, run: TrackedRun, stages: Stages) -> Log:
    def log(epoch: int, figures: dict[str, float]) -> None:
        run.epoch(epoch, figures)
        judged = f", held-out p@20 {figures[JUDGE]:.1%}" if JUDGE in figures else ""
        told = f"epoch {epoch + 1} of {config.epochs}: loss {figures['loss']:.3f}{judged}"
        stages.say(told)
        stages.part("epochs", epoch + 1, config.epochs, told)

    return log


def _still_allowed(prepared: Prepared, store: Store) -> None:
    if someone_forgotten(prepared.sessions, store):
        raise Outdated("a listener was forgotten while this model was trained, so it is not kept: train again")


def _forsake(uri: str, job: Job) -> None:
    if job.run_id:
        abandon(uri, job.run_id)
