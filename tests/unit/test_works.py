"""What is under way, with the parts that know of it away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from infra.store import Store
from serving.http.auth import Access
from serving.http.problems import answer_problems
from serving.music.works import Works


class Nobody:
    """No accounts."""

    def names(self) -> list[str]:
        return []

    def owner(self, token: str) -> None:
        raise AssertionError(token)


@pytest.fixture
def away() -> Iterator[TestClient]:
    nowhere = "127.0.0.1:1"
    app = FastAPI()
    with Store(f"mongodb://{nowhere}", "segue", timeout_s=0.1) as store:
        app.include_router(Works(store, f"http://{nowhere}", Access(Nobody())).routes())
        answer_problems(app)
        yield TestClient(app)


@pytest.mark.parametrize("path", ["/work", "/failures", "/models"])
def test_a_part_that_is_away_is_told_as_such(away: TestClient, path: str):
    answer = away.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert answer.headers["retry-after"]
    assert "127.0.0.1" not in answer.text
