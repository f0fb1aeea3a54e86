"""Plays become sessions of weighted tracks, split by time; pure functions from DataFrame to DataFrame.

In: plays and tracks as `training.spark.source` gives them. Out: one row a session, with what each track in it was worth
to the listener, and whether the session is learned from ("train") or kept back ("holdout").
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812  what PySpark's own documentation calls it
from pyspark.sql.types import FloatType

from infra.events import OPINIONS
from training.data import signals

__all__ = ["learnable", "listenings", "playable", "sessions", "split", "with_plays"]

MINUTE_MS = 60 * 1000
HOLDOUT_SHARE = 0.1
FEWEST_TO_SPLIT = 20
QUANTILE_ERROR = 0.001

ORDER = ("at_ms", "turn", "event_id")
"""In one millisecond, the end of a track comes before the start of the next."""


def playable(tracks: DataFrame, normaliser_version: int) -> DataFrame:
    """Tracks that can be placed by their sound: with a vector of this normaliser, all numbers finite."""
    finite = F.forall("vector", lambda x: ~F.isnan(x) & (F.abs(x) < float("inf")))
    return tracks.where((F.col("vector_version") == normaliser_version) & finite).drop("vector_version")


def learnable(plays: DataFrame, tracks: DataFrame, now_ms: int) -> DataFrame:
    """Plays that may be learned from: not private, of a track in `tracks`, and from no clock a day or more ahead."""
    allowed = plays.where(~F.col("private") & (F.col("at_ms") <= now_ms + signals.AHEAD_MS))
    # Spark sees only how large the tracks are with all their features, and would sort every play for it.
    known = F.broadcast(tracks.select(F.col("id").alias("track")))
    return allowed.join(known, "track", "left_semi")


def listenings(plays: DataFrame, gap_minutes: int) -> DataFrame:
    """One row a listening: `user`, `session` (counted from 1), `track`, `first` (its place), `last_ms`, `weight`.

    The events of one listening collapse to their last state; a like or dislike anywhere in the session takes its place.
    A track twice in a row is one listening. A pause of more than `gap_minutes` begins a new session.
    """
    numbered = _with_listening(_with_session(plays, gap_minutes))
    place = F.struct(*ORDER)
    opinion = F.max_by("kind", F.when(_is_opinion(), place))
    # Within one listening it is the other way round: what ended in the millisecond it began has ended.
    progress = F.struct("at_ms", -F.col("turn"), "event_id")
    state = F.max_by(F.struct("kind", "position_ms", "duration_ms"), F.when(~_is_opinion(), progress))
    collapsed = numbered.groupBy("user", "session", "track", "listening").agg(
        F.min(place).alias("first"),
        F.max("at_ms").alias("last_ms"),
        opinion.alias("opinion"),
        state.alias("state"),
    )
    weight = F.udf(signals.weight, FloatType(), useArrow=True)
    kind = F.coalesce("opinion", "state.kind")
    position, duration = (F.coalesce(f"state.{name}", F.lit(0)) for name in ("position_ms", "duration_ms"))
    weighed = collapsed.withColumn("weight", weight(kind, position, duration))
    return weighed.select("user", "session", "track", "first", "last_ms", "weight")


def sessions(listened: DataFrame) -> DataFrame:
    """One row a session: `session_id`, `user`, `tracks` in the order they were begun, `weights`, `ended_at_ms`."""
    items = F.sort_array(F.collect_list(F.struct("first", "track", "weight")))
    grouped = listened.groupBy("user", "session").agg(
        items.alias("items"), F.min("first.at_ms").alias("began_ms"), F.max("last_ms").alias("ended_at_ms")
    )
    return grouped.select(
        F.concat_ws("@", "user", F.col("began_ms").cast("string")).alias("session_id"),
        "user",
        F.col("items.track").alias("tracks"),
        F.col("items.weight").alias("weights"),
        "ended_at_ms",
    )


def split(of: DataFrame) -> DataFrame:
    """Sessions with the column `split`: the newest tenth is "holdout", when there are enough to spare it.

    Only sessions of two tracks or more count for that, since nothing can be predicted in a session of one.
    """
    predictable = of.where(F.size("tracks") > 1)
    if predictable.count() < FEWEST_TO_SPLIT:
        return of.withColumn("split", F.lit("train"))
    newest = predictable.approxQuantile("ended_at_ms", [1 - HOLDOUT_SHARE], QUANTILE_ERROR)[0]
    return of.withColumn("split", F.when(F.col("ended_at_ms") > newest, "holdout").otherwise("train"))


def with_plays(tracks: DataFrame, of: DataFrame) -> DataFrame:
    """Tracks with the column `plays`: how often each has a weight above 0 in the sessions `of` that are "train".

    It is what a track's chance to be a negative follows from.
    """
    heard = of.where(F.col("split") == "train").select(F.explode(F.arrays_zip("tracks", "weights")).alias("one"))
    counts = heard.where("one.weights > 0").groupBy(F.col("one.tracks").alias("id")).agg(F.count("*").alias("plays"))
    # A row a track at most, and small ones: the features stay where they are.
    joined = tracks.join(F.broadcast(counts), "id", "left")
    return joined.withColumn("plays", F.coalesce("plays", F.lit(0)))


def _is_opinion() -> Column:
    return F.col("kind").isin(*OPINIONS)


def _with_session(plays: DataFrame, gap_minutes: int) -> DataFrame:
    """Adds `turn` (which of two events of one millisecond comes first) and `session`."""
    turn = F.when(F.col("kind").isin("finished", "skipped"), 0).when(F.col("kind") == "progress", 1).otherwise(2)
    of_listener = Window.partitionBy("user").orderBy(*ORDER)
    # Silence is counted to where the track was begun: a two-hour recording is no two-hour pause.
    begun = F.col("at_ms") - F.col("position_ms")
    silence = begun - F.lag("at_ms").over(of_listener)
    opens = F.coalesce(silence > gap_minutes * MINUTE_MS, F.lit(True)).cast("int")
    marked = plays.withColumn("turn", turn).withColumn("opens", opens)
    return marked.withColumn("session", F.sum("opens").over(of_listener.rowsBetween(*UNTIL_NOW)))


def _with_listening(plays: DataFrame) -> DataFrame:
    """Adds `listening`, counted within a session; null for a like or dislike of a track not played in it."""
    playing = Window.partitionBy("user", "session", "opinion").orderBy(*ORDER)
    changes = F.coalesce(F.lag("track").over(playing) != F.col("track"), F.lit(True)).cast("int")
    marked = plays.withColumn("opinion", _is_opinion()).withColumn("changes", changes)
    counted = marked.withColumn(
        "listening", F.when(~F.col("opinion"), F.sum("changes").over(playing.rowsBetween(*UNTIL_NOW)))
    )
    of_track = Window.partitionBy("user", "session", "track").orderBy(*ORDER)
    before = F.last("listening", ignorenulls=True).over(of_track.rowsBetween(*UNTIL_NOW))
    after = F.first("listening", ignorenulls=True).over(of_track.rowsBetween(*FROM_NOW))
    return counted.withColumn("listening", F.coalesce(before, after))


UNTIL_NOW = (Window.unboundedPreceding, Window.currentRow)
FROM_NOW = (Window.currentRow, Window.unboundedFollowing)
