"""Binary regression against statsmodels, scikit-learn and finite differences; all folds at once against one by one."""

import numpy as np
import pytest

from yinguo.errors import ConvergenceError, DataError
from yinguo.kernels.glm import fit_binary, fit_binary_leave_fold_out, linear_predictor_terms
from yinguo.kernels.moments import ArrayMoments

#: Both sides stop at a Newton step of about 1e-10.
AGREE = 1e-8


def draw(n: int = 400, p: int = 3, seed: int = 0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * [1.0, 10.0, 0.1][:p] + [0.0, 100.0, -3.0][:p]
    eta = (X - X.mean(axis=0)) @ (np.array([0.8, -0.05, 4.0])[:p]) + 0.3
    return X, (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float), rng


def log_likelihood(eta, T, link):
    from scipy import special

    cdf = special.expit if link == "logit" else special.ndtr
    return np.log(cdf(np.where(T == 1, eta, -eta)))


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_score_curvature_and_slope_are_derivatives(link):
    eta, T = np.linspace(-4, 4, 41), np.tile([0.0, 1.0], 21)[:41]
    h = 1e-5
    e, slope, score, curvature = linear_predictor_terms(eta, T, link)
    up, down = (log_likelihood(eta + d, T, link) for d in (h, -h))
    assert score == pytest.approx((up - down) / (2 * h), rel=1e-6, abs=1e-9)
    scores = [linear_predictor_terms(eta + d, T, link)[2] for d in (h, -h)]
    assert curvature == pytest.approx(-(scores[0] - scores[1]) / (2 * h), rel=1e-6, abs=1e-9)
    means = [linear_predictor_terms(eta + d, T, link)[0] for d in (h, -h)]
    assert slope == pytest.approx((means[0] - means[1]) / (2 * h), rel=1e-6, abs=1e-9)
    assert e == pytest.approx(np.exp(log_likelihood(eta, np.ones(41), link)))


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_terms_stay_finite_far_out(link):
    eta = np.array([-300.0, -40.0, 40.0, 300.0])
    for T in (np.zeros(4), np.ones(4)):
        assert all(np.isfinite(term).all() for term in linear_predictor_terms(eta, T, link))


def test_an_unknown_link_is_named():
    with pytest.raises(ValueError, match="link is 'cauchit'"):
        linear_predictor_terms(np.zeros(2), np.zeros(2), "cauchit")


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_coefficients_and_information_equal_statsmodels(link):
    sm = pytest.importorskip("statsmodels.api")
    X, T, _ = draw()
    m = ArrayMoments(X)
    fit = fit_binary(m, T, link=link)
    model = {"logit": sm.Logit, "probit": sm.Probit}[link](T, sm.add_constant(X))
    peer = model.fit(disp=0, method="newton", tol=1e-14, maxiter=100)
    assert m.rescale(fit.beta) == pytest.approx(peer.params, rel=AGREE)
    slopes = np.linalg.inv(fit.information)[1:, 1:] / np.outer(m.scale, m.scale)
    assert slopes == pytest.approx(peer.cov_params()[1:, 1:], rel=1e-6)


def test_ridge_equals_scikit_learn_on_standardised_columns():
    from sklearn.linear_model import LogisticRegression

    X, T, _ = draw()
    m = ArrayMoments(X)
    fit = fit_binary(m, T, penalty=3.0)
    peer = LogisticRegression(C=1 / 3.0, tol=1e-12, max_iter=10_000, solver="newton-cholesky").fit(m.D[:, 1:], T)
    assert fit.beta == pytest.approx(np.append(peer.intercept_, peer.coef_), rel=1e-7)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_integer_weights_are_repeated_rows(link):
    X, T, rng = draw()
    counts = rng.integers(0, 4, len(T))
    weighted, repeated = ArrayMoments(X), ArrayMoments(np.repeat(X, counts, axis=0))
    a = weighted.rescale(fit_binary(weighted, T, s=counts.astype(float), link=link).beta)
    b = repeated.rescale(fit_binary(repeated, np.repeat(T, counts), link=link).beta)
    assert a == pytest.approx(b, rel=AGREE)


def test_many_rows_start_from_a_part_and_end_at_the_same_maximum():
    X, T, _ = draw(n=90_000)
    m = ArrayMoments(X)
    fit = fit_binary(m, T)
    assert fit.beta == pytest.approx(fit_binary(m, T, start=np.zeros(4)).beta, rel=AGREE)
    assert np.abs((T - 1 / (1 + np.exp(-fit.eta))) @ m.D).max() < 1e-7 * len(T)


@pytest.mark.parametrize("link", ["logit", "probit"])
@pytest.mark.parametrize("weighted", [False, True])
def test_every_fold_equals_a_fit_to_the_other_folds_alone(link, weighted):
    X, T, rng = draw(n=600)
    folds = rng.integers(0, 4, len(T))
    s = rng.random(len(T)) + 0.5 if weighted else None
    # Codes are (fold, arm) in use, so that is what is tested.
    m = ArrayMoments(X, 2 * folds + (T == 1), 8)
    fit = fit_binary_leave_fold_out(m, m.sort(T), s=m.sort(s), link=link, fold_of_code=np.arange(8) // 2)
    eta = m.unsort(fit.eta)
    for k in range(4):
        others = folds != k
        alone = ArrayMoments(X[others])
        raw = alone.rescale(fit_binary(alone, T[others], s=None if s is None else s[others], link=link).beta)
        assert m.rescale(fit.beta[k]) == pytest.approx(raw, rel=AGREE)
        assert eta[~others] == pytest.approx(raw[0] + X[~others] @ raw[1:], abs=1e-7)


def test_every_fold_equals_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    X, T, rng = draw(n=600)
    folds = rng.integers(0, 3, len(T))
    m = ArrayMoments(X, folds, 3)
    e = 1 / (1 + np.exp(-m.unsort(fit_binary_leave_fold_out(m, m.sort(T)).eta)))
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    for k in range(3):
        inside = folds == k
        peer = LogisticRegression(C=np.inf, tol=1e-12, max_iter=1000, solver="newton-cholesky")
        peer.fit(Z[~inside], T[~inside])
        assert e[inside] == pytest.approx(peer.predict_proba(Z[inside])[:, 1], abs=AGREE)


def test_a_small_sample_in_which_folds_differ_much_is_still_fitted_fold_by_fold():
    X, T, _ = draw(n=30, p=2, seed=4)
    folds = np.arange(30) % 2
    m = ArrayMoments(X, folds, 2)
    fit = fit_binary_leave_fold_out(m, m.sort(T))
    alone = ArrayMoments(X[folds == 1])
    assert m.rescale(fit.beta[0]) == pytest.approx(alone.rescale(fit_binary(alone, T[folds == 1]).beta), rel=1e-6)


def test_a_level_seen_in_one_fold_only_counts_as_the_reference_there():
    X, T, rng = draw(n=600)
    folds = rng.integers(0, 3, len(T))
    rare = np.zeros(len(T))
    rare[np.flatnonzero(folds == 0)[:30]] = 1.0
    m = ArrayMoments(np.column_stack([X, rare]), folds, 3)
    eta = m.unsort(fit_binary_leave_fold_out(m, m.sort(T)).eta)
    alone = ArrayMoments(X[folds != 0])
    raw = alone.rescale(fit_binary(alone, T[folds != 0]).beta)
    # The other folds know nothing of the level; what the fold's own rows say of it must not leak in.
    assert eta[folds == 0] == pytest.approx(raw[0] + X[folds == 0] @ raw[1:], abs=1e-7)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_separated_arms_are_refused_with_the_remedy(link):
    x = np.linspace(-1, 1, 40)
    with pytest.raises(ConvergenceError, match=r"predict the treatment|did not converge"):
        fit_binary(ArrayMoments(x[:, None]), (x > 0).astype(float), link=link)


def test_a_ridge_makes_separated_arms_estimable():
    x = np.linspace(-1, 1, 40)
    fit = fit_binary(ArrayMoments(x[:, None]), (x > 0).astype(float), penalty=1.0)
    assert np.isfinite(fit.beta).all()
    assert fit.beta[1] > 0


@pytest.mark.parametrize("penalty", [-1.0, float("nan"), float("inf")])
def test_a_penalty_that_is_none_is_refused(penalty):
    X, T, _ = draw()
    with pytest.raises(DataError, match="penalty is"):
        fit_binary(ArrayMoments(X), T, penalty=penalty)
