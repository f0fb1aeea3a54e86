"""The model registry as its readers see it: which version is champion, and its bundle.

In: MLflow's REST interface, by httpx alone (the library itself costs more memory than a recommender). Out: version
numbers, and bundles in folders of their own that are whole or not there.
"""

from __future__ import annotations

import atexit
import json
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import httpx

from infra.errors import BundleError, NotFound, ServiceError
from infra.models import Frozen
from infra.scratch import scratch

__all__ = [
    "ALIAS",
    "BUNDLE",
    "LOGGED_MODEL",
    "MODEL",
    "PREDECESSOR",
    "READ_MS",
    "SECONDS",
    "TUNED",
    "ModelVersion",
    "ask",
    "champion",
    "fetch",
    "promote",
    "tuned",
    "version_info",
    "versions",
]

MODEL = "segue"
"""Name of the registered model."""
ALIAS = "champion"
"""Alias of the version that serves."""
BUNDLE = "data/bundle"
"""Where the recommender's own folder lies within a registered model."""

READ_MS = "data.read_ms"
"""Tag of a version: when its plays were read, milliseconds since 1970."""
SECONDS = "segue.seconds"
"""Tag of a version: how long its training took."""
TUNED = "segue.tuned"
"""Tag of a version whose parameters a search chose, and of the model once such a version has served: those, as JSON."""
PREDECESSOR = "segue.predecessor"
"""Tag of a version that has served: the one that served before it."""

CONTENTS = ".fetched"
"""File beside a fetched bundle's own, holding the size of each: tells a whole bundle from a damaged one."""

LOGGED_MODEL = "models:/"
"""What the source of a version begins with; the id of a logged model follows."""
API = "/api/2.0/mlflow"
TIMEOUT_S = 10.0
PAGE = 200


class ModelVersion(Frozen):
    """One registered version."""

    version: str
    run_id: str
    model_id: str
    """The logged model whose files it has."""
    created_ms: int
    """Milliseconds since 1970."""
    champion: bool
    tags: dict[str, str]
    """What it was made of (`data.*`) and with."""

    @property
    def read_ms(self) -> int:
        """When its plays were read, milliseconds since 1970."""
        return int(self.tags.get(READ_MS, self.created_ms))


def champion(uri: str) -> str | None:
    """The version that the alias names, or None when there is none; raises `ServiceError` when MLflow is away."""
    found = ask(uri, "GET", "/registered-models/alias", {"name": MODEL, "alias": ALIAS})
    return None if found is None else str(found["model_version"]["version"])


def versions(uri: str) -> list[ModelVersion]:
    """All registered versions, newest first; raises `ServiceError`."""
    best, found, token = champion(uri), [], ""
    while True:
        asked = {"filter": f"name='{MODEL}'", "max_results": str(PAGE), "page_token": token}
        page = ask(uri, "GET", "/model-versions/search", asked) or {}
        found += [_version(raw, best) for raw in page.get("model_versions", [])]
        token = page.get("next_page_token", "")
        if not token:
            return sorted(found, key=lambda v: int(v.version), reverse=True)


def version_info(uri: str, version: str) -> ModelVersion:
    """What the registry knows of one version; raises `NotFound`, `ServiceError`."""
    found = None
    if version.isdecimal():
        found = ask(uri, "GET", "/model-versions/get", {"name": MODEL, "version": version})
    if found is None:
        known = ", ".join(v.version for v in versions(uri)) or "none yet: `segue train` makes one"
        raise NotFound(f"no model version {version!r}; there are: {known}")
    return _version(found["model_version"], champion(uri))


def promote(uri: str, version: str) -> None:
    """Let `version` serve from now on; raises `NotFound`, `ServiceError`.

    One that is removed meanwhile leaves the champion as it was.
    """
    info, before = version_info(uri, version), champion(uri)
    if before not in (None, info.version):
        tag = {"name": MODEL, "version": info.version, "key": PREDECESSOR, "value": str(before)}
        ask(uri, "POST", "/model-versions/set-tag", tag)
    _name_champion(uri, info.version)
    if not _files(uri, info.model_id, BUNDLE):
        _name_champion(uri, before)
        raise NotFound(
            f"model version {info.version} has just been removed; version {before or 'none'} serves as before"
        )
    if TUNED in info.tags:
        ask(uri, "POST", "/registered-models/set-tag", {"name": MODEL, "key": TUNED, "value": info.tags[TUNED]})


def _name_champion(uri: str, version: str | None) -> None:
    alias = {"name": MODEL, "alias": ALIAS}
    if version is None:
        ask(uri, "DELETE", "/registered-models/alias", alias)
    else:
        ask(uri, "POST", "/registered-models/alias", {**alias, "version": version})


