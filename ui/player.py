"""What the player shows beside the music: Up next, each track with its reason in plain words.

In: the recommender's answer with its `because`. Out: the same as lines for the page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from infra.errors import NotFound
from infra.models import Because, Frozen, Track, TrackId, UserId
from serving.answers import Recommendations
from ui.client import Client

__all__ = ["NextItem", "UpNext", "up_next", "why"]

NAMED = 2


class NextItem(Frozen):
    """A track of Up next and why it is there."""

    track: Track
    why: str


class UpNext(Frozen):
    """Up next, and the newest event and the model version that it takes into account."""

    items: tuple[NextItem, ...]
    as_of: UUID | None
    model_version: str | None


def up_next(client: Client, user: UserId, n: int, seed: TrackId | None = None) -> UpNext:
    """The `n` tracks to play next with their reasons; raises what `Client` raises."""
    answer = client.recommendations(user, n, seed)
    titles = _titles(client, answer)
    items = tuple(NextItem(track=item.track, why=why(item.because, titles.get)) for item in answer.items)
    return UpNext(items=items, as_of=answer.as_of, model_version=answer.model_version)


def why(because: Because, title: Callable[[TrackId], str | None]) -> str:
    """A reason in plain words; `title` gives the title of a track, or None when it is not known."""
    reason = _reason(because, title)
    return f"{reason}; no plays of it learned yet" if because.never_played and because.kind == "sounds_like" else reason


def _reason(because: Because, title: Callable[[TrackId], str | None]) -> str:
    named = [found for track in because.tracks if (found := title(track))][:NAMED]
    if because.kind == "played_with":
        return f"Because you played {_and(named)}" if named else "Goes with what you play"
    if because.kind == "goes_with":
        return f"Goes with {_and(named)}" if named else "Goes with what you asked for"
    if because.kind == "sounds_like":
        return f"Sounds like {_and(named)}" if named else "Sounds like what you play"
    if because.kind == "popular":
        return "Played most here"
    if because.kind == "new":
        return "New here"
    return "Something different"


def _and(names: Sequence[str]) -> str:
    return " and ".join(names)


def _titles(client: Client, answer: Recommendations) -> dict[TrackId, str]:
    """Titles of the tracks that are reasons, each asked for once."""
    titles = {item.track.id: item.track.title for item in answer.items}
    for track in {track for item in answer.items for track in item.because.tracks[:NAMED]} - titles.keys():
        try:
            titles[track] = client.track(track).title
        except NotFound:  # removed since the model was trained
            continue
    return titles
