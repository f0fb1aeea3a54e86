"""How well sound alone finds what belongs together: halves of a track, tracks of an album, and a track by its small copy.

    python -m tests.benchmarks.sound DIR [--train DIR] [--json] [--jobs N]

In: a folder of MP3s with album tags. Out: for `ours` (features and normaliser of the service), `learned` (the content part
of a model that has no plays to learn from, over the very vectors of `ours`) and three known methods, the share of first
halves that find their second half first (`halves_p_at_1`) and the mean reciprocal rank (`halves_mrr`), the share of the
nearest one and ten from the same album (`p_at_1`, `p_at_10`), and the share of 64 kbit/s copies that find their original
first (`copy_p_at_1`). Scalers and PCA are fitted on the whole tracks that are judged, not on parts, and see no label.
`learned` is trained on the music of `--train`; without it, each track is judged by a model that saw nothing of its album.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from etl.sound.features import measure
from etl.sound.normalise import Normaliser
from etl.sound.spectrum import SAMPLE_RATE, Frames, measure_frames
from tests.benchmarks.ingest import encode
from tests.benchmarks.measured import Measured, blocks, decode, labels, measured, unplayed
from training.data.vectors import unit
from training.learn.model import ModelConfig
from training.learn.train import fit

Values = NDArray[np.float64]
Distances = Callable[[Values], Callable[[Values, Values], Values]]
"""Fitted on the values of whole tracks (n, d), it gives the distances (a, b) between two lists of values."""

NEAREST = 10
FOLDS = 5
ESSENTIA = importlib.util.find_spec("essentia") is not None


class Track(NamedTuple):
    """What each method needs of a track: its values for the whole, the first half, the second half and the copy."""

    whole: Measured
    values: dict[str, list[Values]]


def describe(file: Path) -> Track:
    """One track, measured by every method."""
    samples = decode(file)
    first, second = np.array_split(samples, 2)
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        whole = Measured(file, labels(file), measure(blocks(samples)))
        sounds = [samples, first, second, decode(encode(file, Path(folder)))]
        ours_of = [whole.features, *(measure(blocks(sound)) for sound in sounds[1:])]
        values = {"ours": [np.asarray(one.values) for one in ours_of]}
        beside = zip(*map(values_beside, sounds), strict=True)
        return Track(whole, values | dict(zip(BESIDE, map(list, beside), strict=True)))


def values_beside(samples: NDArray[np.float32]) -> list[Values]:
    """The values of one sound by each of the known methods, in their order."""
    frames = measure_frames(blocks(samples))
    values = [np.asarray(frames.mfcc.mean(axis=1)), mean_and_deviation(frames)]
    return [*values, essentia_mfcc(samples)] if ESSENTIA else values


def mean_and_deviation(frames: Frames) -> Values:
    """Mean and standard deviation of MFCCs, centroid and zero-crossing rate."""
    rows = np.vstack([frames.mfcc, frames.centroid_hz, frames.zcr])
    return np.concatenate([rows.mean(axis=1), rows.std(axis=1)])


def essentia_mfcc(samples: NDArray[np.float32]) -> Values:
    """Mean and covariance of Essentia's 13 MFCCs, with its extractor's frames."""
    import essentia.standard as es  # not everybody has it

    window, spectrum = es.Windowing(type="blackmanharris62"), es.Spectrum()
    mfcc = es.MFCC(sampleRate=SAMPLE_RATE, inputSize=1025)
    frames = es.FrameGenerator(samples, frameSize=2048, hopSize=1024)
    coefficients = np.array([mfcc(spectrum(window(frame)))[1] for frame in frames], np.float64)
    return np.concatenate([coefficients.mean(axis=0), np.cov(coefficients.T)[np.triu_indices(13)]])


def euclidean(a: Values, b: Values) -> Values:
    return np.linalg.norm(a[:, None] - b[None], axis=2)


def ours(whole: Values) -> Callable[[Values, Values], Values]:
    """Cosine distance of the service's vectors."""
    vectors = Normaliser.fit(whole).transform
    return lambda a, b: -(vectors(a) @ vectors(b).T)


def cosine_of_standardised(whole: Values) -> Callable[[Values, Values], Values]:
    """Standardised, PCA to 95 % of the variance, cosine distance."""
    scaler = StandardScaler().fit(whole)
    pca = PCA(0.95, svd_solver="full").fit(scaler.transform(whole))

    def unit(values: Values) -> Values:
        reduced = pca.transform(scaler.transform(values))
        return reduced / np.linalg.norm(reduced, axis=1, keepdims=True)

    return lambda a, b: -(unit(a) @ unit(b).T)


