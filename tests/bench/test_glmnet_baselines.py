import clarabel
import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import ElasticNet

from yinguo.bench.glmnet_baselines import (
    CAP,
    BalanceOnly,
    ElasticNetOutcome,
    ElasticNetPropensity,
    InSampleAIPW,
    OvershrunkPropensity,
)
from yinguo.core.study import Study
from yinguo.datasets.arb_misspec import arb_misspec


@pytest.fixture(scope="module")
def study():
    return arb_misspec(n=150, p=15, random_state=5).study


class Known:
    """A learner that answers with given numbers."""

    def __init__(self, values):
        self.values = values

    def fit(self, X, y):
        return self

    def predict(self, X):
        return self.values

    def predict_proba(self, X):
        return np.column_stack([1 - self.values, self.values])


def test_elastic_net_outcome_is_scikit_learns_at_the_same_penalty(study):
    X, Y = study.X, study.Y
    fit = ElasticNetOutcome(random_state=1).fit(X, Y).model_
    scale, spread = X.std(axis=0), Y.std()
    ours = fit.coef * scale / spread
    # glmnet standardises the outcome too, which matters for the ridge part.
    peer = ElasticNet(alpha=fit.penalty / spread, l1_ratio=0.9, tol=1e-12, max_iter=100_000)
    peer.fit((X - X.mean(axis=0)) / scale, (Y - Y.mean()) / spread)
    np.testing.assert_allclose(ours, peer.coef_, atol=1e-7)


def test_learners_predict_for_new_rows(study):
    X, T, Y = study.X, study.T, study.Y
    assert ElasticNetOutcome().fit(X, Y).predict(X[:3]).shape == (3,)
    for learner in (ElasticNetPropensity(), OvershrunkPropensity()):
        chances = learner.fit(X, T).predict_proba(X[:3])
        np.testing.assert_allclose(chances.sum(axis=1), 1)


def test_overshrunk_propensity_hardly_moves_off_the_share_of_the_treated(study):
    spread = [
        OvershrunkPropensity(share=share).fit(study.X, study.T).predict_proba(study.X)[:, 1].std()
        for share in (1, 0.5, 0.01)
    ]
    assert spread[0] == pytest.approx(0)
    assert spread[0] < spread[1] < spread[2]


def test_balance_only_weights_are_the_optimum_of_an_independent_solver(study):
    X, T, Y = study.X / study.X.std(axis=0, ddof=1), study.T, study.Y
    controls, target = X[T == 0], X[T == 1].mean(axis=0)
    m, p = controls.shape
    cap = m ** (-2 / 3)
    # variables (delta, g): minimise 0.5 delta^2 + 0.5 |g|^2
    rows = [
        np.hstack([[[0.0]], np.ones((1, m))]),
        np.hstack([-np.ones((p, 1)), controls.T]),
        np.hstack([-np.ones((p, 1)), -controls.T]),
        np.hstack([np.zeros((m, 1)), -np.eye(m)]),
        np.hstack([np.zeros((m, 1)), np.eye(m)]),
    ]
    bound = np.concatenate([[1.0], target, -target, np.zeros(m), np.full(m, cap)])
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(2 * p + 2 * m)]
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    solver = clarabel.DefaultSolver(
        sparse.csc_matrix(np.eye(m + 1)), np.zeros(m + 1), sparse.csc_matrix(np.vstack(rows)), bound, cones, settings
    )
    g = np.array(solver.solve().x)[1:]
    estimate = BalanceOnly().fit(study).result_.estimate
    assert estimate == pytest.approx(Y[T == 1].mean() - g @ Y[T == 0], abs=1e-5)


def test_balance_only_divides_continuous_columns_by_their_spread_and_leaves_binary_ones():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=80), rng.integers(0, 2, size=80)])
    T = (rng.random(80) < 0.3 + 0.3 * X[:, 1]).astype(float)
    Y = X @ [1.0, 2.0] + T

    def estimate(scales):
        return BalanceOnly().fit(Study.from_arrays(X * scales, T, Y)).result_.estimate

    assert estimate([100.0, 1.0]) == pytest.approx(estimate([1.0, 1.0]), abs=1e-6)
    assert estimate([1.0, 9.0]) != pytest.approx(estimate([1.0, 1.0]), abs=1e-6)


def test_in_sample_aipw_with_no_outcome_model_is_the_normalised_weighted_difference(study):
    rng = np.random.default_rng(1)
    e = rng.uniform(0.2, 0.8, size=study.n)
    result = InSampleAIPW(propensity=Known(e), outcome_model=Known(np.zeros(study.n))).fit(study).result_
    odds = (e / (1 - e))[study.T == 0]
    expected = study.Y[study.T == 1].mean() - odds @ study.Y[study.T == 0] / odds.sum()
    assert result.estimate == pytest.approx(expected)


def test_in_sample_aipw_caps_propensities_above_and_never_raises_them(study):
    rng = np.random.default_rng(2)
    e = rng.uniform(0.001, 0.999, size=study.n)
    none = Known(np.zeros(study.n))
    capped = InSampleAIPW(propensity=Known(e), outcome_model=none).fit(study).result_.estimate
    by_hand = InSampleAIPW(propensity=Known(np.minimum(e, CAP)), outcome_model=none).fit(study).result_.estimate
    raised = InSampleAIPW(propensity=Known(np.clip(e, 0.05, CAP)), outcome_model=none).fit(study).result_.estimate
    assert capped == by_hand != raised


def test_baselines_of_others_have_no_interval_of_ours(study):
    for baseline in (BalanceOnly(), InSampleAIPW()):
        assert baseline.fit(study).result_.se is None


def test_adjusting_brings_the_estimate_closer_than_the_raw_difference():
    errors = {"naive": [], "aipw": [], "balance": []}
    for seed in range(2):
        draw = arb_misspec(n=200, p=10, random_state=seed)
        Y, T, truth = draw.study.Y, draw.study.T, draw.truth["ATT"]
        errors["naive"].append(Y[T == 1].mean() - Y[T == 0].mean() - truth)
        errors["aipw"].append(InSampleAIPW().fit(draw.study).result_.estimate - truth)
        errors["balance"].append(BalanceOnly().fit(draw.study).result_.estimate - truth)
    size = {name: np.abs(values).mean() for name, values in errors.items()}
    assert size["aipw"] < 0.7 * size["naive"]
    assert size["balance"] < 0.7 * size["naive"]
