from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import logs
from infra.settings import Settings

log = logging.getLogger("segue.test")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    ours = logging.getLogger("segue")
    handlers, level, propagate = ours.handlers[:], ours.level, ours.propagate
    yield
    for handler in set(ours.handlers) - set(handlers):
        ours.removeHandler(handler)
        handler.close()
    ours.handlers, ours.propagate = handlers, propagate
    ours.setLevel(level)


def test_a_line_names_the_request_and_cannot_be_split_by_what_is_in_it(tmp_path: Path):
    settings = Settings.load(home=tmp_path)
    logs.log_to_file(settings, "part")
    token = logs.REQUEST.set("request-1")
    log.info("somebody said %s", "yes\nat=1970 level=ERROR msg=no")
    logs.REQUEST.reset(token)
    log.info("something else")
    log.debug("not asked for")
    first, second = (settings.logs / "part.log").read_text().splitlines()
    assert first.startswith("at=")
    assert first.endswith("request_id=request-1")
    assert 'msg="somebody said yes\\nat=1970 level=ERROR msg=no"' in first
    assert "request_id" not in second


def test_a_log_that_has_grown_too_large_is_put_aside_for_all_who_write_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(logs, "LARGEST_BYTES", 2_000)
    settings = Settings.load(home=tmp_path)
    logs.log_to_file(settings, "part")
    mine = logging.getLogger("segue").handlers[-1]
    logs.log_to_file(settings, "part")
    logging.getLogger("segue").addHandler(mine)
    for number in range(100):
        log.info("line %d", number)
    file, aside = settings.logs / "part.log", settings.logs / "part.log.1"
    assert file.stat().st_size < 2_500
    assert aside.stat().st_size < 2_500
    assert file.read_text().count("line 99") == 2
