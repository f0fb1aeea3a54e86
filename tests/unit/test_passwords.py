"""Passwords as they are stored."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from infra.errors import SettingsError
from infra.passwords import HASHER, NOBODYS, hashed, verdict


def test_a_password_is_known_again_and_not_to_be_read_from_what_is_stored():
    stored = hashed("correct horse")
    assert "correct horse" not in stored
    assert stored != hashed("correct horse")
    assert verdict("correct horse", stored) == (True, False)
    assert verdict("Correct horse", stored).right is False


@pytest.mark.parametrize("stored", [None, "", "no hash at all"])
def test_who_has_no_password_has_none_that_is_right(stored: str | None):
    assert verdict("anything", stored).right is False


def test_who_has_none_is_refused_with_as_much_work_as_anybody():
    assert HASHER.check_needs_rehash(NOBODYS) is False


def test_a_hash_of_weaker_parameters_is_told():
    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash("correct horse")
    assert verdict("correct horse", weak) == (True, True)


@pytest.mark.parametrize("password", ["", "short", "x" * 1025])
def test_passwords_have_a_length(password: str):
    with pytest.raises(SettingsError, match="8 to 1024"):
        hashed(password)
