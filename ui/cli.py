"""The command line, and the only place where all parts meet.

In: arguments and settings. Out: calls into the parts, text for people or one JSON object for programs (`--json`).
Exit status: 0 done, 1 failed, 2 misused. Modules are imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infra.addresses import Addresses
from infra.errors import SegueError, SettingsError
from infra.settings import Codec, Settings, child_environment

__all__ = ["app", "main"]

app = typer.Typer(
    name="segue",
    help="A music service you run yourself, on your own music, that learns from what you play.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
user_app = typer.Typer(help="Accounts: while there is none, only this machine can listen.", no_args_is_help=True)
app.add_typer(user_app, name="user")

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)

LOOK_EVERY_S = 0.5

Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
Music = Annotated[str, typer.Argument(help="Folder with music, or an address such as s3://bucket/music.")]


@app.command()
def up(
    music: Annotated[Path | None, typer.Argument(help="Folder to bring in once everything is up.")] = None,
    no_ui: Annotated[bool, typer.Option("--no-ui", help="Leave the listening page out.")] = False,
    demo: Annotated[bool, typer.Option("--demo", help="An empty library gets free demo music.")] = False,
) -> None:
    """Start everything and stay; Ctrl-C stops it. With MUSIC: bring it in and train."""
    from infra.services import Supervisor, discover
    from infra.store import Store
    from serving.auth import check_exposure
    from ui.programs import programs, wanted_ports

    settings = Settings.load()
    if music is not None and not music.is_dir():
        raise typer.BadParameter(f"{music} is not a folder", param_hint="MUSIC")
    with Supervisor(settings, (), _say) as supervisor:
        addresses = supervisor.start()
        with Store(addresses.mongo, settings.mongo_database) as store:
            check_exposure(settings, store.users)
        wanted = wanted_ports(settings, page=not no_ui)
        ports = supervisor.reserve(wanted, hosts=dict.fromkeys(wanted, settings.host))
        for program in programs(settings, ports):
            supervisor.add(program)
        addresses = discover(settings)
        _bring_in(settings, addresses, music, demo=demo, meanwhile=supervisor.watch)
        _announce(addresses)
        supervisor.run_forever()


@app.command()
def down() -> None:
    """Stop everything that `segue up` started."""
    from infra.services import down as stop

    for line in stop(Settings.load()) or ["nothing was running"]:
        _say(line)


@app.command()
def status(as_json: Json = False) -> None:
    """What runs, where it answers, and how much memory it takes."""
    from infra.services import status as ask

    found = ask(Settings.load())
    if as_json:
        _print_json(found.model_dump(mode="json"))
        return
    table = Table(box=None, pad_edge=False)
    for name in ("part", "state", "address", "version", "pid", "memory", "data"):
        table.add_column(name, overflow="fold")
    for part in found.parts:
        memory = f"{part.rss_mb:.0f} MB" if part.rss_mb else ""
        table.add_row(
            part.name, part.state, part.address, part.version, str(part.pid or ""), memory, escape(str(part.data))
        )
    out.print(table)
    for part in found.parts:
        if part.fix:
            out.print(f"{part.name}: {escape(part.fix)}")
    raise typer.Exit(0 if all(part.state in {"up", "outside"} for part in found.parts) else 1)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check everything Segue needs, and say how to mend what is wrong."""
    from infra.services import doctor as examine

    findings = examine(Settings.load())
    if as_json:
        _print_json({"findings": [f._asdict() for f in findings]})
    else:
        for f in findings:
            mark = "[green]ok[/]  " if f.ok else "[red]wrong[/]"
            out.print(f"{mark} {escape(f.name)}: {escape(f.detail)}")
            if not f.ok:
                out.print(f"       → {escape(f.fix)}")
    raise typer.Exit(0 if all(f.ok for f in findings) else 1)


@app.command()
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
    wanted: dict[str, Any] = {
        "encoding": encoding,
        "again": any(asked is not None for asked in (codec, bitrate, quality)),
        "in_place": in_place,
        "backup": backup,
        "workers": workers,
        "retry_failed": retry_failed,
    }
    with Services(settings) as services:
        addresses = services.ensure("mongo", "ray")
        if watch:
            with watch_progress(err, music, quiet=as_json) as (progress, batch):
                report = follow(music, settings, addresses, progress=progress, batch=batch, **wanted)
        else:
            with ingest_progress(err, quiet=as_json) as progress:
                report = bring_in(music, settings, addresses, progress=progress, **wanted)
    if as_json:
        _print_json(report.model_dump(mode="json"))
    else:
        out.print(escape(ingest_summary(report)))
    raise typer.Exit(0 if report.ok or watch else 1)


@app.command()
def failures(as_json: Json = False) -> None:
    """Files that could not be brought in, and why, newest last.

    A file that changes is tried again by the next `segue ingest`; `segue ingest --retry-failed` tries all of them.
    """
    from infra.services import Services
    from infra.store import Store
    from ui.summaries import failure_rows

    settings = Settings.load()
    with (
        Services(settings) as services,
        Store(services.ensure("mongo").mongo, settings.mongo_database).prepare() as store,
    ):
        rows = failure_rows(store.failures.all())
    if as_json:
        _print_json({"failures": [row._asdict() for row in rows]})
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
    out.print(
        "\nA file that changes is tried again by the next ingest; `segue ingest FOLDER --retry-failed` tries all of them."
    )


@app.command("import")
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
    from infra.services import Services
    from infra.store import Store
    from ui.summaries import import_summary

    settings = Settings.load()
    with (
        Services(settings) as services,
        Store(services.ensure("mongo").mongo, settings.mongo_database).prepare() as store,
    ):
        report = import_history(files, store, user, threshold=threshold, dry_run=dry_run, progress=_say)
    if as_json:
        _print_json(report.model_dump(mode="json"))
    else:
        out.print(escape(import_summary(report)))


