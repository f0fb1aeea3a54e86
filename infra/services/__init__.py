"""The services that Segue brings along: MongoDB, Kafka, MLflow and Ray, started here unless the settings name others.

In: settings. Out: `Addresses`, a supervisor that keeps the parts up, and what is known about their state.
"""

from infra.services.discovery import discover
from infra.services.doctor import Finding, doctor
from infra.services.part import Program
from infra.services.ray_cluster import RAY_CLIENT, ray_environment
from infra.services.services import Services
from infra.services.state import tell_doing
from infra.services.status import PartStatus, Status, status
from infra.services.supervisor import Supervisor, down

__all__ = [
    "RAY_CLIENT",
    "Finding",
    "PartStatus",
    "Program",
    "Services",
    "Status",
    "Supervisor",
    "discover",
    "doctor",
    "down",
    "ray_environment",
    "status",
    "tell_doing",
]
