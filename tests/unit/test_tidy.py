"""What goes after a training: versions, and what interrupted trainings and killed processes left."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from infra.scratch import scratch, sweep
from infra.settings import Settings
from infra.store import Forgetting
from training.alone import alone
from training.interrupted import forget_in_interrupted
from training.registry.forgetting import learned_from, owed
from training.registry.versions import PREDECESSOR, READ_MS, ModelVersion
from training.tidy import superfluous, untidy

READ, MADE = 1_000, 2_000


def version(
    number: int, *, champion: bool = False, read_ms: int | None = READ, made_ms: int = MADE, **tags: str
) -> ModelVersion:
    read = {} if read_ms is None else {READ_MS: str(read_ms)}
    return ModelVersion(
        version=str(number), run_id="", model_id="", created_ms=made_ms, champion=champion, tags=read | tags
    )


def gone(known: list[ModelVersion], *forgettings: Forgetting, keep: int = 2) -> list[str]:
    return [one.version for one in superfluous(known, forgettings, keep)]


def test_the_newest_the_champion_and_the_one_before_it_stay():
    served = version(3, champion=True, **{PREDECESSOR: "1"})
    assert gone([version(6), version(5), version(4), served, version(2), version(1)]) == ["4", "2"]


def test_all_but_the_champion_go_that_learned_from_someone_forgotten():
    forgotten = Forgetting(at_ms=MADE + 10, first_ms=READ - 10)
    newest = version(4, champion=True, read_ms=MADE + 20, **{PREDECESSOR: "3"})
    before_them = version(2, read_ms=READ - 200, made_ms=READ - 100)
    assert gone([newest, version(3), before_them, version(1)], forgotten, keep=9) == ["3", "1"]
    assert gone([version(4, champion=True), version(3)], forgotten, keep=9) == ["3"]


def test_a_version_learned_from_whom_it_could_have_heard():
    gone_before, gone_after = Forgetting(READ - 1, 0), Forgetting(READ, 0)
    assert not learned_from(version(1), [gone_before])
    assert learned_from(version(1), [gone_before, gone_after])
    came_meanwhile, came_later = Forgetting(MADE + 9, MADE), Forgetting(MADE + 9, MADE + 1)
    assert learned_from(version(1), [came_meanwhile])
    assert not learned_from(version(1), [came_later])


def test_a_version_that_does_not_say_when_it_read_counts_from_its_making():
    assert learned_from(version(1, read_ms=None), [Forgetting(MADE, 0)])
    assert not learned_from(version(1, read_ms=None), [Forgetting(MADE - 1, 0)])


def test_a_training_is_owed_while_the_champion_learned_from_someone_forgotten():
    forgotten = Forgetting(at_ms=MADE + 10, first_ms=READ - 10)
    after = version(2, read_ms=MADE + 20)
    assert owed([version(2), version(1, champion=True)], [forgotten]).startswith("version 1, which serves,")
    assert owed([version(2, read_ms=MADE + 20, champion=True), version(1)], [forgotten]) == ""
    assert owed([after, version(1)], [forgotten]) == ""


def test_there_is_something_to_do_until_all_is_removed_and_settled():
    forgotten = Forgetting(at_ms=MADE + 10, first_ms=READ - 10)
    champion, knowing = version(2, champion=True, read_ms=MADE + 20), version(1)
    assert untidy([champion, knowing], [forgotten], 9)
    assert untidy([champion], [forgotten], 9), "nobody is left who learned from them"
    assert not untidy([version(2, champion=True), version(1, made_ms=1)], [forgotten], 9), "a training comes first"
    assert not untidy([champion, knowing], [], 9)
    assert untidy([champion, version(3), knowing], [], 2)


def interrupted(settings: Settings, name: str, begun_ms: int) -> Path:
    folder = settings.home / "training" / name
    (folder / "sessions").mkdir(parents=True)
    (folder / "sessions" / "part.parquet").touch()
    (folder / "job.json").write_text(json.dumps({"begun_ms": begun_ms, "run_id": "r", "prepared": {}, "search": None}))
    return folder


def test_an_interrupted_training_keeps_nothing_of_a_forgotten_listener(tmp_path: Path):
    settings = Settings.load(home=tmp_path)
    before, after = interrupted(settings, "before", 100), interrupted(settings, "after", 300)
    forget_in_interrupted(settings, [])
    assert (before / "sessions").exists()
    forget_in_interrupted(settings, [Forgetting(200, 0), Forgetting(150, 0)])
    assert [path.name for path in before.iterdir()] == ["job.json"]
    assert json.loads((before / "job.json").read_text()) == {"begun_ms": 100, "run_id": "r"}
    assert (after / "sessions" / "part.parquet").exists()


def test_a_job_that_cannot_be_read_goes(tmp_path: Path):
    settings = Settings.load(home=tmp_path)
    folder = interrupted(settings, "now", 100)
    (folder / "job.json").write_text("{}")
    forget_in_interrupted(settings, [Forgetting(200, 0)])
    assert not folder.exists()


def test_what_has_nothing_to_empty_takes_no_right_to_train(tmp_path: Path):
    settings = Settings.load(home=tmp_path)
    interrupted(settings, "after", 300)
    forget_in_interrupted(settings, [Forgetting(200, 0)])
    assert not settings.run.exists()


def test_a_training_that_runs_is_left_alone(tmp_path: Path):
    settings = Settings.load(home=tmp_path)
    folder = interrupted(settings, "now", 100)
    with alone(settings):
        forget_in_interrupted(settings, [Forgetting(200, 0)])
    assert (folder / "sessions").exists()


def killed_with(parent: Path) -> Path:
    """A folder whose process was killed."""
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom infra.scratch import scratch\n"
        "with scratch(Path(sys.argv[1]), 'kind') as folder:\n"
        "    (folder / 'left').touch()\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(parent)], check=False)
    (killed,) = parent.iterdir()
    return killed


def test_a_scratch_folder_of_a_killed_process_goes_at_the_next(tmp_path: Path):
    killed = killed_with(tmp_path)
    (tmp_path / "kind-of-another").mkdir()
    with scratch(tmp_path, "kind") as first, scratch(tmp_path, "kind") as second:
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([first.name, second.name, "kind-of-another"])
    assert not killed.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["kind-of-another"]


def test_at_a_forgetting_what_killed_processes_left_goes(tmp_path: Path):
    settings = Settings.load(home=tmp_path)
    killed = killed_with(settings.spark)
    with scratch(settings.spark, "session") as used:
        sweep(settings.spark, "session")
        assert killed.exists(), "it is of another kind"
        forget_in_interrupted(settings, [Forgetting(200, 0)])
        assert list(settings.spark.iterdir()) == [used]
