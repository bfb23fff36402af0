"""The robust line against statsmodels, and its invariances."""

import numpy as np
import pytest

from yinguo.errors import DataError
from yinguo.kernels.projection import linear_projection


def drawn(seed: int = 0, n: int = 120):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)) * [1.0, 5.0, 0.1] + [0.0, 100.0, 3.0]
    return X, X @ [1.0, 0.2, -3.0] + (1 + np.abs(X[:, 0])) * rng.normal(size=n), rng


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("clustered", [False, True])
def test_line_and_errors_are_those_of_statsmodels(weighted, clustered):
    sm = pytest.importorskip("statsmodels.api")
    X, psi, rng = drawn()
    s = rng.random(120) + 0.1 if weighted else np.ones(120)
    groups = np.arange(120) // 6 if clustered else None
    model = sm.WLS(psi, sm.add_constant(X), weights=s)
    kind = {"cov_type": "cluster", "cov_kwds": {"groups": groups}} if clustered else {"cov_type": "HC1"}
    peer = model.fit(**kind)
    ours = linear_projection(psi, X, s=s if weighted else None, groups=groups)
    at = X[:7] + 0.3
    D = sm.add_constant(at, has_constant="add")
    assert ours.predict(at) == pytest.approx(D @ peer.params, rel=1e-9)
    assert ours.se(at) == pytest.approx(np.sqrt(np.einsum("ij,jk,ik->i", D, peer.cov_params(), D)), rel=1e-7)


def test_an_affine_map_or_a_collinear_column_changes_no_value_and_no_error():
    X, psi, _ = drawn()
    plain = linear_projection(psi, X)
    for moved in (X @ [[2.0, 1.0, 0.0], [0.0, -1.0, 3.0], [1.0, 0.0, 1.0]] + 5, np.column_stack([X, X.sum(axis=1)])):
        other = linear_projection(psi, moved)
        assert other.predict(moved) == pytest.approx(plain.predict(X), rel=1e-8)
        assert other.se(moved) == pytest.approx(plain.se(X), rel=1e-6)


def test_rows_of_no_weight_count_for_nothing():
    X, psi, _ = drawn()
    s = np.ones(120)
    s[100:] = 0
    a, b = linear_projection(psi, X, s=s), linear_projection(psi[:100], X[:100])
    assert a.se(X) == pytest.approx(b.se(X), rel=1e-7)


def test_more_coefficients_than_rows_and_a_single_cluster_are_refused():
    X, psi, _ = drawn()
    with pytest.raises(DataError, match="4 coefficients needs more than the 4 rows"):
        linear_projection(psi[:4], X[:4])
    with pytest.raises(DataError, match="at least 2 groups"):
        linear_projection(psi, X, groups=np.zeros(120, dtype=int))
