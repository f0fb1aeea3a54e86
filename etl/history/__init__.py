"""A listening history from elsewhere becomes plays: read an export, match its names with the library, write events.

In: files as Spotify, Last.fm exporters and ListenBrainz give them. Out: play events in MongoDB and an `ImportReport`.
"""

from etl.history.pipeline import import_history
from etl.history.report import ImportReport

__all__ = ["ImportReport", "import_history"]