def tuned(uri: str) -> dict[str, float | int]:
    """The parameters that a search chose, of the newest such version that has served; raises `ServiceError`."""
    found = ask(uri, "GET", "/registered-models/get", {"name": MODEL}) or {}
    tags = {tag["key"]: tag["value"] for tag in found.get("registered_model", {}).get("tags", [])}
    values: dict[str, float | int] = json.loads(tags.get(TUNED, "{}"))
    return values


def fetch(uri: str, version: str, folder: Path) -> Path:
    """The bundle of `version` in `folder/<version>`; fetched when it is not there whole.

    Written beside its place and then renamed, so that a reader sees all of it or nothing.
    Raises `NotFound`, `ServiceError`, and `BundleError` when what came is not what the registry holds.
    """
    place = folder / version
    if version.isdecimal() and _whole(place):
        return place
    info = version_info(uri, version)
    with scratch(folder, ".fetching") as beside:
        part = beside / version
        sizes = _download(uri, info, part)
        (part / CONTENTS).write_text(json.dumps(sizes))
        _put(part, place)
    return place


def _put(part: Path, place: Path) -> None:
    if place.exists() and not _whole(place):
        place.rename(part.parent / "damaged")
    try:
        part.rename(place)
    except OSError as error:
        # Another process may have put the same bundle there in the meantime.
        if not _whole(place):
            raise BundleError(f"{place}: {error.strerror}") from error


def _whole(place: Path) -> bool:
    try:
        sizes: dict[str, int] = json.loads((place / CONTENTS).read_text())
        return all((place / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False


def _download(uri: str, info: ModelVersion, part: Path) -> dict[str, int]:
    """Bring all files of a bundle into `part`; returns their sizes by name."""
    sizes: dict[str, int] = {}
    for name, size in _files(uri, info.model_id, BUNDLE):
        target = part / name
        if not target.resolve().is_relative_to(part.resolve()):
            raise BundleError(f"model version {info.version}: {name!r} points outside its bundle")
        target.parent.mkdir(parents=True, exist_ok=True)
        _save(uri, {"name": MODEL, "version": info.version, "path": f"{BUNDLE}/{name}"}, target)
        if (got := target.stat().st_size) != size:
            raise BundleError(f"model version {info.version}: {name} has {got} bytes of {size}; cut short")
        sizes[name] = size
    if not sizes:
        raise BundleError(f"model version {info.version} holds no bundle")
    return sizes


def _files(uri: str, model_id: str, directory: str) -> list[tuple[str, int]]:
    """`(name within the bundle, bytes)` of every file below a directory of a logged model."""
    asked = {"artifact_directory_path": directory}
    listed = ask(uri, "GET", f"/logged-models/{model_id}/artifacts/directories", asked) or {}
    found: list[tuple[str, int]] = []
    for entry in listed.get("files", []):
        if entry.get("is_dir"):
            found += _files(uri, model_id, entry["path"])
        else:
            found.append((str(PurePosixPath(entry["path"]).relative_to(BUNDLE)), int(entry.get("file_size", 0))))
    return found


def _save(uri: str, asked: dict[str, str], target: Path) -> None:
    try:
        with (
            _client(uri).stream("GET", "/model-versions/get-artifact", params=asked) as answer,
            target.open("wb") as out,
        ):
            if not answer.is_success:
                raise ServiceError(f"MLflow at {uri} answered {answer.status_code} for {asked['path']}")
            for piece in answer.iter_bytes():
                out.write(piece)
    except httpx.HTTPError as error:
        raise ServiceError(f"MLflow at {uri} does not answer: {error}") from error


def _version(raw: dict[str, Any], best: str | None) -> ModelVersion:
    return ModelVersion(
        version=str(raw["version"]),
        run_id=raw.get("run_id", ""),
        model_id=raw["source"].removeprefix(LOGGED_MODEL),
        created_ms=int(raw["creation_timestamp"]),
        champion=str(raw["version"]) == best,
        tags={tag["key"]: tag["value"] for tag in raw.get("tags", [])},
    )


def ask(uri: str, method: str, path: str, body: dict[str, str]) -> dict[str, Any] | None:
    """The answer to one call of MLflow's REST interface, None for something that does not exist; raises `ServiceError`."""
    given: dict[str, Any] = {"params": body} if method == "GET" else {"json": body}
    try:
        answer = _client(uri).request(method, API + path, **given)
        content: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise ServiceError(f"MLflow at {uri} does not answer: {error}") from error
    if answer.is_success:
        return content
    message = str(content.get("message", answer.text))
    absent = content.get("error_code") == "RESOURCE_DOES_NOT_EXIST" or f"alias {ALIAS} not found" in message
    if absent:
        return None
    raise ServiceError(f"MLflow at {uri}: {message}")


@lru_cache
def _client(uri: str) -> httpx.Client:
    # Kept open: building one for each poll would cost more than the poll.
    client = httpx.Client(base_url=uri.rstrip("/"), timeout=TIMEOUT_S)
    atexit.register(client.close)
    return client
