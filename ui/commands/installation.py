"""Commands about the installation as a whole: `up`, `down`, `status`, `doctor`.

In: settings. Out: every part started, stopped, shown or examined.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from infra.addresses import Addresses
from infra.settings import Settings, child_environment
from ui.commands.output import Json, out, print_json, say

if TYPE_CHECKING:
    from infra.store import Store

__all__ = ["doctor", "down", "status", "up"]

LOOK_EVERY_S = 0.5
TRIES = 5
"""So often is a training begun that another one, or a part that is away for a moment, keeps from its end."""
PAUSE_S = 3.0


def up(
    music: Annotated[Path | None, typer.Argument(help="Folder to bring in once everything is up.")] = None,
    no_ui: Annotated[bool, typer.Option("--no-ui", help="Leave the listening page out.")] = False,
    demo: Annotated[bool, typer.Option("--demo", help="An empty library gets free demo music.")] = False,
) -> None:
    """Start everything and stay; Ctrl-C stops it. With MUSIC: bring it in and train."""
    from infra.services import Supervisor, discover
    from infra.store import Store
    from serving.http.auth import check_exposure
    from ui.programs import programs, wanted_ports

    settings = Settings.load()
    if music is not None and not music.is_dir():
        raise typer.BadParameter(f"{music} is not a folder", param_hint="MUSIC")
    with Supervisor(settings, (), say) as supervisor:
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


def down() -> None:
    """Stop everything that `segue up` started."""
    from infra.services import down as stop

    for line in stop(Settings.load()) or ["nothing was running"]:
        say(line)


def status(as_json: Json = False) -> None:
    """What runs, where it answers, and how much memory it takes."""
    from infra.services import status as ask

    found = ask(Settings.load())
    if as_json:
        print_json(found.model_dump(mode="json"))
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
        if part.doing:
            out.print(f"{part.name}: {escape(part.doing)}")
        if part.fix:
            out.print(f"{part.name}: {escape(part.fix)}")
    raise typer.Exit(0 if all(part.state in {"up", "outside"} for part in found.parts) else 1)


def doctor(as_json: Json = False) -> None:
    """Check everything Segue needs, and say how to mend what is wrong."""
    from infra.services import doctor as examine

    findings = examine(Settings.load())
    if as_json:
        print_json({"findings": [f._asdict() for f in findings]})
    else:
        for f in findings:
            mark = "[green]ok[/]  " if f.ok else "[red]wrong[/]"
            out.print(f"{mark} {escape(f.name)}: {escape(f.detail)}")
            if not f.ok:
                out.print(f"       → {escape(f.fix)}")
    raise typer.Exit(0 if all(f.ok for f in findings) else 1)


def _bring_in(
    settings: Settings, addresses: Addresses, music: Path | None, *, demo: bool, meanwhile: Callable[[], None]
) -> None:
    """Ingest and train in processes of their own, whose memory goes back when they are done."""
    from infra.store import Store

    with Store(addresses.mongo, settings.mongo_database) as store:
        before = store.tracks.count()
        if music is None and demo and before == 0:
            from etl.demo.library import demo_library

            music = demo_library(settings.home / "demo", say)
        if music is not None:
            _segue(["ingest", str(music)], settings, meanwhile)
        grown = store.tracks.count() > before
        for attempt in range(TRIES):
            if attempt:
                _pause(PAUSE_S, meanwhile)
            _wait_for_training(settings, meanwhile)
            if not store.tracks.count() or not (grown or not _has_model(settings, addresses, store)):
                break
            if _segue(["train", "--tuned"], settings, meanwhile) != os.EX_TEMPFAIL:
                break


def _pause(seconds: float, meanwhile: Callable[[], None]) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        meanwhile()
        time.sleep(LOOK_EVERY_S)


def _wait_for_training(settings: Settings, meanwhile: Callable[[], None]) -> None:
    """Let a training that runs already, the one that begins by itself for instance, come to its end."""
    from training.alone import who_trains

    who = who_trains(settings)
    if who:
        say(f"waits for the training of {who}")
    while who_trains(settings):
        meanwhile()
        time.sleep(LOOK_EVERY_S)


def _has_model(settings: Settings, addresses: Addresses, store: Store) -> bool:
    """Whether there is a champion that can answer for this library; one that cannot is told."""
    from infra.errors import BundleError
    from training.registry.acceptance import accept
    from training.registry.versions import champion, fetch

    version = champion(addresses.mlflow)
    if version is None:
        return False
    try:
        accept(fetch(addresses.mlflow, version, settings.models), store.normalisers)
    except BundleError as error:
        say(f"version {version} cannot be used, training makes another: {error}")
        return False
    return True


def _segue(arguments: list[str], settings: Settings, meanwhile: Callable[[], None]) -> int:
    """Run one of our commands to its end, calling `meanwhile` now and then; its failure is told and stops nothing.

    Returns its exit status.
    """
    environment = child_environment(**settings.environment())
    with subprocess.Popen([sys.executable, "-m", "ui.cli", *arguments], env=environment) as process:
        try:
            while process.poll() is None:
                meanwhile()
                time.sleep(LOOK_EVERY_S)
        finally:
            process.terminate()
    if process.returncode:
        say(f"`segue {shlex.join(arguments)}` ended with status {process.returncode}; what is there is served")
    return process.returncode


def _announce(addresses: Addresses) -> None:
    out.print()
    if addresses.ui:
        out.print(f"  Listen      [bold]{addresses.ui}[/]")
    out.print(f"  HTTP API    [bold]{addresses.http}/docs[/]")
    out.print(f"  MLflow      [bold]{addresses.mlflow}[/]")
    out.print("\n  Ctrl-C or `segue down` stops it; the next start resumes here.\n")
