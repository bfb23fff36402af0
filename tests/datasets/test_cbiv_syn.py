"""The CB-IV synthetic design: the card's digits where the processor allows them, invariants everywhere."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from yinguo.datasets import cbiv_syn
from yinguo.errors import DataError

#: First training part (seed 987), authors' root, computed with OpenBLAS and AVX2 kernels: mean treatment, sample ATE,
#: naive difference, least squares, 2SLS with the products and Z, 2SLS with Z alone, F of Z, F of the products.
PRINTED = (0.5071, 0.9876, 1.2682, 1.0743, 1.168, 2.48, 0.92, 474.6)
DIGITS = (4, 4, 4, 4, 3, 2, 2, 1)
#: The same with the closed-form root, the same on every machine.
OURS = (0.5028, 0.9987, 1.2661, 1.0787, 1.088, 2.49, 1.72, 443.2)


def figures(draw):
    """The figures above."""
    study = draw.study
    n, Y, T, X, Z = study.n, study.Y, study.T, study.X, study.Z
    one, products = np.ones((n, 1)), Z * X[:, : Z.shape[1]]

    def fitted(A, b):
        return A @ np.linalg.lstsq(A, b, rcond=None)[0]

    def slope(instruments):
        D = np.column_stack([one, T, X])
        first = D if instruments is None else fitted(np.column_stack([one, X, instruments]), D)
        return np.linalg.lstsq(first, Y, rcond=None)[0][1]

    def strength(instruments):
        short, full = np.column_stack([one, X]), np.column_stack([one, X, instruments])
        rest = [((T - fitted(A, T)) ** 2).sum() for A in (short, full)]
        return (rest[0] - rest[1]) / instruments.shape[1] / (rest[1] / (n - full.shape[1]))

    return [
        T.mean(), draw.truth["ATE"], Y[T == 1].mean() - Y[T == 0].mean(), slope(None),
        slope(np.column_stack([Z, products])), slope(Z), strength(Z), strength(products),
    ]  # fmt: skip


def rounded(values):
    return tuple(round(float(value), digits) for value, digits in zip(values, DIGITS, strict=True))


def test_the_closed_form_root_gives_the_same_figures_everywhere():
    assert rounded(figures(cbiv_syn())) == OURS


def test_the_authors_root_gives_the_printed_figures_on_the_kernels_they_were_made_with():
    """numpy leaves the basis of a repeated eigenvalue to LAPACK; a process of its own can ask for certain kernels."""
    threadpoolctl = pytest.importorskip("threadpoolctl")
    blas = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    if not any(pool.get("architecture") in ("Haswell", "Zen", "SkylakeX", "Cooperlake") for pool in blas):
        pytest.skip("numpy does not use OpenBLAS here, or the processor has no AVX2")
    code = (
        "import json, sys; sys.path.insert(0, sys.argv[1]); from test_cbiv_syn import figures; "
        "from yinguo.datasets import cbiv_syn; print(json.dumps([float(v) for v in figures(cbiv_syn(root='svd'))]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, os.path.dirname(__file__)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OPENBLAS_CORETYPE": "Haswell"},
    )
    assert rounded(json.loads(done.stdout)) == PRINTED


def test_the_authors_root_gives_the_printed_sample_effect_whatever_the_basis():
    assert round(figures(cbiv_syn(root="svd"))[1], 4) == 0.9876


@pytest.mark.parametrize("root", ["symmetric", "svd"])
@pytest.mark.parametrize(("m_z", "m_x", "m_u"), [(2, 4, 4), (2, 4, 0), (1, 2, 3)])
def test_confounders_are_correlated_in_pairs_and_instruments_are_not(m_z, m_x, m_u, root):
    draw = cbiv_syn(m_z=m_z, m_x=m_x, m_u=m_u, n=100_000, root=root)
    all_columns = np.column_stack([draw.study.Z, draw.study.X, draw.extras["unobserved"]])
    assert all_columns.shape[1] == m_z + m_x + m_u
    expected = np.eye(m_z + m_x + m_u)
    expected[m_z:, m_z:] += 0.05 * (1 - np.eye(m_x + m_u))
    assert np.abs(np.cov(all_columns.T) - expected).max() < 0.02


def test_outcomes_are_the_means_with_a_hundredth_of_noise_and_the_effect_averages_one():
    draw = cbiv_syn(n=50_000)
    study, extras = draw.study, draw.extras
    noise = study.Y - np.where(study.T == 1, extras["mu1"], extras["mu0"])
    assert noise.std() == pytest.approx(0.01, rel=0.02)
    XU = np.column_stack([study.X, extras["unobserved"]])
    assert np.allclose(extras["mu0"], XU.mean(axis=1))
    assert np.allclose(extras["mu1"], (XU**2).mean(axis=1))
    assert draw.truth["ATE"] == pytest.approx(extras["published_truth"], abs=0.02)
    assert study.Y[study.T == 1].mean() - study.Y[study.T == 0].mean() > 1.2


def test_test_rows_are_handed_over_with_the_treatment_set_to_either_value():
    test = cbiv_syn(n=400).extras["test"]
    assert np.array_equal(test["control"].X, test["treated"].X)
    assert not test["control"].T.any()
    assert test["treated"].T.all()
    assert (test["treated"].g - test["control"].g).mean() == pytest.approx(1, abs=0.2)


def test_parts_and_replications_are_different_draws_and_the_same_seed_gives_the_same():
    first, again, other = cbiv_syn(n=50), cbiv_syn(n=50), cbiv_syn(n=50, replication=1)
    assert np.array_equal(first.study.Y, again.study.Y)
    assert not np.array_equal(first.study.Y, other.study.Y)
    assert not np.array_equal(first.study.Y, first.extras["validation"].Y)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"m_z": 5}, "m_z is 5 and m_x is 4"), ({"m_u": -1}, "m_u is -1"), ({"root": "qr"}, "root is 'qr'")],
)
def test_impossible_options_are_refused(options, said):
    with pytest.raises(DataError, match=said):
        cbiv_syn(**options)
