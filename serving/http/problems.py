"""Errors as RFC 9457 problem details.

In: our own errors, FastAPI's validation errors, Starlette's 404 and 405, and whatever was not expected.
Out: `application/problem+json` that names the fault and never a path, a trace or an address.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from infra.errors import BadEvent, BusError, NotFound, SegueError, ServiceError, StoreError
from infra.logs import REQUEST
from serving.answers import Problem

__all__ = ["PROBLEMS", "ProblemError", "answer_problems", "documented", "problem"]

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = "2"


class ProblemError(SegueError):
    """An answer other than success, with what it says to the client."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        event: int | None = None,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.event = event
        self.field = field
        self.headers = dict(headers or {})


def problem(error: ProblemError) -> Response:
    """The answer that tells a client of `error`."""
    body = Problem(
        title=HTTPStatus(error.status).phrase,
        status=error.status,
        detail=error.detail,
        event=error.event,
        field=error.field,
        request_id=REQUEST.get() or None,
    )
    headers = {"Cache-Control": "no-store", **error.headers}
    return Response(body.model_dump_json(exclude_none=True), error.status, headers, MEDIA_TYPE)


def answer_problems(app: FastAPI) -> None:
    """Let every error of `app` be answered as a problem."""
    for kind in (SegueError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _answer)


async def _answer(_request: Request, error: Exception) -> Response:
    return problem(_as_problem(error))


def _as_problem(error: Exception) -> ProblemError:
    match error:
        case ProblemError():
            told = error
        case NotFound():
            told = ProblemError(404, str(error))
        case BadEvent():
            told = ProblemError(422, error.reason, field=error.field)
        case BusError():
            told = _away("Kafka does not acknowledge events at the moment")
        case StoreError():
            told = _away("MongoDB does not answer at the moment")
        case ServiceError():
            told = _away("a part of the service does not answer at the moment")
        case RequestValidationError():
            told = _invalid(error)
        case HTTPException():
            told = ProblemError(error.status_code, str(error.detail), headers=error.headers)
        case SegueError():
            told = ProblemError(422, str(error))
        case _:
            told = ProblemError(500, "something went wrong on the server; its log has this request's id")
    return told


def _away(what: str) -> ProblemError:
    return ProblemError(503, f"{what}; try again", headers={"Retry-After": RETRY_AFTER_S})


def _invalid(error: RequestValidationError) -> ProblemError:
    first = cast("dict[str, Any]", error.errors()[0])
    # The first element of the place is where it was looked for: "query", "path", "header".
    field = ".".join(map(str, first["loc"][1:])) or str(first["loc"][0])
    return ProblemError(422, f"{field}: {first['msg']}", field=field)


def documented(status: int) -> dict[str, Any]:
    """A problem of this status, for the OpenAPI document."""
    return {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: documented(status) for status in (401, 403, 404, 408, 413, 421, 422, 429, 500, 503)
}
"""What any route may answer besides its own, for the OpenAPI document."""
