"""Browsing and searching the library: `/tracks`, `/albums`, `/artists`, `/genres`, `/search`.

In: the catalogue's changes; requests. Out: pages, albums and artists with their tracks, what a search finds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from infra.models import Track
from serving.answers import TrackPage, as_json
from serving.http.auth import Access
from serving.http.parameters import Limit, TrackPath
from serving.http.problems import PROBLEMS, ProblemError
from serving.music.catalogue import Catalogue, Change, Changes
from serving.music.library_answers import (
    AlbumPage,
    AlbumWithTracks,
    ArtistPage,
    ArtistWithTracks,
    Found,
    Genres,
)
from serving.music.listing import AlbumOrder, Listing, TrackOrder
from serving.music.search import Search
from serving.music.shelves import Shelves

__all__ = ["Browsing"]

MOST_IDS, LONGEST_ID = 200, 128

Words = Annotated[str, Query(max_length=512, description="Words that must be there, all of them; parts of words do")]
Typed = Annotated[str, Query(max_length=512, description="As typed so far: title, artist or album, in any order")]
Exact = Annotated[str, Query(max_length=512, description="The whole name; case and accents do not matter")]
Ids = Annotated[
    str,
    Query(
        max_length=MOST_IDS * (LONGEST_ID + 1),
        description=f"Up to {MOST_IDS} ids, comma-separated: these and no others, in this order, unknown ones left out",
    ),
]
Best = Annotated[int, Query(ge=1, le=100, description="How many of each at most")]
Cursor = Annotated[str | None, Query(max_length=16_384, description="`cursor` of the page before, in the same order")]
By = Annotated[TrackOrder, Query(description="`newest` and `year` begin with the newest, `duration` with the shortest")]
AlbumsBy = Annotated[AlbumOrder, Query(description="`newest` and `year` begin with the newest")]
Shelved = Annotated[str, Path(min_length=1, max_length=128, description="Id, as lists have it")]


class Browsing:
    """The library as listeners look through it."""

    def __init__(self, changes: Changes, access: Access) -> None:
        """`changes` is `TrackStore.changed_since`."""
        self._access = access
        self._shelves = Shelves()
        self._search = Search()
        self.catalogue = Catalogue(changes, vectors=False, follower=self._follow)
        self._listing = Listing(self.catalogue, self._shelves)

    def _follow(self, changes: Sequence[Change]) -> None:
        self._search.change(changes, self._shelves.change(changes))
        self._listing.change(changes)

    def routes(self) -> APIRouter:
        """What needs a token once there are accounts."""
        guards = [Depends(self._access.listener)]
        routes = APIRouter(dependencies=guards, responses=PROBLEMS, tags=["library"])
        routes.add_api_route("/tracks", self.tracks, response_model=TrackPage)
        routes.add_api_route("/tracks/{track_id}", self.track, response_model=Track)
        routes.add_api_route("/albums", self.albums, response_model=AlbumPage)
        routes.add_api_route("/albums/{album_id}", self.album, response_model=AlbumWithTracks)
        routes.add_api_route("/artists", self.artists, response_model=ArtistPage)
        routes.add_api_route("/artists/{artist_id}", self.artist, response_model=ArtistWithTracks)
        routes.add_api_route("/genres", self.genres, response_model=Genres)
        routes.add_api_route("/search", self.search, response_model=Found)
        return routes

    async def tracks(
        self,
        q: Words = "",
        artist: Exact = "",
        album: Exact = "",
        genre: Exact = "",
        ids: Ids = "",
        order: By = "artist",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        """Tracks that match, in an order; case and accents do not matter. With `ids`, those and nothing else is looked at."""
        if ids:
            return as_json(TrackPage(items=tuple(self._listing.chosen(_ids(ids)))))
        # In a thread: a search through a large library must not hold up the streams.
        found, following = await asyncio.to_thread(
            self._listing.tracks,
            q,
            artist=artist,
            album=album,
            genre=genre,
            order=order,
            limit=limit,
            cursor=cursor,
        )
        return as_json(TrackPage(items=tuple(found), cursor=following))

    async def track(self, track_id: TrackPath) -> Response:
        """One track."""
        return as_json(self.catalogue.entry(track_id).track)

    async def albums(
        self,
        q: Words = "",
        artist: Exact = "",
        genre: Exact = "",
        order: AlbumsBy = "artist",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        """Albums that match, in an order; two artists' albums of the same title are two."""
        found, following = await asyncio.to_thread(
            self._listing.albums, q, artist=artist, genre=genre, order=order, limit=limit, cursor=cursor
        )
        return as_json(AlbumPage(items=tuple(found), cursor=following))

    async def album(self, album_id: Shelved) -> Response:
        """One album with its tracks, by disc and number."""
        return as_json(self._listing.album(album_id))

    async def artists(self, q: Words = "", limit: Limit = 50, cursor: Cursor = None) -> Response:
        """Artists by name, those of tracks and those of whole albums."""
        found, following = await asyncio.to_thread(self._listing.artists, q, limit=limit, cursor=cursor)
        return as_json(ArtistPage(items=tuple(found), cursor=following))

    async def artist(self, artist_id: Shelved) -> Response:
        """One artist with albums and tracks."""
        return as_json(await asyncio.to_thread(self._listing.artist, artist_id))

    async def genres(self) -> Response:
        """All genres, most tracks first."""
        return as_json(Genres(items=tuple(self._listing.genres())))

    async def search(self, q: Typed = "", limit: Best = 20) -> Response:
        """What fits best to what somebody has typed; the last word may be a beginning, errors are forgiven."""
        return as_json(await asyncio.to_thread(self._search.find, q, limit))


def _ids(given: str) -> list[str]:
    ids = given.split(",")
    if len(ids) > MOST_IDS:
        raise ProblemError(422, f"ids: more than {MOST_IDS}", field="ids")
    return ids
