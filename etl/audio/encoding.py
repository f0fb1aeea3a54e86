"""How the copies that are streamed are made: codec, and bitrate or quality.

In: what the user asked for. Out: `Encoding`, with the name it is recorded under and FFmpeg's options for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from mutagen.aac import AAC
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4
from mutagen.oggopus import OggOpus

from infra.errors import SettingsError
from infra.settings import Codec, Settings

__all__ = ["APPENDED", "FORMATS", "MP3_MIME", "Encoding"]

MP3_MIME = "audio/mpeg"
LAME_KBPS = (245, 225, 190, 175, 165, 130, 115, 100, 85, 65)
"""What LAME's VBR qualities come to on stereo music, about, from V0 to V9."""
AAC_KBPS_A_STEP = 130
LOW_KBPS, LOW_RATE = 32, 22_050
"""MP3 at 44.1 kHz cannot go under 32 kbit/s; at half the sample rate it can."""


class Format(NamedTuple):
    """What follows from a codec."""

    suffix: str
    mime: str
    options: Mapping[str, Any]
    """FFmpeg's: container, encoder and what they need."""
    read: Callable[..., Any]
    """Of mutagen: its `info.length` is what was made, in seconds."""
    most_kbps: int
    best: tuple[float, float] | None = None
    """Least and greatest value of its quality scale, where it has one."""


FORMATS: Mapping[Codec, Format] = {
    "mp3": Format("mp3", MP3_MIME, {"f": "mp3", "c:a": "libmp3lame", "id3v2_version": 3}, MP3, 320, (0, 9)),
    "opus": Format("opus", "audio/ogg; codecs=opus", {"f": "opus", "c:a": "libopus"}, OggOpus, 256),
    "aac": Format("m4a", "audio/mp4", {"f": "ipod", "c:a": "aac", "movflags": "+faststart"}, MP4, 320, (0.1, 2)),
}
APPENDED: Mapping[Codec, Format] = {
    **FORMATS,
    "aac": FORMATS["aac"]._replace(suffix="aac", mime="audio/aac", options={"f": "adts", "c:a": "aac"}, read=AAC),
}
"""The same where a listener hears the beginning before the end is made: what an MP4 needs first is known last."""


class Encoding(NamedTuple):
    """A codec with a bitrate, or with a quality where that is not None; `of` makes one that can be met."""

    codec: Codec = "mp3"
    bitrate: int = 64
    """In kbit/s."""
    quality: float | None = None
    """On the codec's own scale: MP3 from 0 (best) to 9, AAC from 0.1 to 2 (best)."""

    @classmethod
    def of(cls, codec: Codec, bitrate: int, quality: float | None = None) -> Encoding:
        """Raises `SettingsError` when the codec cannot do it."""
        form = FORMATS[codec]
        if quality is not None and form.best is None:
            raise SettingsError(f"{codec} has no quality scale; give it a bitrate")
        if quality is not None and form.best and not form.best[0] <= quality <= form.best[1]:
            raise SettingsError(f"{codec} has qualities from {form.best[0]:g} to {form.best[1]:g}, not {quality:g}")
        if quality is None and bitrate > form.most_kbps:
            raise SettingsError(f"{codec} goes up to {form.most_kbps} kbit/s, not {bitrate}")
        return cls(codec, bitrate, quality)

    @classmethod
    def chosen(
        cls,
        settings: Settings,
        codec: Codec | None = None,
        bitrate: int | None = None,
        quality: float | None = None,
    ) -> Encoding:
        """What was asked for by name, and the settings for the rest; raises `SettingsError`."""
        if bitrate is not None and quality is not None:
            raise SettingsError("a bitrate and a quality exclude each other; give one of them")
        made = codec or settings.codec
        if bitrate is None and quality is None and made == settings.codec:
            quality = settings.quality
        return cls.of(made, bitrate or settings.bitrate, quality)

    @property
    def label(self) -> str:
        """What `Media.encoding` says: "mp3 64k", "mp3 q4"."""
        return f"{self.codec} {self.bitrate}k" if self.quality is None else f"{self.codec} q{self.quality:g}"

    @property
    def form(self) -> Format:
        """What follows from the codec."""
        return FORMATS[self.codec]

    @property
    def kbps(self) -> int:
        """What it comes to, about: an MP3 that has no more is not worth encoding."""
        if self.quality is None:
            return self.bitrate
        return LAME_KBPS[int(self.quality)] if self.codec == "mp3" else round(AAC_KBPS_A_STEP * self.quality)

    def options(self, sample_rate: int, forms: Mapping[Codec, Format] = FORMATS) -> dict[str, Any]:
        """FFmpeg's options for a source of `sample_rate` Hz; mono stays mono, more than two channels become two."""
        chosen = {"b:a": f"{self.bitrate}k"} if self.quality is None else {"q:a": f"{self.quality:g}"}
        slower = {"ar": LOW_RATE} if self._too_low and sample_rate > LOW_RATE else {}
        return {**forms[self.codec].options, **chosen, **slower, "af": "aformat=channel_layouts=mono|stereo"}

    @property
    def _too_low(self) -> bool:
        return self.codec == "mp3" and self.quality is None and self.bitrate < LOW_KBPS
