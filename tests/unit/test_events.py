"""The play event, version 1: what is taken, what is refused, and that the contract on disk still reads."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from infra.errors import BadEvent
from infra.events import PlayEvent, Withdrawal, decode, encode

EVENTS = Path(__file__).parents[1] / "data" / "events"
GOLDEN, WITHDRAWAL = EVENTS / "v1.json", EVENTS / "withdrawal-v1.json"


def test_golden_payload_reads_and_writes_back_the_same():
    event = decode(GOLDEN.read_bytes())
    assert decode(encode(event)) == event
    stored = json.loads(GOLDEN.read_text())
    written = json.loads(encode(event))
    assert datetime.fromisoformat(written.pop("at")) == datetime.fromisoformat(stored.pop("at"))
    assert written == stored


def test_golden_withdrawal_reads_and_writes_back_the_same():
    withdrawal = decode(WITHDRAWAL.read_bytes())
    assert isinstance(withdrawal, Withdrawal)
    assert json.loads(encode(withdrawal)) == json.loads(WITHDRAWAL.read_text())


def test_a_play_that_only_speaks_of_withdrawing_is_a_play():
    event = json.loads(GOLDEN.read_text()) | {"client": "withdraws"}
    assert isinstance(decode(json.dumps(event).encode()), PlayEvent)


@pytest.mark.parametrize(
    ("field", "value"), [("withdraws", "plays"), ("user", ""), ("track", "a/b"), ("kind", "liked")]
)
def test_a_bad_withdrawal_names_the_field_at_fault(field: str, value: object):
    with pytest.raises(BadEvent) as caught:
        decode(json.dumps(json.loads(WITHDRAWAL.read_text()) | {field: value}).encode())
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("v", 2),
        ("event_id", "not-a-uuid"),
        ("user", ""),
        ("user", "a/b"),
        ("user", "x" * 129),
        ("track", "\x00"),
        ("kind", "paused"),
        ("position_ms", -1),
        ("duration_ms", 10**12),
        ("at", "2026-11-22T10:15:30"),
        ("at", "0001-01-01T00:00:00+14:00"),
        ("at", "9999-12-31T23:59:59-12:00"),
        ("client", "c" * 129),
        ("colour", "blue"),
    ],
)
def test_a_bad_event_names_the_field_at_fault(field: str, value: object):
    event = json.loads(GOLDEN.read_text()) | {field: value}
    with pytest.raises(BadEvent) as caught:
        decode(json.dumps(event).encode())
    assert caught.value.field.split(".")[0] == field


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"v":1}'])
def test_what_is_no_event_at_all_is_refused(payload: bytes):
    with pytest.raises(BadEvent):
        decode(payload)
