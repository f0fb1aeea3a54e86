"""Ports are moved past what is taken, and never given out twice."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from infra.errors import ServiceError
from infra.services.ports import choose_ports, is_free
from infra.services.processes import Identity, identity


@pytest.fixture
def me() -> Identity:
    return identity(os.getpid())


@pytest.fixture
def taken() -> socket.socket:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_a_free_port_is_given_as_wanted_and_a_taken_one_moved_past(taken: socket.socket, me: Identity, tmp_path: Path):
    port = taken.getsockname()[1]
    assert not is_free(port)
    given = choose_ports({"mongo": port}, me, folder=tmp_path)["mongo"]
    assert given > port
    assert is_free(given)
    assert choose_ports({"mongo": given}, me, folder=tmp_path)["mongo"] == given


def test_parts_of_one_start_that_want_the_same_port_get_different_ones(me: Identity, tmp_path: Path):
    given = choose_ports({"mongo": 28100, "kafka": 28100, "mlflow": 28100}, me, folder=tmp_path)
    assert len(set(given.values())) == 3


def test_a_port_reserved_by_a_living_process_is_not_given_to_another(me: Identity, tmp_path: Path):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        theirs = choose_ports({"ray": 28200}, identity(other.pid), folder=tmp_path)["ray"]
        assert choose_ports({"ray": theirs}, me, folder=tmp_path)["ray"] != theirs
        other.communicate(b"\n")
    assert choose_ports({"ray": theirs}, me, folder=tmp_path)["ray"] == theirs


def test_blocks_of_ports_are_as_far_apart_as_asked(me: Identity, tmp_path: Path):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        theirs = choose_ports({"replicas": 28300}, identity(other.pid), steps={"replicas": 100}, folder=tmp_path)
        ours = choose_ports({"replicas": 28300}, me, steps={"replicas": 100}, folder=tmp_path)
        other.communicate(b"\n")
    assert (ours["replicas"] - theirs["replicas"]) % 100 == 0
    assert ours != theirs


def test_no_port_left_names_the_part(me: Identity, tmp_path: Path):
    with pytest.raises(ServiceError, match=r"mlflow: no free port from 70000 on"):
        choose_ports({"mlflow": 70000}, me, folder=tmp_path)


def test_a_damaged_reservation_file_is_begun_anew(me: Identity, tmp_path: Path):
    (tmp_path / "ports.json").write_text("{half")
    assert choose_ports({"mongo": 28400}, me, folder=tmp_path)
