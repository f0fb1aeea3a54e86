"""The one OpenAPI document for both applications.

In: each application's own document. Out: one whose paths are those that clients use, with every type that is answered.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI
from pydantic.json_schema import models_json_schema

from infra.events import PlayEvent
from serving.answers import Problem

__all__ = ["Document", "described", "merged_documents"]

Document = dict[str, Any]

DESCRIPTION = """A music service that you run yourself and that learns from what you play.

While there are no accounts no token is needed. Once `segue user add NAME` has made one, every call but `/health` needs
`Authorization: Bearer TOKEN`; audio and covers also take `?token=TOKEN`. Errors are problem details (RFC 9457)."""

SCHEMA_REF = "#/components/schemas/{model}"


def described(*routes: APIRouter, prefix: str = "") -> Document:
    """The document of routes that answer under `prefix`."""
    app = FastAPI(title="Segue", version=version("segue"), description=DESCRIPTION)
    for some in routes:
        app.include_router(some, prefix=prefix)
    return app.openapi()


def merged_documents(first: Document, second: Document) -> Document:
    """Both documents as one, with the types that no route's signature names."""
    _, extra = models_json_schema([(Problem, "serialization"), (PlayEvent, "validation")], ref_template=SCHEMA_REF)
    schemas = [d.get("components", {}).get("schemas", {}) for d in (first, second)]
    return {
        **first,
        "paths": {**first["paths"], **second["paths"]},
        "components": {
            "schemas": {**extra["$defs"], **schemas[0], **schemas[1]},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }
