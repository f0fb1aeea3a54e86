"""Listening histories as the services export them, made from plain values.

In: who, what and when. Out: the text or the zip that a person would have downloaded, with the fields that are not read in it too.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

START = datetime(2024, 5, 1, 20, tzinfo=UTC)
LENGTH_MS = 180_000
"""Of every track that `tests.data.records` makes."""


def at(minute: float) -> datetime:
    """`minute` minutes after the first evening began."""
    return START + timedelta(minutes=minute)


def streamed(
    title: str | None, artist: str | None = "Artist", *, end: float, ms: int = LENGTH_MS, **more: Any
) -> dict[str, Any]:
    """An entry of Spotify's extended export; `end` in minutes, `more` replaces fields."""
    return {
        "ts": at(end).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "platform": "a gramophone",
        "ms_played": ms,
        "conn_country": "ZZ",
        "ip_addr": "203.0.113.7",
        "master_metadata_track_name": title,
        "master_metadata_album_artist_name": artist,
        "master_metadata_album_album_name": "Album",
        "spotify_track_uri": "spotify:track:0000000000000000000000",
        "episode_name": None,
        "episode_show_name": None,
        "reason_start": "trackdone",
        "reason_end": "trackdone",
        "shuffle": False,
        "skipped": False,
        "offline": False,
        "offline_timestamp": None,
        "incognito_mode": False,
        **more,
    }


def played(title: str, artist: str = "Artist", *, end: float, ms: int = LENGTH_MS) -> dict[str, Any]:
    """An entry of the account's export."""
    return {
        "endTime": at(end).strftime("%Y-%m-%d %H:%M"),
        "artistName": artist,
        "trackName": title,
        "msPlayed": ms,
    }


def podcast(end: float) -> dict[str, Any]:
    """An entry of the account's podcasts."""
    return {
        "endTime": at(end).strftime("%Y-%m-%d %H:%M"),
        "podcastName": "A Talk",
        "episodeName": "First",
        "msPlayed": 900_000,
    }


def listen(title: str, artist: str = "Artist", *, begin: float, **additional: Any) -> dict[str, Any]:
    """A line of ListenBrainz's export."""
    return {
        "inserted_at": 1714600000.5,
        "listened_at": int(at(begin).timestamp()),
        "track_metadata": {
            "artist_name": artist,
            "track_name": title,
            "release_name": "Album",
            "additional_info": {"submission_client": "a player", **additional},
            "mbid_mapping": None,
        },
    }


def as_list(entries: Iterable[Mapping[str, Any]]) -> str:
    """Entries as Spotify writes them."""
    return json.dumps(list(entries), indent=2, ensure_ascii=False)


def as_lines(entries: Iterable[Mapping[str, Any]]) -> str:
    """Entries as ListenBrainz writes them."""
    return "".join(json.dumps(entry) + "\n" for entry in entries)


def scrobbles(rows: Sequence[tuple[str, str, str, float]]) -> str:
    """`artist, album, track, date` without a header; rows are artist, album, title, beginning in minutes."""
    return _csv([artist, album, title, at(begin).strftime("%d %b %Y %H:%M")] for artist, album, title, begin in rows)


def scrobbles_with_header(rows: Sequence[tuple[str, str, str, float]]) -> str:
    """The same with named columns and seconds since 1970."""
    header = ["uts", "utc_time", "artist", "artist_mbid", "album", "album_mbid", "track", "track_mbid"]
    body = (
        [int(at(begin).timestamp()), at(begin).strftime("%d %b %Y, %H:%M"), artist, "", album, "", title, ""]
        for artist, album, title, begin in rows
    )
    return _csv([header, *body])


def packed(path: Path, files: Mapping[str, str | bytes]) -> Path:
    """A zip of files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def _csv(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue()
