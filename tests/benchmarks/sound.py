"""How well sound alone finds what belongs together: halves of a track, tracks of an album, and a track by its small copy.

    python -m tests.benchmarks.sound DIR [--json] [--jobs N]

In: a folder of MP3s with album tags. Out: for `ours` (features and normaliser of the service) and three known methods, the
share of first halves that find their second half first (`halves_p_at_1`) and the mean reciprocal rank (`halves_mrr`), the
share of the nearest one and ten from the same album (`p_at_1`, `p_at_10`), and the share of 64 kbit/s copies that find
their original first (`copy_p_at_1`). No method sees a label; scalers and PCA are fitted on the whole tracks, not on parts.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import mutagen
import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from etl.sound.features import measure
from etl.sound.normalise import Normaliser
from etl.sound.spectrum import SAMPLE_RATE, Frames, measure_frames
from tests.benchmarks.ingest import encode

Values = NDArray[np.float64]
Distances = Callable[[Values], Callable[[Values, Values], Values]]
"""Fitted on the values of whole tracks (n, d), it gives the distances (a, b) between two lists of values."""

BLOCK = 1 << 20
NEAREST = 10
ESSENTIA = importlib.util.find_spec("essentia") is not None


class Track(NamedTuple):
    """What each method needs of a track: its values for the whole, the first half, the second half and the copy."""

    album: str
    values: dict[str, list[Values]]


def decode(file: Path) -> NDArray[np.float32]:
    """Mono samples at 22,050 Hz."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", f"file:{file}", "-map", "0:a:0", "-f", "f32le", "-ac", "1"]
    decoded = subprocess.run([*command, "-ar", str(SAMPLE_RATE), "pipe:"], check=True, capture_output=True).stdout
    return np.frombuffer(decoded, np.float32)


def describe(file: Path) -> Track:
    """One track, measured by every method."""
    tags = mutagen.File(file, easy=True)
    samples = decode(file)
    first, second = np.array_split(samples, 2)
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        sounds = [samples, first, second, decode(encode(file, Path(folder)))]
        return Track(
            (tags or {}).get("album", [""])[0],
            dict(zip(METHODS, zip(*map(values_of, sounds), strict=True), strict=True)),
        )


def values_of(samples: NDArray[np.float32]) -> list[Values]:
    """The values of one sound by each of the methods, in their order."""
    blocks = [samples[i : i + BLOCK] for i in range(0, samples.size, BLOCK)]
    frames = measure_frames(blocks)
    values = [np.asarray(measure(blocks).values), frames.mfcc.mean(axis=1), mean_and_deviation(frames)]
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


METHODS: dict[str, Distances] = {
    "ours": ours,
    "mean_mfcc": lambda _: euclidean,
    "seed_features": cosine_of_standardised,
} | ({"essentia": cosine_of_standardised} if ESSENTIA else {})


def judge(tracks: Sequence[Track], method: str) -> dict[str, float]:
    """The five figures of one method."""
    whole, first, second, copies = (np.array([t.values[method][i] for t in tracks], np.float64) for i in range(4))
    distances = METHODS[method](whole)
    halves = ranks(distances(first, second))
    same_1, same_10 = same_album(distances(whole, whole), np.array([t.album for t in tracks]))
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


def compare(music: Path, jobs: int) -> dict[str, object]:
    """All methods on the same tracks; `essentia` is None where it is not installed."""
    with ProcessPoolExecutor(jobs) as pool:
        tracks = list(pool.map(describe, sorted(music.rglob("*.mp3"))))
    figures = dict.fromkeys((*METHODS, "essentia")) | {method: judge(tracks, method) for method in METHODS}
    return {"tracks": len(tracks), "albums": len({t.album for t in tracks}), **figures}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("music", type=Path)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    figures = compare(given.music, given.jobs)
    if not given.json:
        for method, measured in figures.items():
            shown = measured.items() if isinstance(measured, dict) else [("", measured)]
            print(f"{method:14}", *(f"{name} {value}" for name, value in shown))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
