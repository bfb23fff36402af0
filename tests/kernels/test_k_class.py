"""The k-class against its textbook matrices, and with two instrumented columns against Stata's ivreg2."""

import importlib
from importlib import resources

import numpy as np
import pytest
from test_instrument_moments import data

from yinguo.kernels.instrument_moments import InstrumentMoments, Scores
from yinguo.kernels.k_class import covariance, fit_k_class, raw_coefficients, smallest_root

#: Stata prints 10 to 12 significant digits.
STATA = 1e-8


def griliches():
    """Wages, schooling and IQ of 758 men, both instrumented, and what ivreg2 says; from the statsmodels wheel."""
    pytest.importorskip("statsmodels")
    import pandas as pd

    package = "statsmodels.sandbox.regression.tests"
    with resources.as_file(resources.files(package) / "griliches76.dta") as path:
        table = pd.read_stata(path)
    column = lambda name: table[name].to_numpy(float)  # noqa: E731
    X = [column(name) for name in ("expr", "tenure", "rns", "smsa")]
    X += [column("year") == year for year in (67, 68, 69, 70, 71, 73)]
    moments = InstrumentMoments(
        Y=column("lw"), T=np.column_stack([column("s"), column("iq")]), X=np.column_stack(X),
        Z=np.column_stack([column(name) for name in ("med", "kww", "age", "mrt")]),
    )  # fmt: skip
    return moments, importlib.import_module(f"{package}.results_ivreg2_griliches")


@pytest.mark.parametrize("kind", ["results", "results_robust", "results_small", "results_small_robust"])
def test_coefficients_and_covariance_equal_ivreg2_with_two_instrumented_columns(kind):
    moments, stata = griliches()
    expected = getattr(stata, kind)
    fit = fit_k_class(moments)
    order = [1, 2, *range(3, 13), 0]  # theirs: instrumented, covariates, constant
    assert raw_coefficients(moments, fit)[order] == pytest.approx(expected.params, rel=STATA)
    middle = moments.middle([Scores(fit.residual, fit.fitted, design=True)])[0] if "robust" in kind else None
    found = covariance(moments, fit, middle)[np.ix_(order, order)]
    if "small" in kind:
        found = found * moments.n / (moments.n - 13)
    assert np.sqrt(np.diag(found)) == pytest.approx(expected.bse, rel=STATA)
    assert found == pytest.approx(np.asarray(expected.cov), rel=1e-6)


@pytest.mark.parametrize("kappa", [0.0, 0.7, 1.0, 1.01])
@pytest.mark.parametrize("m", [1, 2])
def test_the_k_class_solves_its_textbook_equations(kappa, m):
    parts = data(n=600, q=3, m=m)
    moments = InstrumentMoments(**parts)
    fit = fit_k_class(moments, kappa)
    D = np.column_stack([np.ones(600), parts["T"], parts["X"]])
    Q = np.column_stack([np.ones(600), parts["X"], parts["Z"]])
    M = np.eye(600) - Q @ np.linalg.solve(Q.T @ Q, Q.T)
    A = D.T @ (np.eye(600) - kappa * M)
    expected = np.linalg.solve(A @ D, A @ parts["Y"])
    assert raw_coefficients(moments, fit) == pytest.approx(expected, rel=1e-9)
    u = parts["Y"] - D @ expected
    assert fit.rss == pytest.approx(u @ u, rel=1e-9)
    assert covariance(moments, fit) == pytest.approx(np.linalg.inv(A @ D) * (u @ u) / 600, rel=1e-8, abs=1e-12)


def test_the_rows_of_the_direction_are_orthogonal_to_the_residuals():
    moments = InstrumentMoments(**data(n=600, q=3))
    for kappa in (0.0, 1.0, smallest_root(moments)):
        fit = fit_k_class(moments, kappa)
        assert fit.direction @ moments.C @ fit.residual == pytest.approx(0.0, abs=1e-8)


def test_the_smallest_root_minimises_the_variance_ratio():
    """LIML minimises (Y - T theta)'(Y - T theta) over the part the instruments leave of it."""
    parts = data(n=600, q=4)
    moments = InstrumentMoments(**parts)
    C, z = moments.C, slice(2, None)
    left = C - C[:, z] @ np.linalg.solve(C[z, z], C[z])
    ratio = lambda theta: (w := np.r_[1, -theta, np.zeros(4)]) @ C @ w / (w @ left @ w)  # noqa: E731
    theta = fit_k_class(moments, smallest_root(moments)).theta[0]
    assert ratio(theta) == pytest.approx(smallest_root(moments), rel=1e-12)
    assert all(ratio(theta + step) > ratio(theta) for step in (-1e-3, 1e-3))


def test_the_smallest_root_is_one_without_spare_instruments_and_where_the_outcome_is_determined():
    assert smallest_root(InstrumentMoments(**data(q=1))) == 1.0
    parts = data(q=3)
    assert smallest_root(InstrumentMoments(**parts | {"Y": 2 * parts["T"] + 1})) == 1.0
    assert smallest_root(InstrumentMoments(**parts | {"Y": np.ones(9_000)})) == 1.0
