"""The design behind the coverage of methods with an effect for each unit is what its protocol says."""

import numpy as np
import pytest

from yinguo.bench.effect_coverage import MEAN_EFFECT, TABLE, draw, plain_average


@pytest.mark.parametrize("outcome", ["linear", "curved"])
def test_the_truth_is_the_mean_effect_and_the_naive_difference_is_far_from_it(outcome):
    made = draw(np.random.default_rng(0), outcome=outcome, n=400_000)
    X, T, Y = made.study.X, made.study.T, made.study.Y
    tau = 1 + X[:, 0] / 2 + (X[:, 1] > 0) / 2
    assert made.truth == {"ATE": MEAN_EFFECT}
    assert tau.mean() == pytest.approx(MEAN_EFFECT, abs=0.005)
    assert Y[T == 1].mean() - Y[T == 0].mean() > MEAN_EFFECT + 0.5


def test_overlap_is_as_moderate_as_the_protocol_says():
    made = draw(np.random.default_rng(1), outcome="linear", n=400_000)
    X = made.study.X
    e = 1 / (1 + np.exp(-(0.8 * X[:, 0] - 0.5 * X[:, 1] + 0.6 * X[:, 2])))
    assert np.quantile(e, [0.025, 0.975]) == pytest.approx([0.12, 0.88], abs=0.005)
    assert made.study.T.mean() == pytest.approx(e.mean(), abs=0.005)


def test_rows_are_measured_by_the_plain_average_of_their_effects_where_they_have_effects():
    made = draw(np.random.default_rng(2), outcome="linear", n=300)
    rows = {method.label: method for method in TABLE.methods}
    learner = rows["T-learner, linear"].estimator.make().fit(made.study)
    (gap,) = plain_average(learner, made).values()
    assert gap == pytest.approx(learner.effects_.mean() - MEAN_EFFECT)
    assert plain_average(rows["difference (biased)"].estimator.make().fit(made.study), made) == {}
