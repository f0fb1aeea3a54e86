"""The embedded MLflow tracking server: one process, SQLite, artifacts served through it.

In: a home and a port. Out: a `Part` answering at `http://127.0.0.1:port`, runs and models under `HOME/mlflow`.
"""

from __future__ import annotations

import sys
from importlib.metadata import version

from infra.services.part import Part, answers
from infra.settings import Settings

__all__ = ["mlflow_answers", "mlflow_part"]


def mlflow_part(settings: Settings, port: int) -> Part:
    """The server on this port.

    What `mlflow server` would start is started directly: its own process, which only waits, is 215 MB.
    """
    data = settings.home / "mlflow"
    address = f"http://127.0.0.1:{port}"
    quiet = ["--log-level", "warning", "--no-access-log"]
    return Part(
        name="mlflow",
        argv=[
            sys.executable,
            "-m",
            "uvicorn",
            "mlflow.server.fastapi_app:app",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            *quiet,
        ],
        address=address,
        # The first question about an experiment makes the database, which takes longer than all else.
        ready=lambda: answers(f"{address}/api/2.0/mlflow/experiments/get?experiment_id=0", timeout_s=30.0),
        environment={
            "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{data / 'mlflow.db'}",
            "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
            "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
            "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(data / "artifacts"),
            "_MLFLOW_SGI_NAME": "uvicorn",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_TRACKING_URI": "",
        },
        port=port,
        data=data,
        version=version("mlflow"),
        prepare=lambda: (data / "artifacts").mkdir(parents=True, exist_ok=True),
        patience_s=180.0,
    )


def mlflow_answers(address: str) -> bool:
    """Whether an MLflow answers there within two seconds."""
    return answers(f"{address}/health", timeout_s=2.0)
