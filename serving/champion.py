"""The model that answers: the registry's champion, with the tracks that were ingested after its training.

In: the alias in MLflow's registry, and the catalogue. Out: one `Model`, replaced whole while the old one still answers.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from infra.errors import BundleError, NotFound, SegueError, ServiceError, TrainingError
from infra.models import TrackId
from serving.music.catalogue import Catalogue
from training.recommend.baselines import SoundNeighbours
from training.recommend.recommender import SessionRecommender

__all__ = ["Champion", "Model"]

log = logging.getLogger("segue.champion")

RETRY_S = 30.0
"""Until a champion that did not load is tried again: loading costs more than asking."""
FAULTS = (BundleError, NotFound, ServiceError, TrainingError)
TOLD: dict[type[SegueError], str] = {
    BundleError: "the newest model is damaged or of another Segue; `segue train` makes another",
    NotFound: "the newest model is not where the registry says; `segue train` makes another",
    TrainingError: "the newest model does not fit this library; `segue train` makes another",
    ServiceError: "the newest model cannot be had at the moment; `segue doctor` says what to do",
}
"""What anybody may read of a fault: the errors' own texts name folders and addresses, and are for the log."""
UNLISTED = "the newest tracks are not recommended yet; `segue train` makes a model that knows them"


class Model(NamedTuple):
    """What answers, at one moment."""

    recommender: SessionRecommender
    version: str | None
    """The registered version; None while there is none: then by sound alone."""
    unlisted: frozenset[TrackId]
    """Tracks the model knows and the library has no more."""
    generation: int
    """The catalogue's generation that it has taken in."""
    artists: Mapping[TrackId, str]
    """Artists of the library's tracks, as of then."""


class Fault(NamedTuple):
    """Why a step failed: in the error's own words, and in words for everybody."""

    text: str
    told: str


NO_FAULT = Fault("", "")


class Champion:
    """Holds the model; one thread calls `refresh`, any may read `model`."""

    def __init__(
        self,
        catalogue: Catalogue,
        ask: Callable[[], str | None],
        load: Callable[[str], SessionRecommender],
        poll_s: float,
    ) -> None:
        """`ask` names the champion's version (None: there is none), `load` brings it; both may raise `ServiceError`."""
        self._catalogue, self._ask, self._load, self._poll_s = catalogue, ask, load, poll_s
        self._trained: SessionRecommender | None = None
        self._ask_at = 0.0
        self._registry_fault = self._library_fault = NO_FAULT
        self.model = self._made(None, None)
        """The model to answer with: taken once a request."""

    @property
    def fault(self) -> str:
        """Why the newest champion, or the newest tracks, are not in the answers, for the log; empty when they are."""
        return self._registry_fault.text or self._library_fault.text

    @property
    def told(self) -> str:
        """The same for everybody: no folders, no addresses."""
        return self._registry_fault.told or (UNLISTED if self._library_fault.text else "")

    def refresh(self) -> None:
        """Take a new champion and new tracks, when there are any; the old model stays when that fails."""
        if time.monotonic() >= self._ask_at:
            self._ask_at = time.monotonic() + self._poll_s
            self._registry_fault = _fault_of(self._follow_registry, self._registry_fault)
        if self.model.generation != self._catalogue.generation:
            self._library_fault = _fault_of(self._follow_library, self._library_fault)

    def _follow_registry(self) -> None:
        version = self._ask()
        if version is None or version == self.model.version:
            return
        log.info("loading model version %s", version)
        try:
            trained = self._load(version)
            self.model = self._made(trained, version)
        except (BundleError, TrainingError):
            self._ask_at = time.monotonic() + RETRY_S
            raise
        self._trained = trained
        log.info("model version %s answers from now on", version)

    def _follow_library(self) -> None:
        generation = self._catalogue.generation
        try:
            self.model = self._made(self._trained, self.model.version)
        except FAULTS:
            # Not tried again until the library changes: the same tracks would fail the same way.
            self.model = self.model._replace(generation=generation)
            raise

    def _made(self, trained: SessionRecommender | None, version: str | None) -> Model:
        generation, artists, albums = self._catalogue.generation, self._catalogue.artists(), self._catalogue.albums()
        if trained is None:
            recommender: SessionRecommender = SoundNeighbours(self._catalogue.vectors(), artists, albums)
        else:
            recommender = trained.with_tracks(self._catalogue.vectors(trained.normaliser_version), artists, albums)
        unlisted = frozenset(recommender.tracks) - self._catalogue.entries.keys()
        return Model(recommender, version, unlisted, generation, artists)


def _fault_of(step: Callable[[], None], before: Fault) -> Fault:
    try:
        step()
    except FAULTS as error:
        if str(error) != before.text:
            log.warning("the model stays as it is: %s", error)
        return Fault(str(error), next(told for kind, told in TOLD.items() if isinstance(error, kind)))
    return NO_FAULT
