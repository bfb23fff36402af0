"""Best linear projection: HC3 by hand, coverage where the effect is not linear, clusters, redundant columns."""

import numpy as np
import pytest
from judging_toys import trial

import yinguo as yg
from yinguo.diagnose import best_linear_projection, effect_scores


def test_coefficients_and_hc3_errors_are_those_of_the_textbook():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(60, 2)) + 5
    psi = A[:, 0] + rng.normal(size=60) * (1 + np.abs(A[:, 1]))
    found = best_linear_projection(psi, A, names=["a", "b"])
    D = np.column_stack([np.ones(60), A - A.mean(axis=0)])
    bread = np.linalg.inv(D.T @ D)
    beta = bread @ D.T @ psi
    leverage = np.einsum("ij,jk,ik->i", D, bread, D)
    u = (psi - D @ beta) / (1 - leverage)
    hc3 = bread @ (D.T * u**2) @ D @ bread
    assert found.names == ("(constant)", "a", "b")
    assert found.coefficients.estimate == pytest.approx(beta, rel=1e-9)
    assert found.coefficients.se == pytest.approx(np.sqrt(np.diag(hc3)), rel=1e-9)


@pytest.mark.peer
def test_clustered_errors_are_those_of_statsmodels():
    sm = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(1)
    A, groups = rng.normal(size=(200, 2)), rng.integers(0, 20, 200)
    psi = A[:, 0] + rng.normal(size=20)[groups] + rng.normal(size=200)
    found = best_linear_projection(psi, A, groups=groups)
    theirs = sm.OLS(psi, sm.add_constant(A - A.mean(axis=0))).fit(cov_type="cluster", cov_kwds={"groups": groups})
    assert found.coefficients.se == pytest.approx(theirs.bse, rel=1e-9)
    plain = best_linear_projection(psi, A)
    hc3 = sm.OLS(psi, sm.add_constant(A - A.mean(axis=0))).fit(cov_type="HC3")
    assert plain.coefficients.se == pytest.approx(hc3.bse, rel=1e-9)


def test_the_projection_of_a_bent_effect_is_covered():
    """The effect is exp(x) for a standard normal x: its projection has slope e^(1/2)."""
    rng = np.random.default_rng(2)
    truth, covered = np.exp(0.5), []
    for _ in range(400):
        x = rng.normal(size=(2000, 1))
        c = best_linear_projection(np.exp(x[:, 0]) + rng.normal(size=2000), x).coefficients
        covered.append(c.low[1] <= truth <= c.high[1])
    # Heavy tails of exp(x)^2 cost HC3 a little even at 2,000 rows.
    assert 0.9 <= np.mean(covered) <= 0.97


def test_the_covariate_that_moves_the_effect_is_named_and_the_others_are_not():
    study = trial(2000, het=1.0)
    found = best_linear_projection(effect_scores(study).psi, study.X, names=study.covariates)
    assert found.diagnostic.verdict == "ok"
    assert found.diagnostic.sentence.endswith("recency (more gains more).")
    none = trial(2000, het=0.0, seed=3)
    assert best_linear_projection(effect_scores(none).psi, none.X, names=none.covariates).diagnostic.verdict == "look"


def test_the_joint_test_keeps_its_level():
    rng = np.random.default_rng(4)
    p = [best_linear_projection(rng.normal(size=300), rng.normal(size=(300, 3))).p_all for _ in range(400)]
    assert 0.03 <= np.mean(np.array(p) < 0.05) <= 0.075


def test_constant_and_repeated_columns_are_left_out_by_name():
    rng = np.random.default_rng(5)
    x = rng.normal(size=100)
    found = best_linear_projection(rng.normal(size=100), np.column_stack([x, np.ones(100), 2 * x + 1]))
    assert found.names == ("(constant)", "x1")
    assert found.redundant == ("x2", "x3")
    with pytest.raises(yg.DataError, match="do not determine"):
        best_linear_projection(rng.normal(size=4), rng.normal(size=(4, 3)))


def test_weights_count_as_repeats():
    rng = np.random.default_rng(6)
    psi, A, s = rng.normal(size=50), rng.normal(size=(50, 2)), rng.integers(1, 4, 50)
    weighted = best_linear_projection(psi, A, s=s.astype(float))
    repeated = best_linear_projection(np.repeat(psi, s), np.repeat(A, s, axis=0))
    assert weighted.coefficients.estimate == pytest.approx(repeated.coefficients.estimate, rel=1e-9)
