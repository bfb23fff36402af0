"""The lasso on direct effects against scikit-learn on the rows, and its two ends."""

import numpy as np
import pytest
from sklearn.linear_model import Lasso

from yinguo.kernels.direct_effects import direct_effects_path, misfit
from yinguo.kernels.instrument_moments import InstrumentMoments
from yinguo.kernels.reduced_form import reduced_form


def rows(seed=0, n=300, q=6):
    rng = np.random.default_rng(seed)
    Z, U = rng.normal(size=(n, q)) * np.linspace(0.5, 2, q), rng.normal(size=n)
    T = Z.sum(axis=1) + U
    Y = T + Z[:, 0] - 0.5 * Z[:, 1] + U + rng.normal(size=n)
    return Y - Y.mean(), T - T.mean(), Z - Z.mean(axis=0)


def parts(Y, T, Z):
    form = reduced_form(InstrumentMoments(Y=Y, T=T, X=np.empty((len(Y), 0)), Z=Z), robust=False)
    return {"outcome": form.outcome, "treatment": form.treatment, "gram": form.gram}


@pytest.mark.parametrize("weighted", [False, True])
def test_the_path_solves_the_lasso_of_the_paper(weighted):
    Y, T, Z = rows()
    weights = np.linspace(0.5, 2, 6) if weighted else None
    path = direct_effects_path(**parts(Y, T, Z), weights=weights, n_penalties=12)
    unit = np.sqrt((Z**2).sum(axis=0)) * (1.0 if weights is None else weights)
    That = Z @ np.linalg.lstsq(Z, T, rcond=None)[0]
    net = Z / unit - np.outer(That, That @ (Z / unit)) / (That @ That)
    largest = np.abs(net.T @ Y).max()
    for k in range(1, 12):
        peer = Lasso(alpha=largest * path.penalties[k] / len(Y), fit_intercept=False, tol=1e-12, max_iter=1_000_000)
        alpha = peer.fit(net, Y).coef_ / unit
        assert path.alpha[k] == pytest.approx(alpha, abs=1e-5)
        assert path.theta[k] == pytest.approx(That @ (Y - Z @ alpha) / (That @ That), abs=1e-5)


def test_the_largest_penalty_is_two_stage_least_squares_and_the_smallest_a_weighted_median():
    Y, T, Z = rows(1)
    found = parts(Y, T, Z)
    path = direct_effects_path(**found, n_penalties=200)
    That = Z @ np.linalg.lstsq(Z, T, rcond=None)[0]
    assert not path.alpha[0].any()
    assert path.theta[0] == pytest.approx(That @ Y / (That @ T), rel=1e-9)
    ratios, order = found["outcome"] / found["treatment"], np.argsort(found["outcome"] / found["treatment"])
    size = (np.sqrt(np.diag(found["gram"])) * np.abs(found["treatment"]))[order]
    median = ratios[order][np.searchsorted(size.cumsum(), size.sum() / 2)]
    assert path.theta[-1] == pytest.approx(median, abs=0.02)


def test_misfit_is_the_projected_residual_on_the_rows():
    Y, T, Z = rows(2)
    path = direct_effects_path(**parts(Y, T, Z), n_penalties=5)
    other = rows(3)
    losses = misfit(path, **parts(*other))
    for k in range(5):
        left = other[0] - other[2] @ path.alpha[k] - other[1] * path.theta[k]
        fitted = other[2] @ np.linalg.lstsq(other[2], left, rcond=None)[0]
        assert losses[k] == pytest.approx(fitted @ fitted, rel=1e-8)


def test_candidates_that_explain_nothing_have_no_direct_effects():
    Y, T, Z = rows(4)
    found = parts(Y, T, Z) | {"outcome": 2.0 * parts(Y, T, Z)["treatment"]}
    path = direct_effects_path(**found, n_penalties=4)
    assert np.abs(path.alpha).max() < 1e-9
    assert path.theta == pytest.approx(np.full(4, 2.0))
