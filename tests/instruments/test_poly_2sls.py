"""Poly2SLS: the tool box's choices and error on the demand design, its linear limit, and where it goes wrong."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.datasets.demand import demand, demand_seeds


def cubic(seed: int = 0, n: int = 5000) -> yg.Study:
    """Effect t^3 / 6 of a treatment that varies by 1 given its instrument."""
    Z, U = np.random.default_rng(seed).normal(size=(2, n))
    return yg.Study.from_arrays(np.empty((n, 0)), Z + U, (Z + U) ** 3 / 6 + U, Z=Z)


def test_the_demand_figures_of_mliv_are_met():
    """mliv 0.0.2 on its experiment 0, with predictions kept in one column so that it runs: degrees, penalties, error.

    The card of this method says 49046. That is the mean over all pairs of a prediction and a truth, which is what
    numpy makes of a (2800,) array less a (2800, 1) one.
    """
    draw = demand(**demand_seeds(0))
    study, points = draw.study, draw.extras["test"]["on-policy"]
    mirrored = study.replace(Z=np.column_stack([study.Z, 1 - study.Z]), instruments=["cost", "one less cost"])
    method = yg.Poly2SLS(folds=np.repeat(np.arange(5), 2000)).fit(mirrored)
    assert method.result_.extras == {
        "stage1_degree": 3, "stage1_penalty": 10.0, "stage2_degree": 3, "stage2_penalty": 1.0,
    }  # fmt: skip
    assert points.squared_error(method.predict) == pytest.approx(5028.3012, abs=1e-3)
    pairs = method.predict(points.X, points.T)[:, None] - points.g
    assert np.mean(pairs**2) == pytest.approx(49046, abs=0.5)


def test_with_lines_and_no_penalty_it_is_two_stage_least_squares():
    rng = np.random.default_rng(0)
    X, Z, U = rng.normal(size=(800, 2)), rng.normal(size=(800, 2)), rng.normal(size=800)
    T = Z @ [1.0, -0.5] + X[:, 0] + U
    study = yg.Study.from_arrays(X, T, 2 * T + X @ [1.0, 1.0] + U, Z=Z)
    theirs = yg.TwoStageLeastSquares().fit(study).result_.estimate
    ours = yg.Poly2SLS(degrees=[1], penalties=[1e-9]).fit(study).result_
    assert ours.estimate == pytest.approx(theirs, rel=1e-8)
    assert not [note for note in ours.notes if "not consistent" in note]


def test_the_bias_of_the_square_of_a_prediction_stays_with_many_rows():
    effects = [yg.Poly2SLS().fit(cubic(seed, 20_000)).effect(None, [0.0], [1.0])[0] for seed in range(10)]
    # Given Z the treatment varies by 1, so E[T^3 | Z] / 6 is Z^3 / 6 + Z / 2, and the curve found has t / 2 too much.
    assert np.mean(effects) == pytest.approx(1 / 6 + 1 / 2, abs=0.03)


def test_a_bent_second_stage_is_noted_and_the_first_stage_checked():
    result = yg.Poly2SLS().fit(cubic()).result_
    assert any("not consistent" in note for note in result.notes)
    assert result.diagnostics[0].name == "first-stage"
    assert "sieve-iv" in result.no_inference


def test_many_columns_leave_out_the_degrees_that_would_need_too_many():
    rng = np.random.default_rng(0)
    Z, X = rng.normal(size=200), rng.normal(size=(200, 70))
    result = yg.Poly2SLS(degrees=[1, 3]).fit(yg.Study.from_arrays(X, Z + X[:, 0], Z + X[:, 0], Z=Z)).result_
    assert result.extras["stage2_degree"] == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"degrees": []}, r"degrees is \[\]"),
        ({"degrees": [0]}, r"degrees is \[0\]"),
        ({"penalties": [-1.0]}, "penalties is"),
        ({"folds": 1}, "folds is 1"),
    ],
)
def test_wrong_options_are_named_with_their_value(options, words):
    with pytest.raises(yg.DataError, match=words):
        yg.Poly2SLS(**options).fit(cubic(n=100))
