"""What a listener may ask a stream to be.

In: format, bitrate and offset as they were asked for, and what is stored. Out: a `Rendition` to be made, or None: the stored file is it.
"""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

from fastapi import Query

from etl.audio.encoding import APPENDED, FORMATS, Encoding
from infra.errors import SettingsError
from infra.models import Media
from infra.settings import Codec, Settings
from serving.http.problems import ProblemError, documented
from serving.music.catalogue import Entry

__all__ = ["STREAMS", "Bitrate", "Format", "Offset", "Rendition", "rendition_of"]

LEAST_KBPS, MOST_KBPS = 16, 320

Format = Annotated[
    Codec | None,
    Query(alias="format", description="`opus` in Ogg, `aac` as ADTS unless stored in an MP4; default: as it is stored"),
]
Bitrate = Annotated[
    int | None,
    Query(ge=LEAST_KBPS, le=MOST_KBPS, description="In kbit/s, `opus` up to 256; default: that of the stored file"),
]
Offset = Annotated[float, Query(ge=0, allow_inf_nan=False, description="Where the audio begins, in seconds")]


class Rendition(NamedTuple):
    """A track's sound as it has to be made."""

    encoding: Encoding
    offset_s: float

    @property
    def mime(self) -> str:
        """The media type of what is made."""
        return APPENDED[self.encoding.codec].mime


def rendition_of(
    entry: Entry, settings: Settings, codec: Codec | None, bitrate: int | None, offset_s: float
) -> Rendition | None:
    """What has to be made; None when the stored file is of that format, has no more bits and is wanted from its beginning.

    Raises `ProblemError` 422 for a bitrate that the format does not reach and an offset behind the end.
    """
    media, plays_s = entry.media, entry.track.duration_ms / 1000
    if offset_s >= plays_s > 0:
        raise ProblemError(422, f"offset: the track plays {plays_s:g} s", field="offset")
    stored = _codec_of(media)
    if offset_s == 0 and codec in (None, stored) and (bitrate is None or 0 < media.bitrate_kbps <= bitrate):
        return None
    made = codec or stored or settings.codec
    try:
        return Rendition(Encoding.of(made, bitrate or _usual(media, made, settings)), offset_s)
    except SettingsError as error:
        raise ProblemError(422, f"bitrate: {error}", field="bitrate") from error


def _codec_of(media: Media) -> Codec | None:
    return next((codec for codec, form in FORMATS.items() if form.mime == media.mime), None)


def _usual(media: Media, codec: Codec, settings: Settings) -> int:
    return min(max(media.bitrate_kbps or settings.bitrate, LEAST_KBPS), FORMATS[codec].most_kbps)


def _sound(description: str, *more: str) -> dict[str, Any]:
    types = sorted({form.mime for form in (*FORMATS.values(), *APPENDED.values())} | set(more))
    return {
        "description": description,
        "content": {mime: {"schema": {"type": "string", "format": "binary"}} for mime in types},
    }


STREAMS: dict[int | str, dict[str, Any]] = {
    200: _sound("The audio; with `Accept-Ranges: none` while it is made"),
    206: _sound("Parts of it", "multipart/byteranges"),
    304: {"description": "The client has it already"},
    416: documented(416),
    503: {
        **documented(503),
        "headers": {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}},
    },
}
"""Answers of the route for audio, for the OpenAPI document."""
