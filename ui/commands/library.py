"""Commands that bring things in: `ingest`, `failures`, `import`.

In: folders, addresses, exports. Out: tracks, failures and plays in the database, and what became of each.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from infra.errors import SettingsError
from infra.settings import Codec, Settings
from ui.commands.output import Json, err, out, print_json, say

__all__ = ["failures", "import_plays", "ingest"]

Music = Annotated[str, typer.Argument(help="Folder with music, or an address such as s3://bucket/music.")]


def ingest(
    music: Music,
    codec: Annotated[Codec | None, typer.Option(help="Of the copies that are streamed.", show_default="mp3")] = None,
    bitrate: Annotated[int | None, typer.Option(min=16, max=320, help="Target in kbit/s.", show_default="64")] = None,
    quality: Annotated[
        float | None, typer.Option(help="Instead of a bitrate: mp3 from 0 (best) to 9, aac from 0.1 to 2 (best).")
    ] = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Put the compressed file in the original's place, safely.")
    ] = False,
    backup: Annotated[Path | None, typer.Option(help="With --in-place: copy each original here first.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Files at once.", show_default="all cores")] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try files again that failed and have not changed since.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Then follow the folder until Ctrl-C.")] = False,
    as_json: Json = False,
) -> None:
    """Bring a folder of music in: compress, read tags, measure the sound, store. Again is cheap: what is known is skipped.

    Object storage comes in through fsspec, with the credentials that it finds in its own places; s3:// needs `s3fs`.
    """
    from etl.audio.encoding import Encoding
    from etl.pipeline import Wanted
    from etl.pipeline import ingest as bring_in
    from etl.watch import watch as follow
    from infra.services import Services
    from ui.progress import ingest_progress, watch_progress
    from ui.summaries import ingest_summary

    settings = Settings.load()
    if "://" not in music and "::" not in music and not Path(music).expanduser().is_dir():
        raise typer.BadParameter(f"{music} is not a folder", param_hint="MUSIC")
    if backup is not None and not in_place:
        raise typer.BadParameter("only makes sense with --in-place", param_hint="--backup")
    try:
        encoding = Encoding.chosen(settings, codec, bitrate, quality)
    except SettingsError as error:
        raise typer.BadParameter(str(error), param_hint="--codec, --bitrate, --quality") from error
    if in_place and encoding.codec != "mp3":
        raise typer.BadParameter("--in-place makes MP3s, and nothing else", param_hint="--codec")
    again = any(asked is not None for asked in (codec, bitrate, quality))
    wanted = Wanted(encoding, again, in_place, backup, retry_failed)
    with Services(settings) as services:
        addresses = services.ensure("mongo", "ray")
        if watch:
            with watch_progress(err, music, quiet=as_json) as (progress, batch):
                report = follow(music, settings, addresses, wanted, workers=workers, progress=progress, batch=batch)
        else:
            with ingest_progress(err, quiet=as_json) as progress:
                report = bring_in(music, settings, addresses, wanted, workers=workers, progress=progress)
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        out.print(escape(ingest_summary(report)))
    raise typer.Exit(0 if report.ok or watch else 1)


def failures(as_json: Json = False) -> None:
    """Files that could not be brought in, and why, newest last.

    A file that changes is tried again by the next `segue ingest`; `segue ingest --retry-failed` tries all of them.
    """
    from etl.advice import AGAIN
    from ui.commands.parts import opened_store
    from ui.summaries import failure_rows

    settings = Settings.load()
    with opened_store(settings) as store:
        rows = failure_rows(store.failures.all())
    if as_json:
        print_json({"failures": [row._asdict() for row in rows]})
        return
    if not rows:
        out.print("no file has failed")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("file", "stage", "reason", "when"):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(escape(text) for text in row))
    out.print(table)
    out.print(f"\n{AGAIN}")


def import_plays(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", exists=True, help="Files, zips or folders.")],
    user: Annotated[str, typer.Option(help="Whose history it is.")] = "me",
    threshold: Annotated[
        float, typer.Option(min=50, max=100, help="How alike artist and title must be; 100: the same names only.")
    ] = 90,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Match and report, write nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Bring a listening history in from Spotify, Last.fm or ListenBrainz. Again is safe: what is known is left out.

    Spotify: ask for "Extended streaming history" (or "Account data", the last year) on spotify.com/account/privacy, then

        segue import my_spotify_data.zip

    Last.fm: save your scrobbles as CSV with benjaminbenben.com/lastfm-to-csv or lastfm.ghan.nl/export, then

        segue import scrobbles.csv

    ListenBrainz: export your listens on listenbrainz.org/settings/export, then

        segue import listenbrainz_NAME.zip

    Plays are matched with your library by artist and title; --dry-run shows which.

    What two services tell of counts once: begin with Spotify's, which knows what was skipped.
    """
    from etl.history import import_history
    from ui.commands.parts import opened_store
    from ui.summaries import import_summary

    settings = Settings.load()
    with opened_store(settings) as store:
        report = import_history(files, store, user, threshold=threshold, dry_run=dry_run, progress=say)
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        out.print(escape(import_summary(report)))
