"""The shape that must not drift: imports point one way, and each outside library has its door.

In: the source of the five packages, as syntax trees (imports inside functions count). Out: a list of arrows that point the wrong way.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = ["infra", "etl", "training", "serving", "ui"]
TRAINING = ["data", "spark", "recommend", "registry", "judge", "learn", "tracking"]
"""Folders of `training/`, each built on those before it; the files beside them come last."""
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for layer in LAYERS
    for path in sorted((ROOT / layer).rglob("*.py"))
}

# Which files may import a library: everything else goes through them.
DOORS = {
    "pymongo": ("infra/store/",),
    "bson": ("infra/store/",),
    "confluent_kafka": ("infra/bus/", "infra/services/"),
    "pyspark": ("training/spark/session", "training/spark/source.py", "training/spark/prepare.py"),
    "mlflow": ("training/tracking/client.py", "training/tracking/register", "training/tracking/prune.py"),
    "gradio": ("ui/",),
    "argon2": ("infra/passwords.py",),
    "limits": ("serving/http/rates.py",),
    "librosa": ("etl/sound/",),
    "fsspec": ("etl/places.py",),
    "watchfiles": ("etl/watch.py",),
    "rapidfuzz": ("etl/history/", "serving/music/vocabulary.py"),
    "ffmpeg": ("etl/audio/command.py", "etl/audio/compress.py"),
    "mutagen": ("etl/audio/", "etl/tags/", "etl/demo/"),
    "torch": ("training/learn/",),
    "annoy": ("training/recommend/index.py",),
    "typer": ("ui/cli.py", "ui/commands/"),
    "ray": (
        *("etl/ray_tasks.py", "training/learn/tune.py", "training/learn/distributed.py", "training/learn/meeting.py"),
        *("serving/", "infra/services/"),
    ),
}


def imports(path: Path) -> Iterator[str]:
    """Full names of everything a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str):
    rank = LAYERS.index(module.split(".", maxsplit=1)[0])
    upward = [name for name in imports(MODULES[module]) if name.split(".")[0] in LAYERS[rank + 1 :]]
    assert upward == []


def test_folders_of_training_point_one_way():
    assert sorted(path.parent.name for path in (ROOT / "training").glob("*/__init__.py")) == sorted(TRAINING)
    upward = [
        (module, name)
        for module, path in MODULES.items()
        if (rank := _place_in_training(module)) is not None
        for name in imports(path)
        if (_place_in_training(name) or 0) > rank
    ]
    assert upward == []


def _place_in_training(name: str) -> int | None:
    """Where a module stands in the order of `training/`; None for one of another package."""
    package, *rest = name.split(".")
    if package != "training" or not rest:
        return None
    return TRAINING.index(rest[0]) if rest[0] in TRAINING else len(TRAINING)


def test_no_import_cycles():
    graph = {
        module: {name for name in imports(path) if name in MODULES and name != module}
        for module, path in MODULES.items()
    }
    # A package's __init__ gathers its own modules; they do not depend on it.
    for module, needs in graph.items():
        needs -= {package for package in needs if module.startswith(package + ".")}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import cycle: {' → '.join(error.args[1])}")


@pytest.mark.parametrize("library", DOORS)
def test_library_is_imported_only_at_its_door(library: str):
    elsewhere = [
        str(path.relative_to(ROOT))
        for path in MODULES.values()
        if any(name.split(".")[0] == library for name in imports(path))
        and not str(path.relative_to(ROOT)).startswith(DOORS[library])
    ]
    assert elsewhere == []


def test_only_settings_read_the_environment():
    reading = [
        str(path.relative_to(ROOT))
        for path in MODULES.values()
        if path != ROOT / "infra" / "settings.py"
        and any(
            isinstance(node, ast.Attribute)
            and node.attr in {"environ", "getenv"}
            and isinstance(node.value, ast.Name)
            and node.value.id == "os"
            for node in ast.walk(ast.parse(path.read_text()))
        )
    ]
    assert reading == []


def test_every_module_says_what_flows_in_and_out():
    silent = [module for module, path in MODULES.items() if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []


def test_no_vague_module_names():
    vague = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}
    assert [m for m in MODULES if m.split(".")[-1] in vague] == []


def test_mlflow_folder_holds_no_python():
    assert list((ROOT / "mlflow").rglob("*.py")) == []
