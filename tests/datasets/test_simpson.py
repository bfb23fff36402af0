"""The advert table: its counts, and that adjusting for income turns the answer round."""

import numpy as np
import pytest

from yinguo import DifferenceInMeans
from yinguo.datasets import simpson


def test_rows_reproduce_every_cell_of_the_table():
    study = simpson().study
    high = study.X[:, 0]
    cells = {(t, h): (study.Y[(t == study.T) & (high == h)]) for t in (1, 0) for h in (0, 1)}
    assert {key: (int(y.sum()), y.size) for key, y in cells.items()} == {
        (1, 0): (10, 400),
        (1, 1): (40, 600),
        (0, 0): (4, 200),
        (0, 1): (50, 800),
    }


def test_raw_difference_has_the_wrong_sign():
    draw = simpson()
    raw = DifferenceInMeans().fit(draw.study).result_.estimate
    assert raw == pytest.approx(-0.004)
    assert raw == pytest.approx(draw.extras["pooled"])
    assert min(draw.truth.values()) > 0


def test_truth_is_standardised_to_each_population():
    truth, low, high = simpson().truth, 0.025 - 0.02, 40 / 600 - 0.0625
    assert truth["ATE"] == pytest.approx(0.3 * low + 0.7 * high)
    assert truth["ATT"] == pytest.approx(0.4 * low + 0.6 * high)
    assert truth["ATC"] == pytest.approx(0.2 * low + 0.8 * high)
    assert truth["ATE"] == pytest.approx((truth["ATT"] + truth["ATC"]) / 2)


def test_table_can_be_written_out():
    columns = simpson().table()
    assert list(columns) == ["algorithm_a", "click", "high_income"]
    assert all(np.shape(c) == (2000,) for c in columns.values())
