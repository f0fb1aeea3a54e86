from __future__ import annotations

import numpy as np

from training.data.vectors import unit
from training.recommend.standins import lent

VECTORS = unit(np.array([[1, 0], [0, 1], [0.9, 0.1], [0.1, 0.9], [0, 0]], dtype=np.float32))
PLAYED = np.array([True, True, False, False, False])


def test_an_unplayed_track_is_lent_what_its_neighbours_have():
    shares = lent(np.array([0.8, 0.2, 0.0, 0.0, 0.0]), VECTORS, PLAYED)
    np.testing.assert_allclose(shares, [0, 0, 0.8, 0.2, 0], atol=0.01)


def test_nothing_is_lent_where_no_track_or_every_track_was_played():
    together = np.array([0.8, 0.2, 0.0, 0.0, 0.0])
    assert not lent(together, VECTORS, np.zeros(5, dtype=bool)).any()
    assert not lent(together, VECTORS, np.ones(5, dtype=bool)).any()
