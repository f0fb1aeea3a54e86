"""The HTTP interface as Python calls, for what the listening page's server asks itself.

In: the address of the HTTP API and, where accounts exist, a token. Out: the same frozen answers that the service gave,
or `Denied`, `NotFound`, `BadEvent`, `TooOften` and `ServiceError` that say what went wrong in the service's own words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from infra.errors import BadEvent, Denied, NotFound, SegueError, ServiceError, TooOften
from infra.events import PlayEvent
from infra.models import UserId
from serving.answers import Accepted, History, SignedIn
from serving.listening.insight_answers import Statistics, TasteTold
from serving.music.library_answers import Models

__all__ = ["Client"]

TIMEOUT = httpx.Timeout(10.0, connect=2.0)


A = TypeVar("A", bound=BaseModel)


class Client:
    """The HTTP API of one installation, for one listener.

    Every call raises `Denied` for 401 and 403, `NotFound` for 404, `BadEvent` for a play that breaks the contract,
    `TooOften` for 429 and `ServiceError` when the service is away or answers something else.
    """

    def __init__(self, base_url: str, token: str | None = None, *, pool: httpx.Client | None = None) -> None:
        """`base_url` is `http://host:port`; `pool` shares another client's connections."""
        self._base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        # trust_env off: a proxy meant for the internet must not see calls to our own service.
        self._http = pool or httpx.Client(timeout=TIMEOUT, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, shared ones included."""
        self._http.close()

    def with_token(self, token: str | None) -> Client:
        """The same service for the listener who has `token`, over the same connections."""
        return Client(self._base_url, token, pool=self._http)

    def sign_in(self, user: UserId, password: str, *, label: str, visitor: str | None = None) -> SignedIn:
        """A token for a password; `visitor` is the address of whom this asks for, whose attempts are then counted."""
        body = {"name": user, "password": password, "label": label}
        headers = _given({"X-Forwarded-For": visitor})
        return self._read(SignedIn, self._send("POST", "/sign-in", json=body, headers=headers))

    def sign_out(self) -> None:
        """End the token of this client, when it was given for a password."""
        _raise(self._send("DELETE", "/sign-in"))

    def post_plays(self, events: Sequence[PlayEvent]) -> int:
        """Post up to 1,000 events; returns how many the broker has acknowledged. The same event twice counts once."""
        body = [event.model_dump(mode="json") for event in events]
        return self._read(Accepted, self._send("POST", "/plays", json=body)).accepted

    def history(self, user: UserId, *, limit: int = 50, cursor: str | None = None) -> History:
        """What the listener did, newest first."""
        query = _given({"limit": limit, "cursor": cursor})
        return self._read(History, self._send("GET", f"/users/{_part(user)}/history", params=query))

    def taste(self, user: UserId, tz: str) -> TasteTold:
        """What is known of the listener's taste; hours are those of the time zone `tz`."""
        return self._read(TasteTold, self._send("GET", f"/users/{_part(user)}/taste", params={"tz": tz}))

    def statistics(self, user: UserId, year: int, tz: str) -> Statistics:
        """A year of listening, in the time zone `tz`."""
        query = {"year": year, "tz": tz}
        return self._read(Statistics, self._send("GET", f"/users/{_part(user)}/statistics", params=query))

    def models(self) -> Models:
        """The versions of the model, oldest first."""
        return self._read(Models, self._send("GET", "/models"))

    def _send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any
    ) -> httpx.Response:
        try:
            return self._http.request(
                method, self._base_url + path, headers={**self._headers, **(headers or {})}, **options
            )
        except httpx.TimeoutException as error:
            raise ServiceError(f"Segue at {self._base_url} did not answer in time ({method} {path})") from error
        except httpx.HTTPError as error:
            raise ServiceError(f"Segue at {self._base_url} does not answer; `segue up` starts it") from error

    def _read(self, kind: type[A], response: httpx.Response) -> A:
        _raise(response)
        try:
            return kind.model_validate_json(response.content)
        except ValidationError as error:
            place = f"{response.request.method} {response.request.url.path}"
            raise ServiceError(f"{place} at {self._base_url}: the answer is not Segue's; another server?") from error


def _raise(response: httpx.Response) -> None:
    """Raise what an error answer means."""
    if response.is_success:
        return
    status, detail = response.status_code, _detail(response)
    if status in (401, 403):
        raise Denied(detail)
    if status == 404:
        raise NotFound(detail)
    if status == 429:
        raise TooOften(detail)
    if status == 422 and response.request.url.path.endswith("/plays"):
        raise _bad_event(response, detail)
    if status < 500:
        raise SegueError(detail)
    raise ServiceError(detail)


def _bad_event(response: httpx.Response, detail: str) -> BadEvent:
    """Which event and field of the posted list are at fault, as far as the service says."""
    place = _problem(response)
    named = [str(place[part]) for part in ("event", "field") if place.get(part) is not None]
    return BadEvent(".".join(named) or "event", detail)


def _detail(response: httpx.Response) -> str:
    """The service's own words: RFC 9457 `detail`, then `title`, then the status."""
    problem = _problem(response)
    plain = f"HTTP {response.status_code} from {response.request.method} {response.request.url.path}"
    return str(problem.get("detail") or problem.get("title") or plain)


def _problem(response: httpx.Response) -> dict[str, Any]:
    """The problem details of an error answer; empty when it has none."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _given(query: dict[str, Any]) -> dict[str, Any]:
    """The parts of a query that say something."""
    return {name: value for name, value in query.items() if value not in ("", None)}


def _part(text: str) -> str:
    """One segment of a path, whatever characters it has."""
    return quote(text, safe="")
