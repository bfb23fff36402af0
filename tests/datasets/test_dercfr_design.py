"""The design of decomposed representations: who drives what, the constants, and that a plain comparison is wrong."""

import numpy as np
import pytest

from yinguo.datasets import dercfr_design
from yinguo.errors import DataError


@pytest.mark.parametrize("size", [8, 16])
@pytest.mark.parametrize("outcome", ["binary", "continuous"])
def test_instruments_and_confounders_drive_the_treatment_and_the_other_columns_do_not(size, outcome):
    draw = dercfr_design(size=size, outcome=outcome, n=20_000)
    study, roles = draw.study, draw.extras["roles"]
    assert [len(roles[role]) for role in ("instrument", "confounder", "adjuster", "noise")] == [size, size, size, 2]
    assert sum(roles.values(), ()) == study.covariates
    gap = study.X[study.T == 1].mean(axis=0) - study.X[study.T == 0].mean(axis=0)
    assert (gap[: 2 * size] > 0.15).all()
    assert (np.abs(gap[2 * size :]) < 0.06).all()


def test_means_without_treatment_are_linear_and_with_it_quadratic_in_confounders_and_adjusters():
    draw = dercfr_design(outcome="continuous", n=5000)
    X, extras = draw.study.X, draw.extras
    linear = np.linalg.lstsq(X, extras["mu0"], rcond=None)[0]
    squares = np.linalg.lstsq(X**2, extras["mu1"], rcond=None)[0]
    # The authors' constants, over sixteen columns and ten.
    on_control = np.array([11, 8, 8, 16, 13, 8, 8, 16, 13, 16, 11, 11, 8, 8, 8, 8])
    on_treated = np.array([8, 8, 8, 8, 16, 13, 11, 11, 13, 11, 16, 11, 8, 8, 8, 8])
    for found, expected in ((linear, on_control), (squares, on_treated)):
        assert 160 * found[8:24] == pytest.approx(expected, abs=1e-6)
        assert np.abs(np.delete(found, np.arange(8, 24))).max() < 1e-9
    noise = draw.study.Y - np.where(draw.study.T == 1, extras["mu1"], extras["mu0"])
    assert noise.std() == pytest.approx(0.1, rel=0.05)
    assert draw.truth["ATE"] == pytest.approx(166 / 160, abs=0.03)


def test_the_chance_of_treatment_is_logistic_in_the_published_coefficients_blurred_by_noise():
    """The rows whose logit is far from 0 are nearly all of one kind, in the direction of the coefficients."""
    study = dercfr_design(n=20_000).study
    logit = study.X[:, :16] @ [8, 8, 11, 13, 8, 8, 16, 11, 13, 16, 11, 16, 8, 8, 8, 8] / 10
    assert logit.std() == pytest.approx(np.sqrt(2042) / 10, rel=0.03)
    assert study.T[logit > 5].mean() > 0.97
    assert study.T[np.abs(logit) < 0.2].mean() == pytest.approx(0.5, abs=0.06)
    # Logistic noise added to normal noise: at a logit of 2 the chance is E[sigmoid(2 + e)] = 0.848.
    assert study.T[np.abs(logit - 2) < 0.25].mean() == pytest.approx(0.848, abs=0.04)


def test_an_outcome_of_two_values_has_no_noise_and_halves_each_arm():
    draw = dercfr_design(n=2000, n_test=1000)
    extras = draw.extras
    for name in ("mu0", "mu1"):
        both = np.concatenate([extras[name], extras[f"test_{name}"]])
        assert set(both) == {0.0, 1.0}
        assert both.mean() == 0.5
    assert np.array_equal(draw.study.Y, np.where(draw.study.T == 1, extras["mu1"], extras["mu0"]))


def test_the_plain_comparison_of_the_arms_is_wrong():
    draw = dercfr_design(outcome="continuous", n=5000)
    study = draw.study
    assert study.Y[study.T == 1].mean() - study.Y[study.T == 0].mean() - draw.truth["ATE"] > 0.06


def test_within_an_arm_instruments_say_something_of_the_outcome():
    """Both drove the treatment, so that given it they are related to the confounders; noise is not."""
    draw = dercfr_design(n=50_000)
    study = draw.study
    controls = study.T == 0
    gap = np.abs(study.X[controls & (study.Y == 1)].mean(axis=0) - study.X[controls & (study.Y == 0)].mean(axis=0))
    assert gap[:8].mean() > 0.25 * gap[8:16].mean()
    assert gap[24:].max() < 0.05


def test_test_rows_are_further_rows_and_a_seed_is_a_draw():
    first, again, other = (dercfr_design(n=50, n_test=20, random_state=seed) for seed in (1, 1, 2))
    assert first.extras["test_X"].shape == (20, 26)
    assert first.extras["mu1"].shape == (50,)
    assert np.array_equal(first.study.Y, again.study.Y)
    assert not np.array_equal(first.study.X, other.study.X)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"size": 12}, "size is 12"), ({"outcome": "count"}, "outcome is 'count'"), ({"n_test": 0}, "n_test is 0")],
)
def test_impossible_options_are_refused(options, said):
    with pytest.raises(DataError, match=said):
        dercfr_design(**options)
