"""The shipped DCB simulation: what is drawn is what the formulas say."""

import numpy as np
import pytest

from yinguo.datasets import dcb_simulation
from yinguo.errors import DataError


def test_the_truth_is_the_mean_effect_of_this_sample():
    draw = dcb_simulation(n=500, p=20)
    study, effect = draw.study, 1 + draw.study.X.sum(axis=1)
    assert draw.truth["ATT"] == pytest.approx(effect[study.T == 1].mean())
    assert draw.truth["ATE"] == pytest.approx(effect.mean())
    share = study.T.mean()
    assert draw.truth["ATE"] == pytest.approx(share * draw.truth["ATT"] + (1 - share) * draw.truth["ATC"])


def test_the_outcome_is_linear_with_coefficients_on_even_columns_and_noise_of_three():
    draw = dcb_simulation(n=20_000, p=10, random_state=1)
    study = draw.study
    assert draw.extras["outcome_coefficients"].tolist() == [0, 1, 0, 2, 0, 3, 0, 4, 0, 5]
    left = study.Y - study.T * draw.extras["effect"] - study.X @ draw.extras["outcome_coefficients"]
    assert left.std() == pytest.approx(3.0, rel=0.03)
    assert abs(np.corrcoef(left, study.T)[0, 1]) < 0.03


def test_the_rate_says_how_many_columns_drive_the_treatment():
    study = dcb_simulation(n=20_000, p=10, confounding_rate=0.3, random_state=2).study
    gap = study.X[study.T == 1].mean(axis=0) - study.X[study.T == 0].mean(axis=0)
    assert (gap[:3] > 0.5).all()
    assert (np.abs(gap[3:]) < 0.06).all()


def test_the_naive_bias_is_the_published_size():
    gaps = []
    for seed in range(30):
        draw = dcb_simulation(random_state=seed)
        Y, T = draw.study.Y, draw.study.T
        gaps.append(Y[T == 1].mean() - Y[T == 0].mean() - draw.truth["ATT"])
    assert np.mean(gaps) == pytest.approx(6.6, abs=4 * 3.5 / np.sqrt(30))


def test_the_same_seed_gives_the_same_table_and_a_rate_out_of_range_is_refused():
    a, b = dcb_simulation(n=50, random_state=3), dcb_simulation(n=50, random_state=np.random.default_rng(3))
    assert np.array_equal(a.study.X, b.study.X)
    assert np.array_equal(a.study.Y, b.study.Y)
    with pytest.raises(DataError, match="confounding_rate"):
        dcb_simulation(confounding_rate=1.5)