BESIDE: dict[str, Distances] = {
    "mean_mfcc": lambda _: euclidean,
    "seed_features": cosine_of_standardised,
} | ({"essentia": cosine_of_standardised} if ESSENTIA else {})


def learned(tracks: Sequence[Track], train: Sequence[Measured]) -> Distances:
    """Cosine distance in the space of models trained on `train`, or on the albums of `tracks` that a track is not of."""

    def fitted(whole: Values) -> Callable[[Values, Values], Values]:
        normaliser = Normaliser.fit(whole)
        models = [(rows, content(others, normaliser)) for rows, others in splits(tracks, train)]

        def distances(a: Values, b: Values) -> Values:
            table = np.empty((len(a), len(b)))
            for rows, vectors in models:
                table[rows] = -(vectors(a[rows]) @ vectors(b).T)
            return table

        return distances

    return fitted


def splits(
    tracks: Sequence[Track], train: Sequence[Measured]
) -> Iterator[tuple[NDArray[np.int64], Sequence[Measured]]]:
    """Places in `tracks` that are judged together, and what their model is trained on: nothing of their albums."""
    if train:
        yield np.arange(len(tracks)), train
        return
    albums = np.array([track.whole.labels.album for track in tracks])
    order = np.random.default_rng(0).permutation(np.unique(albums))
    for fold in range(min(FOLDS, len(order))):
        judged = np.isin(albums, order[fold::FOLDS])
        yield np.flatnonzero(judged), [tracks[i].whole for i in np.flatnonzero(~judged)]


def content(train: Sequence[Measured], normaliser: Normaliser) -> Callable[[Values], Values]:
    """From values to vectors by the content part of a model trained on `train`; the normaliser's own without music."""
    model = fit(ModelConfig(), unplayed(train, normaliser)).content if train else None
    if model is None:
        return normaliser.transform
    return lambda values: unit(model(normaliser.transform(values)))


def judge(tracks: Sequence[Track], values_by: str, method: Distances) -> dict[str, float]:
    """The five figures of one method over one kind of values."""
    whole, first, second, copies = (np.array([t.values[values_by][i] for t in tracks], np.float64) for i in range(4))
    distances = method(whole)
    halves = ranks(distances(first, second))
    albums = np.array([t.whole.labels.album for t in tracks])
    same_1, same_10 = same_album(distances(whole, whole), albums)
    figures = {
        "p_at_1": same_1,
        "p_at_10": same_10,
        "halves_p_at_1": float((halves == 1).mean()),
        "halves_mrr": float((1 / halves).mean()),
        "copy_p_at_1": float((ranks(distances(copies, whole)) == 1).mean()),
    }
    return {name: round(value, 4) for name, value in figures.items()}


def ranks(distances: Values) -> NDArray[np.int64]:
    """For each row, the place of its own column among all; equally near ones come before it."""
    return (distances <= np.diag(distances)[:, None]).sum(axis=1)


def same_album(distances: Values, albums: NDArray[np.str_]) -> tuple[float, float]:
    """Mean share of the nearest one and ten from the same album, over tracks whose album has another in the folder."""
    order = np.argsort(np.where(np.eye(len(albums), dtype=bool), np.inf, distances), axis=1, kind="stable")[:, :-1]
    same = albums[order] == albums[:, None]
    others = same.sum(axis=1)
    asked = (others > 0) & (albums != "")
    shares = same[:, :NEAREST].sum(axis=1) / np.minimum(NEAREST, np.maximum(others, 1))
    return float(same[asked, 0].mean()), float(shares[asked].mean())


def compare(music: Path, jobs: int, train: Path | None = None) -> dict[str, object]:
    """All methods on the same tracks; `essentia` is None where it is not installed."""
    with ProcessPoolExecutor(jobs) as pool:
        tracks = list(pool.map(describe, sorted(music.rglob("*.mp3"))))
    others = measured(train, jobs) if train else []
    figures: dict[str, object] = {
        "tracks": len(tracks),
        "albums": len({t.whole.labels.album for t in tracks}),
        "trained_on": len(others),
        "ours": judge(tracks, "ours", ours),
        "learned": judge(tracks, "ours", learned(tracks, others)),
        "essentia": None,
    }
    return figures | {name: judge(tracks, name, method) for name, method in BESIDE.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("music", type=Path)
    parser.add_argument("--train", type=Path, help="other music, for `learned` to learn from")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    figures = compare(given.music, given.jobs, given.train)
    if not given.json:
        for method, measured in figures.items():
            shown = measured.items() if isinstance(measured, dict) else [("", measured)]
            print(f"{method:14}", *(f"{name} {value}" for name, value in shown))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
