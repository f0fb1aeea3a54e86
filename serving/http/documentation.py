"""The one OpenAPI document for both applications.

In: each application's own document. Out: one whose paths are those that clients use, with every type that is answered.
"""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI
from pydantic.json_schema import models_json_schema

from infra.events import PlayEvent
from serving.answers import Problem
from serving.http.sign_in import GivenPassword

__all__ = ["Document", "described", "merged_documents", "page_policy"]

Document = dict[str, Any]

DESCRIPTION = """A music service that you run yourself and that learns from what you play.

While there are no accounts no token is needed. Once `segue user add NAME` has made one, every call but `/health` and
`POST /sign-in` needs `Authorization: Bearer TOKEN`; audio and covers also take `?token=TOKEN`. A token comes from
`segue user token NAME`, or for a password from `POST /sign-in`. Errors are problem details (RFC 9457)."""

SCHEMA_REF = "#/components/schemas/{model}"


def described(*routes: APIRouter, prefix: str = "") -> Document:
    """The document of routes that answer under `prefix`."""
    app = FastAPI(title="Segue", version=version("segue"), description=DESCRIPTION)
    for some in routes:
        app.include_router(some, prefix=prefix)
    return app.openapi()


def merged_documents(first: Document, second: Document) -> Document:
    """Both documents as one, with the types that no route's signature names."""
    _, extra = models_json_schema(
        [(Problem, "serialization"), (PlayEvent, "validation"), (GivenPassword, "validation")], ref_template=SCHEMA_REF
    )
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


def page_policy(page: bytes) -> str:
    """The content security policy of the page that shows the document: our files, and its own inline scripts."""
    inline = re.findall(rb"<script>(.*?)</script>", page, re.DOTALL)
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'" for script in inline]
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' {' '.join(hashes)}",
            "style-src 'self' 'unsafe-inline'",  # Swagger UI sets styles on its elements
            "img-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
