"""Tests of residuals: Stata's figures, regressions that define them, and sizes under the null."""

import numpy as np
import pytest
from test_instrument_moments import data
from test_k_class import STATA, griliches

from yinguo.kernels import residual_tests
from yinguo.kernels.instrument_moments import InstrumentMoments
from yinguo.kernels.k_class import fit_k_class


def test_sargan_cragg_donald_and_their_robust_versions_equal_ivreg2():
    """PEERS: Sargan 13.268, weak-identification F 12.55, robust J 11.60, Kleibergen-Paap F 11.46; schooling and IQ."""
    moments, stata = griliches()
    fit = fit_k_class(moments)
    value, df = residual_tests.sargan(moments, fit)
    assert (value, df) == (pytest.approx(stata.results.sargan, rel=STATA), stata.results.sargandf)
    assert value == pytest.approx(13.268, abs=5e-4)
    assert residual_tests.cragg_donald(moments) == pytest.approx(stata.results.cdf, rel=STATA)
    instruments = residual_tests.instrument_scores(moments, fit.residual)
    both = instruments._replace(
        residual=np.repeat(fit.first_residuals, 4, axis=0), rows=np.tile(instruments.rows, (2, 1))
    )
    of_u, of_v = moments.middle([instruments, both])
    assert residual_tests.hansen_j(moments, of_u)[0] == pytest.approx(stata.results_robust.j, rel=STATA)
    factor = moments.n / (moments.n - moments.rank - 4)
    paap = residual_tests.kleibergen_paap(moments, of_v, factor)
    assert paap == pytest.approx(stata.results_robust.widstat, rel=STATA)


@pytest.mark.parametrize("m", [1, 2])
def test_exogeneity_tests_are_those_of_first_stage_residuals_added_to_least_squares(m):
    parts = data(n=500, q=3, m=m, seed=4)
    moments = InstrumentMoments(**parts)
    fit = fit_k_class(moments)
    T = parts["T"].reshape(500, m)
    D, Q = (np.column_stack([np.ones(500), parts["X"], more]) for more in (T, parts["Z"]))
    v = T - Q @ np.linalg.lstsq(Q, T, rcond=None)[0]
    added = np.column_stack([D, v])

    def residual(design):
        return parts["Y"] - design @ np.linalg.lstsq(design, parts["Y"], rcond=None)[0]

    short, long = residual(D), residual(added)
    gain = short @ short - long @ long
    left = 500 - added.shape[1]
    value, df = residual_tests.wu_hausman(moments, fit)
    assert (value, df) == (pytest.approx(gain / m / (long @ long / left), rel=1e-8), (m, left))
    assert residual_tests.durbin(moments, fit)[0] == pytest.approx(500 * gain / (short @ short), rel=1e-8)
    bread = np.linalg.inv(added.T @ added)
    V = bread @ (added.T * long**2) @ added @ bread
    rho = (bread @ added.T @ parts["Y"])[-m:]
    scores, _ = residual_tests.exogeneity_scores(moments, fit)
    found, _ = residual_tests.robust_exogeneity(moments, fit, moments.middle([scores])[0])
    assert found == pytest.approx(rho @ np.linalg.solve(V[-m:, -m:], rho), rel=1e-8)


def test_hansen_j_equals_two_step_gmm_with_the_covariates_in():
    parts = data(n=400, q=3, seed=5)
    moments = InstrumentMoments(**parts)
    fit = fit_k_class(moments)
    found, df = residual_tests.hansen_j(
        moments, moments.middle([residual_tests.instrument_scores(moments, fit.residual)])[0]
    )
    D = np.column_stack([np.ones(400), parts["X"], parts["T"]])
    Q = np.column_stack([np.ones(400), parts["X"], parts["Z"]])
    first = np.linalg.lstsq(Q @ np.linalg.lstsq(Q, D, rcond=None)[0], parts["Y"], rcond=None)[0]
    S = (Q.T * (parts["Y"] - D @ first) ** 2) @ Q
    A = D.T @ Q @ np.linalg.inv(S)
    g = Q.T @ (parts["Y"] - D @ np.linalg.solve(A @ Q.T @ D, A @ Q.T @ parts["Y"]))
    assert (found, df) == (pytest.approx(g @ np.linalg.solve(S, g), rel=1e-7), 2)


def test_over_identification_tests_have_their_size_and_find_a_bad_instrument():
    rng = np.random.default_rng(7)
    rejected = {0.0: [], 0.3: []}
    for direct, seen in rejected.items():
        for _ in range(400):
            Z, U = rng.normal(size=(300, 3)), rng.normal(size=300)
            T = Z @ [1.0, 1.0, 1.0] + U
            Y = T + U * (1 + 0.5 * np.abs(Z[:, 0])) + direct * Z[:, 2] + rng.normal(size=300)
            moments = InstrumentMoments(Y=Y, T=T, X=np.empty((300, 0)), Z=Z)
            fit = fit_k_class(moments)
            middle = moments.middle([residual_tests.instrument_scores(moments, fit.residual)])[0]
            seen.append(
                [residual_tests.sargan(moments, fit)[0] > 5.991, residual_tests.hansen_j(moments, middle)[0] > 5.991]
            )
    valid, broken = (np.mean(seen, axis=0) for seen in rejected.values())
    assert 0.02 < valid[1] < 0.085
    assert valid[0] > 0.06  # noise grows with an instrument, which Sargan's takes for disagreement
    assert broken[1] > 0.5


def test_tests_agree_with_one_another_where_they_should():
    moments = InstrumentMoments(**data(n=500, q=1, seed=8))
    fit = fit_k_class(moments)
    assert residual_tests.sargan(moments, fit)[0] == pytest.approx(0.0, abs=1e-8)
    middle = moments.middle([residual_tests.instrument_scores(moments, fit.first_residuals[0])])[0]
    wald = moments.C[2, 1] ** 2 / middle[0, 0]
    assert residual_tests.kleibergen_paap(moments, middle, 1.0) == pytest.approx(wald, rel=1e-9)
