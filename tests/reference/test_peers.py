"""Agreement with other packages on random designs. Run with ``make test-peers``.

Matching is held to causallib next to its own tests. Tolerances: 1e-7 relative where both sides solve the same
smooth problem to convergence; the peer's own stopping rule where it is looser (named at the test).
"""

import numpy as np
import pytest

import yinguo as yg

pytestmark = pytest.mark.peer


def design(seed: int, n: int = 1500, p: int = 4):
    """Logistic treatment, linear outcome, effect 2."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) @ (np.eye(p) + 0.3)
    T = (rng.random(n) < 1 / (1 + np.exp(-0.6 * X[:, 0] + 0.3 * X[:, 1]))).astype(float)
    Y = X @ np.arange(1.0, p + 1) / p + 2 * T + rng.normal(size=n)
    return X, T, Y


def logistic():
    """Unpenalised logistic regression run to convergence."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    return linear_model.LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12, max_iter=200)


@pytest.mark.parametrize("seed", range(5))
def test_cross_fitted_aipw_equals_doubleml_on_the_same_folds(seed):
    dml = pytest.importorskip("doubleml")
    from sklearn.linear_model import LinearRegression

    X, T, Y = design(seed)
    folds = np.random.default_rng(seed).integers(0, 4, len(Y))
    model = dml.DoubleMLIRM(dml.DoubleMLData.from_arrays(X, Y, T), LinearRegression(), logistic(), n_folds=4)
    model.set_sample_splitting([[(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in range(4)]])
    model.fit()
    ours = yg.AIPW(folds=folds).fit(yg.Study.from_arrays(X, T, Y)).result_
    assert ours.estimate == pytest.approx(model.coef[0], rel=1e-7)
    # DoubleML divides by n, we by n - 1.
    assert ours.se * np.sqrt(1 - 1 / len(Y)) == pytest.approx(model.se[0], rel=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_ipw_equals_causallib(seed):
    estimation = pytest.importorskip("causallib.estimation")
    import pandas as pd

    X, T, Y = design(seed)
    frame, t, y = pd.DataFrame(X), pd.Series(T), pd.Series(Y)
    model = estimation.IPW(logistic()).fit(frame, t)
    means = model.estimate_population_outcome(frame, t, y)
    ours = yg.IPW().fit(yg.Study.from_arrays(X, T, Y)).result_
    assert ours.estimate == pytest.approx(means[1.0] - means[0.0], rel=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_ipw_and_aipw_and_regression_adjustment_equal_statsmodels(seed):
    pytest.importorskip("statsmodels")
    import statsmodels.api as sm
    from statsmodels.treatment.treatment_effects import TreatmentEffect

    X, T, Y = design(seed)
    D = sm.add_constant(X)
    selection = sm.Logit(T, D).fit(disp=0, tol=1e-14)
    peer = TreatmentEffect(sm.OLS(Y, D), T.astype(int), results_select=selection)
    study = yg.Study.from_arrays(X, T, Y)
    ours = {
        "ra": yg.RegressionAdjustment(),
        "ipw": yg.IPW(),
        "aipw": yg.AIPW(folds=1, clip=0.0),
    }
    for name, estimator in ours.items():
        theirs = getattr(peer, name)(return_results=True).results_gmm
        result = estimator.fit(study).result_
        assert result.estimate == pytest.approx(theirs.params[0], rel=1e-5), name
        assert result.se * np.sqrt(1 - 1 / len(Y)) == pytest.approx(theirs.bse[0], rel=1e-4), name


@pytest.mark.parametrize("seed", range(5))
def test_entropy_balancing_equals_ebal(seed):
    ebal = pytest.importorskip("ebal")
    X, T, Y = design(seed)
    theirs = ebal.ebal_bin(effect="ATT", PCA=False, print_level=-1, constraint_tolerance=1e-8).ebalance(T, X, Y)
    ours = yg.EntropyBalancing().fit(yg.Study.from_arrays(X, T, Y)).result_
    weights = np.asarray(theirs["w"])[T == 0] if len(theirs["w"]) == len(T) else np.asarray(theirs["w"])
    # ebal stops at 1e-8 in column totals.
    np.testing.assert_allclose(ours.balance_weights[T == 0], weights / weights.sum(), rtol=1e-6)
