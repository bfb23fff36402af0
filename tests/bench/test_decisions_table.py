"""The table of decisions: printed rates are fractions of the test rows, draws are as declared, measures as defined."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

import yinguo as yg
from yinguo import bench
from yinguo.bench.decisions import PRINTED, TABLE, draw, errors_of_decisions


@pytest.fixture(scope="module")
def drawn():
    return draw(np.random.default_rng(0), design="synthetic", cost=1.5)


def test_the_table_is_found():
    assert bench.table("decisions") is TABLE


def test_printed_rates_are_the_slides_and_each_is_one_run():
    rates = {label: [round(100 * k / n, 2) for k, n in zip(counts, (600, 75))] for label, counts in PRINTED.items()}
    assert rates == {"S-learner": [13.33, 48.0], "CFR": [12.33, 37.33], "CFR, calibrated": [4.5, 20.0]}
    assert {p.mark for p in TABLE.published} == {"unverified"}
    assert {p.replications for p in TABLE.published} == {1}
    assert "one run on one split" in TABLE.gaps


def test_six_hundred_test_units_of_which_34_in_100_are_worth_treating(drawn):
    test = drawn.extras["test"]
    assert len(test.X) == 600
    assert drawn.study.n == 2400
    shares = [
        np.mean(d.extras["test"].mu1 - d.extras["test"].mu0 > 1.5)
        for d in (draw(np.random.default_rng(s), design="synthetic", cost=1.5) for s in range(20))
    ]
    assert np.mean(shares) == pytest.approx(0.34, abs=0.02)
    assert drawn.truth["ATE"] == pytest.approx(1, abs=0.1)


def test_treatment_is_confounded(drawn):
    study = drawn.study
    naive = study.Y[study.T == 1].mean() - study.Y[study.T == 0].mean()
    assert naive - drawn.truth["ATE"] > 1


def test_the_truth_decides_without_error_and_the_average_for_all_alike(drawn):
    def fitted(effect):
        return SimpleNamespace(effect=effect)

    truth = errors_of_decisions(fitted(lambda X: 1 + np.tanh(2 * X[:, 2]) + 0.5 * X[:, 3]), drawn)
    assert truth == pytest.approx({"decision error": 0, "root PEHE": 0, "regret": 0}, abs=1e-9)
    one = errors_of_decisions(fitted(lambda X: np.ones(len(X))), drawn)
    assert one["decision error"] == pytest.approx(0.34, abs=0.05)


def test_calibrating_by_a_line_repairs_a_learner_that_exaggerates(drawn):
    class Tripled(yg.TLearner):
        name = "tripled"

        def _effect(self, X):
            return 3 * super()._effect(X)

    plain = LinearRegression()
    raw = errors_of_decisions(Tripled(outcome_model=plain).fit(drawn.study), drawn)
    repaired = errors_of_decisions(
        yg.CalibratedLearner(learner=Tripled(outcome_model=plain), method="linear", outcome_model=plain).fit(
            drawn.study
        ),
        drawn,
    )
    assert repaired["decision error"] < 0.7 * raw["decision error"]
    assert repaired["root PEHE"] < 0.5 * raw["root PEHE"]
