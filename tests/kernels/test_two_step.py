"""Two-step regressions against statsmodels, and averages over shifts against the plain sum."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit
from scipy.stats import norm

from yinguo.errors import DataError
from yinguo.kernels.two_step import MEANS, average_over_shifts, first_step, second_step


def rows(seed=0, n=400):
    rng = np.random.default_rng(seed)
    X, Z, V = rng.normal(size=(n, 2)), rng.normal(size=(n, 2)), rng.normal(size=n)
    return X, Z, X[:, 0] + Z.sum(axis=1) + V, rng


@pytest.mark.parametrize("weighted", [False, True])
def test_linear_residuals_are_those_of_least_squares(weighted):
    X, Z, T, rng = rows()
    s = rng.random(len(T)) + 0.5 if weighted else None
    D = sm.add_constant(np.column_stack([X, Z]))
    peer = sm.WLS(T, D, weights=np.ones(len(T)) if s is None else s).fit()
    assert first_step(D[:, 1:], T, s=s).v == pytest.approx(peer.resid, abs=1e-10)


def test_probit_residuals_are_the_generalised_ones():
    X, Z, T, _ = rows(1)
    T = (T > 0).astype(float)
    D = sm.add_constant(np.column_stack([X, Z]))
    a = D @ sm.Probit(T, D).fit(disp=False, tol=1e-12, maxiter=100).params
    expected = T * norm.pdf(a) / norm.cdf(a) - (1 - T) * norm.pdf(a) / norm.cdf(-a)
    assert first_step(D[:, 1:], T, model="probit").v == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("model", "family"),
    [("linear", sm.families.Gaussian()), ("logit", sm.families.Binomial()), ("poisson", sm.families.Poisson())],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_second_step_is_a_generalised_linear_model_with_the_residual_in_it(model, family, weighted):
    X, Z, T, rng = rows(2)
    eta = 0.3 * T + 0.2 * X[:, 1]
    Y = {
        "linear": eta + rng.normal(size=len(T)), "logit": (rng.random(len(T)) < expit(eta)).astype(float),
        "poisson": rng.poisson(np.exp(eta)).astype(float),
    }[model]  # fmt: skip
    s = rng.random(len(T)) + 0.5 if weighted else None
    s = None if s is None else s / s.mean()
    first = first_step(np.column_stack([X, Z]), T, s=s)
    base = np.column_stack([X, T])
    step = second_step(first, base, first.v[:, None], np.ones((len(T), 1)), Y, model=model, s=s)
    D = sm.add_constant(np.column_stack([base, first.v]))
    peer = sm.GLM(Y, D, family=family, freq_weights=s).fit(tol=1e-12, maxiter=200)
    assert step.moments.rescale(step.beta) == pytest.approx(peer.params, abs=1e-6)
    assert step.index(base) + step.shift == pytest.approx(
        D[:, :-1] @ peer.params[:-1] + D[:, -1] * peer.params[-1], abs=1e-6
    )


@pytest.mark.parametrize("model", list(MEANS))
@pytest.mark.parametrize("spread", [0.1, 3.0, 60.0])
def test_averages_over_shifts_equal_the_plain_sum(model, spread):
    rng = np.random.default_rng(3)
    at, shifts, w = (
        rng.normal(size=700) * min(spread, 3.0 if model == "poisson" else spread),
        rng.normal(size=600),
        rng.random(600),
    )
    for function in MEANS[model]:
        plain = np.array([np.average(function(a + shifts), weights=w) for a in at])
        assert average_over_shifts(function, at, shifts, w, model=model) == pytest.approx(plain, rel=1e-9, abs=1e-13)
    same = np.full(50, 0.3)
    function = MEANS[model][0]
    assert average_over_shifts(function, same, shifts, w, model=model) == pytest.approx(
        np.full(50, np.average(function(0.3 + shifts), weights=w))
    )


def test_what_a_model_does_not_allow_is_refused():
    X, Z, T, _ = rows(4)
    exogenous = np.column_stack([X, Z])
    first = first_step(exogenous, T)
    parts = (first, T[:, None], first.v[:, None], np.ones((len(T), 1)))
    with pytest.raises(DataError, match="treatment_model is 'tobit'"):
        first_step(exogenous, T, model="tobit")
    with pytest.raises(DataError, match="not binary"):
        first_step(exogenous, T, model="probit")
    with pytest.raises(DataError, match="outcome_model is 'gamma'"):
        second_step(*parts, T, model="gamma")
    with pytest.raises(DataError, match="other values than 0 and 1"):
        second_step(*parts, T, model="logit")
    with pytest.raises(DataError, match="outcomes are negative"):
        second_step(*parts, T, model="poisson")
    with pytest.raises(DataError, match="every outcome is 0"):
        second_step(*parts, np.zeros(len(T)), model="poisson")
