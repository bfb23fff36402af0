"""Meta-learners against econml, with the same learners, nuisances and folds. Run with ``make test-peers``.

Tolerance 1e-6: both sides do the same arithmetic on the same fits; what is left is how a least-squares problem is
solved. The S- and T-learner, and the X-learner, are fitted to all rows on both sides and need no folds; the R-learner
is econml's ``NonParamDML``, whose ``cv`` takes our folds.
"""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression

import yinguo as yg

pytestmark = pytest.mark.peer

TREES = HistGradientBoostingRegressor(max_iter=20, max_leaf_nodes=6, early_stopping=False, random_state=0)
CHANCES = HistGradientBoostingClassifier(max_iter=10, max_leaf_nodes=4, early_stopping=False, random_state=0)
LOGIT = LogisticRegression(C=1.0, tol=1e-10, solver="newton-cholesky")
LEARNERS = [pytest.param(LinearRegression(), LOGIT, id="linear"), pytest.param(TREES, CHANCES, id="boosted")]
SEEDS = range(3)
K = 3


def design(seed: int, n: int = 900):
    """Confounded, effect 1 + x1; folds."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    T = (rng.random(n) < 1 / (1 + np.exp(-0.6 * X[:, 0] + 0.3 * X[:, 1]))).astype(float)
    Y = X @ [1.0, 0.5, -0.5, 0.0] + np.sin(X[:, 2]) + (1 + X[:, 0]) * T + rng.normal(size=n)
    folds = rng.integers(0, K, n)
    return X, T, Y, folds, yg.Study.from_arrays(X, T, Y)


def splits(folds):
    """Our folds as (train, test) pairs."""
    return [(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in range(K)]


class ByArm(RegressorMixin, BaseEstimator):
    """A model for each value of the last column: what econml's single regression model has to be to equal ours."""

    def __init__(self, base):
        self.base = base

    def fit(self, D, y):
        """Fit to the rows of either arm."""
        from sklearn.base import clone

        self.models_ = [clone(self.base).fit(D[D[:, -1] == arm, :-1], y[D[:, -1] == arm]) for arm in (0, 1)]
        return self

    def predict(self, D):
        """Predict with the model of the row's arm."""
        m0, m1 = (model.predict(D[:, :-1]) for model in self.models_)
        return np.where(D[:, -1] == 1, m1, m0)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("model", "chances"), LEARNERS)
def test_s_t_and_x_learner_equal_econml(seed, model, chances):
    peers = pytest.importorskip("econml.metalearners")
    X, T, Y, folds, study = design(seed)
    new = X[:50] + 0.1
    pairs = (
        (yg.SLearner(outcome_model=model, folds=folds), peers.SLearner(overall_model=model)),
        (yg.TLearner(outcome_model=model, folds=folds), peers.TLearner(models=model)),
        (
            yg.XLearner(outcome_model=model, effect_model=LinearRegression(), propensity=chances, folds=folds),
            peers.XLearner(models=model, cate_models=LinearRegression(), propensity_model=chances),
        ),
    )
    for ours, peer in pairs:
        peer.fit(Y, T, X=X)
        assert ours.fit(study).effect(new) == pytest.approx(peer.effect(new), rel=1e-6, abs=1e-9), type(ours)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("model", "chances"), LEARNERS)
@pytest.mark.parametrize("effect", [LinearRegression(), TREES], ids=["line", "trees"])
def test_r_learner_equals_econml(seed, model, chances, effect):
    dml = pytest.importorskip("econml.dml")
    X, T, Y, folds, study = design(seed)
    new = X[:50] + 0.1
    peer = dml.NonParamDML(
        model_y=model, model_t=chances, model_final=effect, discrete_treatment=True, cv=splits(folds), random_state=0
    ).fit(Y, T, X=X)
    ours = yg.RLearner(outcome_model=model, effect_model=effect, propensity=chances, folds=folds, clip=0.0)
    assert ours.fit(study).effect(new) == pytest.approx(peer.effect(new), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("model", "chances"), LEARNERS)
@pytest.mark.parametrize("effect", [LinearRegression(), TREES], ids=["line", "trees"])
def test_dr_learner_equals_econml(seed, model, chances, effect):
    dr = pytest.importorskip("econml.dr")
    X, T, Y, folds, study = design(seed)
    new = X[:50] + 0.1
    peer = dr.DRLearner(
        model_propensity=chances,
        model_regression=ByArm(model),
        model_final=effect,
        min_propensity=0.05,
        cv=splits(folds),
        random_state=0,
    ).fit(Y, T, X=X)
    ours = yg.DRLearner(outcome_model=model, effect_model=effect, propensity=chances, folds=folds, clip=0.05)
    assert ours.fit(study).effect(new) == pytest.approx(peer.effect(new), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_intervals_of_the_dr_learner_s_line_equal_econml(seed):
    dr = pytest.importorskip("econml.dr")
    X, T, Y, folds, study = design(seed)
    new = X[:50] + 0.1
    peer = dr.LinearDRLearner(
        model_propensity=LOGIT, model_regression=ByArm(LinearRegression()), cv=splits(folds), random_state=0
    ).fit(Y, T, X=X[:, :2], W=X[:, 2:])
    ours = yg.DRLearner(
        outcome_model=LinearRegression(),
        effect_model="linear",
        effect_covariates=["x1", "x2"],
        propensity=LOGIT,
        folds=folds,
        clip=0.0,
    ).fit(study)
    their_low, their_high = peer.effect_interval(new[:, :2], alpha=0.1)
    low, high = ours.effect_interval(new, 0.9)
    assert low == pytest.approx(their_low, rel=1e-6)
    assert high == pytest.approx(their_high, rel=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_average_of_the_learners_equals_doubleml(seed):
    dml = pytest.importorskip("doubleml")
    X, T, Y, folds, study = design(seed)
    model = dml.DoubleMLIRM(dml.DoubleMLData.from_arrays(X, Y, T), TREES, CHANCES, n_folds=K)
    model.set_sample_splitting([splits(folds)])
    model.fit()
    options = {"outcome_model": TREES, "propensity": CHANCES, "folds": folds}
    for cls in (yg.TLearner, yg.XLearner, yg.RLearner, yg.DRLearner):
        result = cls(**options).fit(study).result_
        assert result.estimate == pytest.approx(model.coef[0], rel=1e-7)
        assert result.se * np.sqrt(1 - 1 / len(Y)) == pytest.approx(model.se[0], rel=1e-7)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_forest_equals_econml_s_causal_forest_dml_on_the_same_folds_but_for_its_seed(seed):
    """The trees are drawn differently on the two sides, so the effects agree as two forests do."""
    dml = pytest.importorskip("econml.dml")
    X, T, Y, folds, study = design(seed)
    peer = dml.CausalForestDML(
        model_y=LinearRegression(), model_t=LOGIT, discrete_treatment=True, cv=splits(folds), n_estimators=400,
        n_jobs=1, random_state=0,
    ).fit(Y, T, X=X)  # fmt: skip
    options = {"outcome_model": LinearRegression(), "propensity": LOGIT, "folds": folds, "trees": 400}
    ours, again = (yg.CausalForest(**options, random_state=seed).fit(study).effect(X) for seed in (1, 2))
    apart = np.sqrt(np.mean((ours - again) ** 2))
    assert np.sqrt(np.mean((ours - peer.effect(X)) ** 2)) < 2 * apart