@app.command()
def train(
    lr: Annotated[float | None, typer.Option(help="Learning rate.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Sessions a step.")] = None,
    dim: Annotated[int | None, typer.Option(min=2, help="Length of the vectors.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the sessions.")] = None,
    as_json: Json = False,
) -> None:
    """Learn from all tracks and plays; the new model is served when it is no worse than the one before."""
    from infra.services import Services
    from training.model import ModelConfig
    from training.pipeline import train as learn
    from ui.summaries import training_summary

    settings = Settings.load()
    given = {"lr": lr, "batch_size": batch_size, "dim": dim, "epochs": epochs, "seed": settings.seed}
    try:
        config = ModelConfig.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise typer.BadParameter(first["msg"], param_hint=f"--{first['loc'][0]}".replace("_", "-")) from error
    with Services(settings) as services:
        addresses = services.ensure("mongo", "mlflow")
        report = learn(settings, addresses, config, progress=_say)
    if as_json:
        _print_json(report.model_dump(mode="json"))
    else:
        out.print(escape(training_summary(report)))


@app.command()
def evaluate(
    train_file: Annotated[Path, typer.Option("--train", help="Parquet: session_id:int, tracks:list<int>.")],
    test_file: Annotated[Path, typer.Option("--test", help="Parquet: context:list<int>, target:int.")],
    as_json: Json = False,
) -> None:
    """Train on sessions of track ids and score the recommender that would be served: P@20 and MRR@20."""
    from training.evaluate import public
    from training.model import ModelConfig
    from ui.progress import evaluation_progress

    config = ModelConfig(seed=Settings.load().seed)
    with evaluation_progress(err) as (epoch, scored):
        figures = public(train_file, test_file, config, log=epoch, progress=scored)
    if as_json:
        _print_json(figures)
    else:
        for name, value in figures.items():
            out.print(f"{name}: {value}")


@app.command()
def promote(version: Annotated[str, typer.Argument(help="Version of the model, as MLflow numbers them.")]) -> None:
    """Serve another version of the model, an older one for instance; takes effect within seconds."""
    from infra.services import Services
    from training.registry import promote as move

    with Services(Settings.load()) as services:
        move(services.ensure("mlflow").mlflow, version)
    _say(f"version {version} is the champion now")


@user_app.command("add")
def user_add(name: Annotated[str, typer.Argument(help="Name of the listener.")]) -> None:
    """Make an account and show its first token, once. From then on every call needs a token."""
    with _users() as users:
        users.add(name)
        out.print(users.token(name))


@user_app.command("token")
def user_token(name: Annotated[str, typer.Argument(help="Name of the listener.")]) -> None:
    """Another token for an account, shown once."""
    with _users() as users:
        out.print(users.token(name))


@user_app.command("remove")
def user_remove(name: Annotated[str, typer.Argument(help="Name of the listener.")]) -> None:
    """Delete an account with its tokens; the plays stay until the listener's data are deleted over HTTP."""
    with _users() as users:
        users.remove(name)
    _say(f"{name} removed")


def main() -> None:
    """Run a command; an error that is ours is one clear line on standard error and exit status 1."""
    try:
        app()
    except SegueError as error:
        err.print(f"[red]segue:[/] {escape(str(error))}")
        sys.exit(1)


@contextmanager
def _users() -> Iterator[Any]:
    from infra.services import Services
    from infra.store import Store

    settings = Settings.load()
    with (
        Services(settings) as services,
        Store(services.ensure("mongo").mongo, settings.mongo_database).prepare() as store,
    ):
        yield store.users


def _bring_in(
    settings: Settings, addresses: Addresses, music: Path | None, *, demo: bool, meanwhile: Callable[[], None]
) -> None:
    """Ingest and train in processes of their own, whose memory goes back when they are done."""
    from infra.store import Store
    from training.registry import champion

    with Store(addresses.mongo, settings.mongo_database) as store:
        before = store.tracks.count()
        if music is None and demo and before == 0:
            from etl.demo.library import demo_library

            music = demo_library(settings.home / "demo", _say)
        if music is not None:
            _segue(["ingest", str(music)], settings, meanwhile)
        after = store.tracks.count()
    if after and (after > before or champion(addresses.mlflow) is None):
        _segue(["train"], settings, meanwhile)


def _segue(arguments: list[str], settings: Settings, meanwhile: Callable[[], None]) -> None:
    """Run one of our commands to its end, calling `meanwhile` now and then; its failure is told and stops nothing."""
    environment = child_environment(**settings.environment())
    with subprocess.Popen([sys.executable, "-m", "ui.cli", *arguments], env=environment) as process:
        try:
            while process.poll() is None:
                meanwhile()
                time.sleep(LOOK_EVERY_S)
        finally:
            process.terminate()
    if process.returncode:
        _say(f"`segue {shlex.join(arguments)}` ended with status {process.returncode}; what is there is served")


def _announce(addresses: Addresses) -> None:
    out.print()
    if addresses.ui:
        out.print(f"  Listen      [bold]{addresses.ui}[/]")
    out.print(f"  HTTP API    [bold]{addresses.http}/docs[/]")
    out.print(f"  MLflow      [bold]{addresses.mlflow}[/]")
    out.print("\n  Ctrl-C or `segue down` stops it; the next start resumes here.\n")


def _say(line: str) -> None:
    err.print(escape(line), highlight=False)


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, default=str) + "\n")


if __name__ == "__main__":
    main()
