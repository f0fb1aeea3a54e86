"""Where the parts of a running installation answer, embedded ones and outside ones alike.

In: what `infra/services` started and what the settings name. Out: one frozen `Addresses`, passed down like the settings.
"""

from __future__ import annotations

from infra.models import Frozen

__all__ = ["Addresses"]


class Addresses(Frozen):
    """Addresses of the parts; an empty string is a part that was not asked for."""

    mongo: str = ""
    """`mongodb://host:port`."""
    kafka: str = ""
    """Bootstrap servers, `host:port`."""
    mlflow: str = ""
    """`http://host:port`."""
    ray: str = ""
    """`host:port` of the cluster's GCS, for `ray.init(address=…)`."""
    http: str = ""
    """`http://host:port` of the HTTP API."""
    ui: str = ""
    """`http://host:port` of the listening page."""
