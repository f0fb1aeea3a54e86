"""Signing in with a password: what it gives, whom it refuses, and how often it may be tried."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from infra.models import UserId
from infra.store import Account
from serving.http.auth import Access
from serving.http.problems import ProblemError, answer_problems
from serving.http.rates import Rate
from serving.http.sign_in import SigningIn
from serving.plays import PlayRates

KNOWN = {"t-1"}
RIGHT = {"name": "ann", "password": "correct horse"}


class Accounts:
    """Accounts in memory: passwords by name, and the tokens given out for them."""

    def __init__(self, **passwords: str) -> None:
        self.passwords = passwords
        self.given: list[tuple[str, str, timedelta | None, bool]] = []
        self.ended: list[str] = []

    def names(self) -> list[UserId]:
        return [UserId(name) for name in self.passwords]

    def owner(self, token: str) -> Account | None:
        return Account(UserId("ann"), admin=False) if token in KNOWN else None

    def knows(self, user: UserId, password: str) -> bool:
        return self.passwords.get(user) == password

    def token(self, user: UserId, label: str = "", *, lasts: timedelta | None, signed_in: bool) -> str:
        self.given.append((user, label, lasts, signed_in))
        return f"t-{len(self.given)}"

    def sign_out(self, token: str) -> None:
        self.ended.append(token)


class Client:
    """Asks one application again and again, from any address."""

    def __init__(self, accounts: Accounts) -> None:
        self.app = FastAPI()
        self.app.include_router(SigningIn(accounts, Access(accounts)).routes())
        answer_problems(self.app)

    async def ask(self, method: str = "POST", peer: str = "192.168.1.7", **options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app, client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://segue.test") as client:
            return await client.request(method, "/sign-in", **options)


def asked(accounts: Accounts, *bodies: object, **options: Any) -> list[httpx.Response]:
    async def ask() -> list[httpx.Response]:
        client = Client(accounts)
        return [await client.ask(json=body, **options) for body in bodies]

    return asyncio.run(ask())


@pytest.fixture
def accounts() -> Accounts:
    return Accounts(ann=RIGHT["password"])


def test_name_and_password_give_a_token_for_a_year(accounts: Accounts):
    (answer,) = asked(accounts, {**RIGHT, "label": "phone"})
    assert answer.status_code == 201
    body = answer.json()
    assert (body["user"], body["token"], answer.headers["cache-control"]) == ("ann", "t-1", "no-store")
    assert timedelta(days=364) < datetime.fromisoformat(body["expires_at"]) - datetime.now(UTC) <= timedelta(days=365)
    assert accounts.given == [("ann", "phone", timedelta(days=365), True)]


def test_a_wrong_password_and_an_unknown_name_are_answered_alike(accounts: Accounts):
    wrong, unknown = asked(accounts, {**RIGHT, "password": "guess"}, {**RIGHT, "name": "bob"})
    assert (wrong.status_code, wrong.json()) == (401, unknown.json())
    assert "www-authenticate" in wrong.headers
    assert accounts.given == []


@pytest.mark.parametrize(
    "body",
    [
        {"name": {"$gt": ""}, "password": "correct horse"},
        {"name": "ann", "password": {"$ne": ""}},
        {"name": ["ann"], "password": "correct horse"},
        {"name": "ann", "password": ""},
        {"name": "ann", "password": "x" * 1025},
        {**RIGHT, "label": "a\nb"},
        {**RIGHT, "admin": True},
        {"name": "ann"},
        [],
    ],
)
def test_what_is_no_name_and_password_is_refused_and_not_told_back(accounts: Accounts, body: object):
    (answer,) = asked(accounts, body)
    assert answer.status_code == 422
    assert "correct horse" not in answer.text


def test_without_accounts_nobody_signs_in():
    assert asked(Accounts(), RIGHT)[0].status_code == 404


def test_one_name_is_tried_five_times_a_minute_from_one_address_and_its_owner_comes_in_from_another(accounts: Accounts):
    async def ask() -> list[int]:
        client = Client(accounts)
        tried = [await client.ask(json={**RIGHT, "password": "guess"}) for _ in range(6)]
        assert 1 <= int(tried[-1].headers["retry-after"]) <= 60
        # The right password comes too late as well: else guessing would only be slower.
        late, elsewhere = await client.ask(json=RIGHT), await client.ask(json=RIGHT, peer="10.0.0.1")
        return [answer.status_code for answer in (*tried, late, elsewhere)]

    assert asyncio.run(ask()) == [401] * 5 + [429, 429, 201]


def test_one_name_is_tried_a_hundred_times_an_hour_from_wherever(accounts: Accounts):
    async def ask() -> list[int]:
        client = Client(accounts)
        wrong = {**RIGHT, "password": "guess"}
        return [(await client.ask(json=wrong, peer=f"10.0.0.{n}")).status_code for n in range(101)]

    assert asyncio.run(ask()) == [401] * 100 + [429]


def test_what_cannot_be_an_attempt_is_counted_too_and_its_field_named(accounts: Accounts):
    odd = [{"name": "ann"}, {**RIGHT, "name": {"$gt": ""}}, {**RIGHT, "label": "x" * 65}, {**RIGHT, "more": 1}, []]
    answers = asked(accounts, *odd, *odd, RIGHT)
    assert [answer.status_code for answer in answers] == [422] * 10 + [429]
    assert [answer.json().get("field") for answer in answers[:4]] == ["password", "name", "label", "more"]
    (large,) = asked(accounts, {**RIGHT, "more": "x" * 20_000})
    assert large.status_code == 413


@pytest.mark.parametrize(
    "peers", [["192.168.1.7"] * 11, ["::ffff:192.168.1.7"] * 11, [f"fd00::{n + 1}" for n in range(11)]]
)
def test_one_address_tries_ten_times_a_minute_whatever_the_name(accounts: Accounts, peers: list[str]):
    async def ask() -> list[int]:
        client = Client(accounts)
        tried = [await client.ask(json={**RIGHT, "name": f"n{n}"}, peer=peer) for n, peer in enumerate(peers)]
        elsewhere = await client.ask(json=RIGHT, peer="::ffff:10.0.0.1")
        return [answer.status_code for answer in (*tried, elsewhere)]

    assert asyncio.run(ask()) == [401] * 10 + [429, 201]


def test_signing_out_takes_a_token_and_ends_it(accounts: Accounts):
    async def ask() -> list[int]:
        client = Client(accounts)
        signed = {"Authorization": "Bearer t-1"}
        return [(await client.ask("DELETE", headers=headers)).status_code for headers in ({}, signed)]

    assert asyncio.run(ask()) == [401, 204]
    assert accounts.ended == ["t-1"]


@pytest.mark.parametrize(("caller", "requests", "events"), [("ann", 600, 20_000), (None, 1000, 100_000)])
def test_plays_are_counted_for_listeners_who_have_an_account(caller: UserId | None, requests: int, events: int):
    async def taken(take: Callable[[], Awaitable[None]]) -> int:
        for count in range(1000):
            try:
                await take()
            except ProblemError:
                return count
        return 1000

    async def go() -> list[int]:
        rates = PlayRates()
        return [await taken(lambda: rates.asked(caller)), 100 * await taken(lambda: rates.posted(caller, 100))]

    assert asyncio.run(go()) == [requests, events]


def test_a_rate_counts_costs_for_each_who_asks_and_refuses_without_counting():
    async def take() -> None:
        rate = Rate("10 per minute", "plays")
        await rate.take("ann", 9)
        with pytest.raises(ProblemError, match="too many plays: try again in") as refused:
            await rate.take("ann", 2)
        assert refused.value.status == 429
        await rate.take("ann", 1)
        await rate.take("bob", 10)

    asyncio.run(take())
