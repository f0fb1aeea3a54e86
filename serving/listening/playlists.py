"""A listener's playlists.

In: names and lists of track ids. Out: playlists as they are kept; 409 for a change to what has changed meanwhile.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field, StringConstraints

from infra.errors import NotFound
from infra.models import Frozen, Track, TrackId
from infra.store import MOST_TRACKS, Playlist, PlaylistStore
from serving.answers import Answer, as_json
from serving.http.asking import asked
from serving.http.parameters import GivenTrack, User
from serving.http.problems import ProblemError, documented
from serving.http.rates import Rate
from serving.music.catalogue import REQUEST_S, Catalogue

__all__ = ["GivenPlaylist", "PlaylistTracks", "Playlists", "ShownPlaylist", "ShownPlaylists"]

MOST_PLAYLISTS = 1_000
COVERS = 4
CHANGES = "600 per minute"

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="Id of the playlist")]


class GivenPlaylist(Frozen):
    """What a playlist is to be."""

    name: Name
    tracks: Annotated[tuple[GivenTrack, ...], Field(max_length=MOST_TRACKS)] = ()


class ChangedPlaylist(GivenPlaylist):
    """What a playlist is to become; `revision` is the one that the change was made to."""

    revision: int = Field(ge=1, le=2**53)


class ShownPlaylist(Answer):
    """A playlist without its tracks."""

    id: str
    name: str
    n_tracks: int
    duration_ms: int
    cover_tracks: tuple[TrackId, ...]
    """The first tracks of up to four albums, those with covers."""
    changed_at: datetime
    revision: int


class ShownPlaylists(Answer):
    """All playlists of a listener, the one changed last first."""

    items: tuple[ShownPlaylist, ...]


class PlaylistTracks(ShownPlaylist):
    """A playlist with those of its tracks that the library has."""

    items: tuple[Track, ...]


class Playlists:
    """The routes about playlists."""

    def __init__(self, playlists: PlaylistStore, catalogue: Catalogue) -> None:
        self._playlists, self._catalogue = playlists, catalogue
        self._rate = Rate(CHANGES, "changes of playlists")

    def add_to(self, routes: APIRouter, **guarded: Any) -> None:
        """Add the routes, without the prefix."""
        add = routes.add_api_route
        conflict: dict[int | str, dict[str, Any]] = {409: documented(409)}
        every, one = "/{user}/playlists", "/{user}/playlists/{playlist_id}"
        add(every, self.all, response_model=ShownPlaylists, **guarded)
        add(
            every,
            self.make,
            methods=["POST"],
            status_code=201,
            response_model=PlaylistTracks,
            responses=conflict,
            **guarded,
        )
        add(one, self.one, response_model=PlaylistTracks, **guarded)
        add(one, self.change, methods=["PUT"], response_model=PlaylistTracks, responses=conflict, **guarded)
        add(one, self.delete, methods=["DELETE"], status_code=204, **guarded)

    async def all(self, user: User) -> Response:
        """This listener's playlists, the one changed last first."""
        found = await asked(lambda: self._playlists.of(user), REQUEST_S)
        # In threads, here and below: many long playlists must not hold up what others ask.
        return await asyncio.to_thread(
            lambda: as_json(ShownPlaylists(items=tuple(ShownPlaylist(**self._shown(one)) for one in found)))
        )

    async def make(self, user: User, given: GivenPlaylist, request: Request) -> Response:
        """A new playlist; tracks that the library does not have are left out of what is shown, and kept."""
        await self._counted(request)
        made = await asked(lambda: self._playlists.add(user, given.name, given.tracks, MOST_PLAYLISTS), REQUEST_S)
        if made is None:
            raise ProblemError(409, f"there are {MOST_PLAYLISTS} playlists already, and no more can be kept")
        return await asyncio.to_thread(self._whole, made, 201)

    async def one(self, user: User, playlist_id: Id) -> Response:
        """A playlist with its tracks."""
        found = await asked(lambda: self._playlists.get(user, playlist_id), REQUEST_S)
        if found is None:
            raise NotFound("no such playlist")
        return await asyncio.to_thread(self._whole, found)

    async def change(self, user: User, playlist_id: Id, given: ChangedPlaylist, request: Request) -> Response:
        """Another name or other tracks; 409 when somebody else has changed it since `revision`."""
        await self._counted(request)
        changed = await asked(
            lambda: self._playlists.change(user, playlist_id, given.name, given.tracks, given.revision), REQUEST_S
        )
        if changed is None:
            now = await asked(lambda: self._playlists.get(user, playlist_id), REQUEST_S)
            if now is None:
                raise NotFound("no such playlist")
            raise ProblemError(
                409, f"the playlist has changed meanwhile: its revision is {now.revision}", field="revision"
            )
        return await asyncio.to_thread(self._whole, changed)

    async def delete(self, user: User, playlist_id: Id, request: Request) -> Response:
        """Delete a playlist; its tracks stay in the library."""
        await self._counted(request)
        if not await asked(lambda: self._playlists.delete(user, playlist_id), REQUEST_S):
            raise NotFound("no such playlist")
        return Response(status_code=204)

    async def _counted(self, request: Request) -> None:
        if request.state.caller is not None:
            await self._rate.take(request.state.caller)

    def _tracks(self, playlist: Playlist) -> list[Track]:
        entries = self._catalogue.entries
        return [entries[track].track for track in playlist.tracks if track in entries]

    def _whole(self, playlist: Playlist, status: int = 200) -> Response:
        return as_json(PlaylistTracks(**self._shown(playlist), items=tuple(self._tracks(playlist))), status)

    def _shown(self, playlist: Playlist) -> dict[str, Any]:
        tracks = self._tracks(playlist)
        covers: dict[str, TrackId] = {}
        for track in tracks:
            if track.cover:
                covers.setdefault(track.album or track.id, track.id)
        return {
            "id": playlist.id,
            "name": playlist.name,
            "n_tracks": len(tracks),
            "duration_ms": sum(track.duration_ms for track in tracks),
            "cover_tracks": tuple(covers.values())[:COVERS],
            "changed_at": playlist.changed_at,
            "revision": playlist.revision,
        }
