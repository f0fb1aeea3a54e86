"""The floor that serving is measured against: the same recommender behind one bare uvicorn process.

python -m tests.benchmarks.bare BUNDLE PORT
"""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from training.data.signals import Signal
from training.recommend.recommender import SessionRecommender


def main() -> None:
    recommender = SessionRecommender.load(Path(sys.argv[1]))
    recent = [Signal(track, 1.0, 0) for track in sorted(recommender.tracks)[:5]]
    app = FastAPI()

    @app.get("/recommendations")
    async def recommendations(n: int = 20) -> list[dict[str, object]]:
        return [r.model_dump(mode="json") for r in recommender.next_tracks(recent, n)]

    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")


if __name__ == "__main__":
    main()
