"""What Gradio's plots are given: a month's hours in layers, minutes by the hour, scores by version."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from serving.listening.insight_answers import MonthOfYear, NamedTime
from ui.pictures import AskedMonths, hours_of_day, layers, scores

HOUR = 3_600_000
NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def asked(*shown: str, by: str = "genres") -> AskedMonths:
    words = {"others": "Others", "unknown": "Unknown"}
    return AskedMonths.model_validate({"year": 2026, "by": by, "months": NAMES, "layers": shown, **words})


def month(number: int, ms: int, **genres: int) -> MonthOfYear:
    parts = tuple(NamedTime(name=name, ms=part) for name, part in genres.items())
    return MonthOfYear(month=f"2026-{number:02d}", ms=ms, plays=1, genres=parts, artists=parts[:1])


def test_each_month_has_every_layer_and_what_is_left():
    frame = layers([month(1, 3 * HOUR, jazz=HOUR, folk=HOUR), month(3, HOUR, folk=HOUR)], asked("jazz", "folk"))
    assert frame.to_dict("records") == [
        {"month": "Jan", "layer": "jazz", "length": 1.0},
        {"month": "Jan", "layer": "folk", "length": 1.0},
        {"month": "Jan", "layer": "Others", "length": 1.0},
        {"month": "Mar", "layer": "jazz", "length": 0.0},
        {"month": "Mar", "layer": "folk", "length": 1.0},
        {"month": "Mar", "layer": "Others", "length": 0.0},
    ]


def test_what_has_no_genre_is_called_unknown():
    frame = layers([month(2, HOUR, **{"": HOUR})], asked(""))
    assert list(frame["layer"]) == ["Unknown", "Others"]
    assert list(frame["length"]) == [1.0, 0.0]


def test_the_layers_may_be_artists():
    frame = layers([month(2, 3 * HOUR, anna=HOUR, ben=HOUR)], asked("anna", "ben", by="artists"))
    assert list(frame["length"]) == [1.0, 0.0, 2.0]


@pytest.mark.parametrize("wrong", [{"layers": [str(n) for n in range(11)]}, {"months": NAMES[:11]}, {"by": "titles"}])
def test_a_view_cannot_ask_for_just_anything(wrong: dict[str, object]):
    with pytest.raises(ValidationError):
        AskedMonths.model_validate({"year": 2026, "months": NAMES, "layers": [], **wrong})


def test_minutes_stand_at_their_hours():
    frame = hours_of_day([0] * 9 + [90_000] + [0] * 14)
    assert len(frame) == 24
    assert frame[frame["minutes"] > 0].to_dict("records") == [{"hour": 9, "minutes": 1.5}]


def test_versions_have_the_scores_that_were_recorded():
    versions = [("1", {"p@20": 0.1}), ("2", {"p@20": 0.2, "baseline.popular.p@20": 0.05, "loss": 3.0})]
    frame = scores(versions, {"p@20": "This model", "baseline.popular.p@20": "Popular"})
    assert frame.values.tolist() == [["1", "This model", 0.1], ["2", "This model", 0.2], ["2", "Popular", 0.05]]
