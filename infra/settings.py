"""All settings, read once at the entry point and passed down; no other file reads the environment.

In: environment variables `SEGUE_*`. Out: one frozen `Settings`. The table in README.md is made from these fields
(`python -m infra.settings`).
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from platformdirs import user_data_path
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.errors import SettingsError

__all__ = ["Codec", "Settings", "child_environment", "export", "inherited", "settings_table"]


Codec = Literal["mp3", "opus", "aac"]


class Settings(BaseSettings):
    """What a user may decide. Every field is the variable `SEGUE_<FIELD>` in capitals."""

    model_config = SettingsConfigDict(env_prefix="SEGUE_", frozen=True, extra="ignore", env_ignore_empty=True)

    home: Path = Field(
        default_factory=lambda: user_data_path("segue"),
        description="Where everything of this installation lives: database, events, media, models, logs",
    )
    host: str = Field(
        "127.0.0.1", description="Address the HTTP API and the page listen on; others than loopback need an account"
    )
    hosts: str = Field(
        "",
        description=(
            "Names that others call this machine by, comma-separated, beside its addresses and its own name; "
            "requests under any other name are refused"
        ),
    )
    http_port: int = Field(
        8000, ge=1, le=65535, description="Port of the HTTP API; when taken, the next free one is used"
    )
    ui_port: int = Field(
        7860, ge=1, le=65535, description="Port of the listening page; when taken, the next free one is used"
    )

    mongo_uri: str | None = Field(None, description="MongoDB of your own; unset: the embedded one (`nx-27017`)")
    mongo_database: str = Field(
        "segue", pattern=r"^[A-Za-z0-9_-]{1,38}$", description="Name of the database in MongoDB"
    )
    kafka: str | None = Field(None, description="Kafka bootstrap servers of your own; unset: the embedded broker")
    kafka_prefix: str = Field(
        "",
        pattern=r"^[A-Za-z0-9._-]{0,64}$",
        description="Put before the names of topics and groups, for a shared Kafka",
    )
    mlflow_uri: str | None = Field(None, description="MLflow tracking server of your own; unset: the embedded one")
    ray_address: str | None = Field(None, description="Ray cluster of your own (`host:port`); unset: a local one")
    spark_master: str = Field("local[*]", description="Spark master")

    codec: Codec = Field("mp3", description="Codec of the compression: `mp3`, `opus` or `aac`")
    bitrate: int = Field(64, ge=16, le=320, description="Target of the compression in kbit/s")
    quality: float | None = Field(
        None, description="Quality instead of a bitrate: MP3 from 0 (best) to 9, AAC from 0.1 to 2 (best)"
    )
    transcodes: int | None = Field(
        None,
        ge=1,
        description="So many streams are converted at once for listeners who ask for another format or bitrate; unset: one a core",
    )
    transcoded_mb: int = Field(
        1024,
        ge=64,
        description="Disk space in MB for converted streams that are kept, the least recently used going first, and once more for those being made",
    )
    session_gap_minutes: int = Field(30, ge=1, description="A pause longer than this starts a new listening session")
    champion_poll_s: float = Field(
        2.0, gt=0, description="How often serving asks MLflow for a new champion, in seconds"
    )
    retrain_plays: int = Field(
        200,
        ge=0,
        description=(
            "So many new plays (finished, skipped, liked or disliked) after which training starts by itself, as long as "
            "trainings take no more than a tenth of the time; 0: never"
        ),
    )
    models_kept: int = Field(
        5,
        ge=1,
        description="So many of the newest model versions are kept, beside the one that serves and the one before it",
    )
    spark_memory: str = Field("1g", pattern=r"^\d+[mg]$", description="Memory of Spark's driver")
    never_played: float = Field(
        0.05,
        ge=0,
        le=1,
        description=(
            "Least share of tracks in an answer that nobody has played, as long as such tracks fit; from the next training on"
        ),
    )
    replicas: int = Field(1, ge=1, le=100, description="Replicas of the recommender, and of the library, at least")
    most_replicas: int = Field(
        1, ge=1, le=100, description="At most: more are started while many requests are under way, and ended after them"
    )
    log_level: Literal["debug", "info", "warning"] = Field(
        "info", description="Least that the logs tell; `debug`: also each play on its way, by the id of its request"
    )
    seed: int = Field(7, description="Seed of everything random in training")

    @field_validator("home", mode="after")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Settings from the environment, `given` ones first; raises `SettingsError` naming variable and fault."""
        try:
            return cls(**given)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise SettingsError(f"SEGUE_{'.'.join(map(str, first['loc'])).upper()}: {first['msg']}") from error

    def environment(self) -> dict[str, str]:
        """The variables that make a child process load exactly these settings; an empty one stands for unset."""
        values = self.model_dump()
        return {f"SEGUE_{name.upper()}": "" if value is None else str(value) for name, value in values.items()}

    @property
    def host_names(self) -> frozenset[str]:
        """The names in `hosts`, lowercase."""
        return frozenset(name.strip().lower() for name in self.hosts.split(",") if name.strip())

    @property
    def media(self) -> Path:
        """The media store: compressed copies and covers."""
        return self.home / "media"

    @property
    def transcoded(self) -> Path:
        """Converted streams, each made again when it is missing."""
        return self.home / "transcoded"

    @property
    def logs(self) -> Path:
        """One log file a part."""
        return self.home / "logs"

    @property
    def run(self) -> Path:
        """What is running now: process ids and addresses."""
        return self.home / "run"

    @property
    def models(self) -> Path:
        """Model bundles fetched from MLflow, a folder a version; versions of another registry have the same numbers."""
        if self.mlflow_uri is None:
            return self.home / "models"
        return self.home / f"models-{hashlib.sha256(self.mlflow_uri.encode()).hexdigest()[:12]}"

    @property
    def spark(self) -> Path:
        """Spark's files while it runs."""
        return self.home / "spark"

    @property
    def fit(self) -> Path:
        """What workers learn from while they do, for all machines that see the home folder."""
        return self.home / "fit"


def child_environment(**extra: str) -> dict[str, str]:
    """The environment for a process that we start: this one's, with `extra` on top."""
    return {**os.environ, **extra}


def export(variables: Mapping[str, str]) -> None:
    """Put variables into this process's environment, for libraries that read their options only there."""
    os.environ.update(variables)


def inherited(name: str) -> str:
    """A variable that others define (`JAVA_HOME`, `https_proxy`); empty when there is none."""
    return os.environ.get(name, "")


def settings_table() -> str:
    """The settings as a Markdown table, from the fields themselves."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "~/.local/share/segue" if name == "home" else field.default
        shown = "" if default in (None, "") else f"`{default}`"
        rows.append(f"| `SEGUE_{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.stdout.write(settings_table() + "\n")
