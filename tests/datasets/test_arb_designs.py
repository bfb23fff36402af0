"""The two designs of the approximate residual balancing paper, against their formulas and the paper's naive column."""

import numpy as np
import pytest

from yinguo.datasets import arb_first, arb_misspec
from yinguo.errors import DataError

#: RMSE of the difference in means in the paper's first table, (outcome, propensity) -> value, n = 500, p = 2000.
PUBLISHED_NAIVE = {
    ("dense", "dense"): 6.625,
    ("dense", "sparse"): 7.119,
    ("harmonic", "dense"): 3.557,
    ("harmonic", "sparse"): 3.924,
    ("moderately sparse", "dense"): 1.257,
    ("moderately sparse", "sparse"): 1.256,
    ("very sparse", "dense"): 0.711,
    ("very sparse", "sparse"): 0.722,
}


@pytest.mark.parametrize(("cell", "published"), PUBLISHED_NAIVE.items(), ids=map(str, PUBLISHED_NAIVE))
def test_patterns_imply_the_published_error_of_the_difference_in_means(cell, published):
    extras = arb_first(outcome=cell[0], propensity=cell[1]).extras
    gap = extras["beta"] @ extras["shift"]
    # The clusters' shares in the arms are 0.8 and 0.2; arms have 250 rows each on average.
    rmse = np.sqrt((0.6 * gap) ** 2 + 4 * (1 + 4 + 0.16 * gap**2) / 500)
    assert rmse == pytest.approx(published, rel=0.02)


def test_the_first_design_follows_its_formulas():
    draw = arb_first(outcome="harmonic", propensity="sparse", n=4000, p=100, random_state=1)
    study, beta, shift, cluster = draw.study, draw.extras["beta"], draw.extras["shift"], draw.extras["cluster"]
    assert np.linalg.norm(beta) == pytest.approx(2)
    assert draw.truth == {"ATE": 1.0, "ATT": 1.0, "ATC": 1.0}
    assert study.T[cluster == 1].mean() == pytest.approx(0.8, abs=0.04)
    assert study.T[cluster == 0].mean() == pytest.approx(0.2, abs=0.04)
    assert study.X[cluster == 1].mean(axis=0) == pytest.approx(shift, abs=0.1)
    noise = study.Y - study.X @ beta - study.T
    assert noise.mean() == pytest.approx(0, abs=0.08)
    assert noise.std() == pytest.approx(1, abs=0.05)


def test_the_effect_of_the_misspecified_design_averages_one_over_the_treated():
    draw = arb_misspec(n=200_000, p=10, random_state=0)
    assert draw.truth["ATT"] == pytest.approx(1.0, abs=0.02)
    assert draw.truth["ATC"] < draw.truth["ATE"] < draw.truth["ATT"]
    study, tau, e = draw.study, draw.extras["tau"], draw.extras["propensity"]
    assert study.T.mean() == pytest.approx(e.mean(), abs=0.005)
    noise = study.Y - study.X.sum(axis=1) - tau * (study.T - 0.5)
    assert noise.std() == pytest.approx(1, abs=0.01)


def test_the_naive_error_of_the_misspecified_design_is_the_published_one():
    errors = []
    for seed in range(100):
        draw = arb_misspec(random_state=seed)
        Y, T = draw.study.Y, draw.study.T
        errors.append(Y[T == 1].mean() - Y[T == 0].mean() - draw.truth["ATT"])
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(1.734, abs=0.12)


@pytest.mark.parametrize("generator", [arb_first, arb_misspec])
def test_a_seed_fixes_the_draw_and_impossible_sizes_are_refused(generator):
    a, b, c = (generator(n=50, p=120, random_state=seed).study for seed in (3, 3, 4))
    assert np.array_equal(a.Y, b.Y)
    assert not np.array_equal(a.Y, c.Y)
    with pytest.raises(DataError, match="p is 9"):
        generator(p=9)


def test_unknown_patterns_are_refused():
    with pytest.raises(DataError, match="outcome is 'flat'"):
        arb_first(outcome="flat")
