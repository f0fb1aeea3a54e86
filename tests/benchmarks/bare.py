"""The floor that serving is measured against: the same recommender, and a file, behind one bare uvicorn process.

    python -m tests.benchmarks.bare BUNDLE TRACKS PORT

In: a model bundle, a JSON list of tracks as the service lists them. Out: `/recommendations` with a body like the service's, for a
listener who has finished the first five tracks; `/audio?file=PATH` with that file. No framework, nobody to ask, nothing to check.
"""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import parse_qs

import uvicorn
from pydantic import TypeAdapter
from starlette.responses import FileResponse
from starlette.types import Receive, Scope, Send
from threadpoolctl import threadpool_limits

from infra.models import Track
from serving.answers import Recommendations, RecommendedTrack
from tests.benchmarks.recommend import SEEDS
from training.data.signals import Signal
from training.recommend.recommender import SessionRecommender


def main() -> None:
    threadpool_limits(1, user_api="blas")  # as the service has it
    recommender = SessionRecommender.load(Path(sys.argv[1]))
    listed = TypeAdapter(list[Track]).validate_json(Path(sys.argv[2]).read_bytes())
    tracks = {track.id: track for track in listed}
    recent = [Signal(track.id, 1.0, 0) for track in listed[:SEEDS]]

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/audio":
            file = parse_qs(scope["query_string"].decode())["file"][0]
            await FileResponse(file)(scope, receive, send)
            return
        found = recommender.next_tracks(recent, 20)
        items = tuple(RecommendedTrack(track=tracks[r.track], score=r.score, because=r.because) for r in found)
        body = Recommendations(items=items, model_version="1", as_of=None).model_dump_json().encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    uvicorn.run(application, host="127.0.0.1", port=int(sys.argv[3]), log_level="warning", lifespan="off")


if __name__ == "__main__":
    main()
