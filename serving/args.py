"""What a deployment is given.

In: settings and addresses, or a part of them from `serve.yaml`. Out: one frozen value that replicas are constructed with.
"""

from __future__ import annotations

from infra.addresses import Addresses
from infra.models import Frozen
from infra.settings import Settings

__all__ = ["ServeArgs"]


class ServeArgs(Frozen):
    """Arguments of both applications."""

    settings: Settings
    addresses: Addresses
