"""First-stage strength: regressions that define it, the effective F's own properties, interactions, verdicts."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.datasets import angrist_krueger_1991, card_1995
from yinguo.diagnose import instrument_strength
from yinguo.diagnose.first_stage import first_stage_check, linear_first_stage_check


def toy(seed: int = 0, n: int = 500, strength: float = 1.0, q: int = 3, **roles) -> yg.Study:
    rng = np.random.default_rng(seed)
    X, Z = rng.normal(size=(n, 2)), rng.normal(size=(n, q))
    T = strength * Z.sum(axis=1) + X.sum(axis=1) + rng.normal(size=n) * (0.5 + np.abs(Z[:, 0]))
    return yg.Study.from_arrays(X, T, T + rng.normal(size=n), Z=Z, **roles)


def interacting(n: int = 10_000, products: bool = False) -> yg.Study:
    """Card B12: instruments push some up and others down, so that they act through products with covariates only."""
    rng = np.random.default_rng(987)
    V, X, U = rng.normal(size=(n, 2)), rng.normal(size=(n, 4)), rng.normal(size=(n, 4))
    pushed = V * X[:, :2]
    T = (rng.random(n) < 1 / (1 + np.exp(-pushed.sum(axis=1) - X.sum(axis=1) - U.sum(axis=1)))).astype(float)
    return yg.Study.from_arrays(X, T, T + U.sum(axis=1), Z=pushed if products else V)


def result_of(study: yg.Study) -> yg.EffectResult:
    """Any result of the study; the checks look at the study alone."""
    return yg.EffectResult(
        method="m", treatment="t", outcome="y", estimand="ATE", estimate=0.0, no_inference="none", study=study
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_the_f_statistics_are_those_of_the_regression(weighted):
    s = np.random.default_rng(9).random(500) + 0.2 if weighted else None
    study = toy(sample_weight=s)
    root = np.ones(500) if s is None else np.sqrt(study.sample_weight)
    short = np.column_stack([np.ones(500), study.X]) * root[:, None]
    long = np.column_stack([short, study.Z * root[:, None]])
    T = study.T * root
    b = np.linalg.lstsq(long, T, rcond=None)[0]
    v, r = T - long @ b, T - short @ np.linalg.lstsq(short, T, rcond=None)[0]
    found = instrument_strength(study)
    assert found.f == pytest.approx((r @ r - v @ v) / 3 / (v @ v / 494), rel=1e-9)
    assert found.partial_r2 == pytest.approx(1 - v @ v / (r @ r), rel=1e-9)
    assert found.coefficients == pytest.approx(b[3:], rel=1e-9)
    assert (found.df, found.df_robust) == ((3, 494), (3, 494))
    bread = np.linalg.inv(long.T @ long)
    W = bread @ (long.T * v**2) @ long @ bread * 500 / 494
    assert found.f_robust == pytest.approx(b[3:] @ np.linalg.solve(W[3:, 3:], b[3:]) / 3, rel=1e-9)


def test_the_effective_f_is_the_robust_f_with_one_instrument_and_the_plain_one_with_even_noise():
    one = instrument_strength(toy(q=1))
    assert one.f_effective == pytest.approx(one.f_robust, rel=1e-12)
    assert abs(one.f_effective / one.f - 1) > 0.3
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(20_000, 3))
    even = yg.Study.from_arrays(np.empty((20_000, 0)), Z.sum(axis=1) * 0.1 + rng.normal(size=20_000), Z[:, 0], Z=Z)
    found = instrument_strength(even)
    assert found.f_effective == pytest.approx(found.f, rel=0.05)


def test_the_effective_f_does_not_depend_on_how_instruments_are_written():
    study = toy()
    other = study.replace(Z=study.Z @ np.array([[2.0, 1, 0], [0, -3, 1], [0, 0, 0.1]]) + 5)
    a, b = instrument_strength(study), instrument_strength(other)
    for name in ("f", "f_robust", "f_effective", "critical_value"):
        assert getattr(a, name) == pytest.approx(getattr(b, name), rel=1e-8)


def test_one_instrument_needs_23_1_to_rule_out_a_tenth_of_the_worst_bias():
    """Montiel Olea & Pflueger (2013): critical value 23.1 with one instrument, 10 % bias, 5 % level."""
    assert instrument_strength(toy(q=1)).critical_value == pytest.approx(23.1, abs=0.05)
    assert 10 < instrument_strength(toy(q=3)).critical_value < 23.1


def test_college_proximity_passes_and_thirty_quarters_of_birth_are_weak():
    """The F statistics are linearmodels' of the same specifications."""
    card = instrument_strength(card_1995().study)
    assert card.f == pytest.approx(13.256, abs=1e-3)
    assert card.f_robust == pytest.approx(14.139, abs=1e-3)
    census = instrument_strength(angrist_krueger_1991().study)
    assert census.f == pytest.approx(4.907, abs=1e-3)
    assert census.weak
    assert census.interactions is None  # 270 products


def test_groups_cluster_the_robust_statistics_only():
    study = toy()
    twice = study.take(np.repeat(np.arange(study.n), 2))
    grouped = yg.Study.from_arrays(twice.X, twice.T, twice.Y, Z=twice.Z, groups=np.repeat(np.arange(study.n), 2))
    once, clustered = instrument_strength(study), instrument_strength(grouped)
    assert clustered.f_effective == pytest.approx(once.f_effective, rel=0.02)
    assert clustered.f > 1.9 * once.f
    assert clustered.df_robust == (3, study.n - 1)
    few = instrument_strength(toy(groups=np.arange(500) % 2))
    assert np.isnan(few.f_robust)


def test_weak_alone_and_strong_in_products_stops_linear_methods_only():
    study = interacting()
    found = instrument_strength(study)
    assert found.f < 3
    assert found.weak
    assert found.interactions.f_effective > 80
    assert found.strong_with_interactions
    linear, other = linear_first_stage_check(result_of(study)), first_stage_check(result_of(study))
    assert (linear.verdict, other.verdict) == ("stop", "look")
    assert "products with the covariates" in linear.sentence
    given = instrument_strength(interacting(products=True))
    assert given.f > 400
    assert linear_first_stage_check(result_of(interacting(products=True))).verdict == "ok"


def test_weak_throughout_stops_every_method_and_strong_passes():
    for check in (first_stage_check, linear_first_stage_check):
        assert check(result_of(toy(strength=0.01))).verdict == "stop"
        assert "hardly move" in check(result_of(toy(strength=0.01))).sentence
        assert check(result_of(toy())).verdict == "ok"


def test_redundant_instruments_count_for_nothing_and_are_named():
    study = toy()
    more = study.replace(Z=np.column_stack([study.Z[:, 0], study.X[:, 0], study.Z[:, 1:]]))
    more = yg.Study.from_arrays(more.X, more.T, more.Y, Z=more.Z)
    plain, found = instrument_strength(study), instrument_strength(more)
    assert found.f_effective == pytest.approx(plain.f_effective, rel=1e-8)
    assert found.redundant == ("z2",)
    assert found.coefficients[1] == 0.0


def test_no_first_stage_is_an_error_and_a_check_that_says_stop():
    study = toy()
    with pytest.raises(yg.DataError, match="no instruments"):
        instrument_strength(yg.Study.from_arrays(study.X, study.T, study.Y))
    own = study.replace(Z=study.X[:, :1] * 2 + 1)
    with pytest.raises(yg.DataError, match="combinations of the covariates"):
        instrument_strength(own)
    check = first_stage_check(result_of(own))
    assert (check.verdict, check.value) == ("stop", None)
    assert "no first stage" in check.sentence
    assert first_stage_check(result_of(study.replace(T=study.X.sum(axis=1)))).verdict == "stop"
    assert first_stage_check(result_of(study.take(range(4)))).verdict == "stop"


@pytest.mark.parametrize("method", [yg.KernelIV(), yg.Poly2SLS(degrees=(1,))], ids=lambda m: m.name)
def test_a_method_that_can_be_fitted_with_more_covariates_than_rows_fails_its_check(method):
    """Penalties make it answer; that nothing shows whether the instruments move anything must be said first."""
    rng = np.random.default_rng(0)
    Z, T = rng.normal(size=(40, 2)), rng.normal(size=40)
    result = method.fit(yg.Study.from_arrays(rng.normal(size=(40, 60)), T + Z[:, 0], T, Z=Z)).result_
    (check,) = [check for check in result.diagnostics if check.name == "first-stage"]
    assert check.verdict == "stop"
    assert "60 covariates are too many for 40 rows" in check.sentence
    assert "60 covariates are too many" in result.summary()


def test_an_instrument_that_determines_the_treatment_is_as_strong_as_can_be():
    study = toy()
    found = instrument_strength(study.replace(T=study.Z[:, 0]))
    assert found.f == found.f_effective == np.inf
    assert not found.weak


def test_a_missing_outcome_does_not_hide_the_first_stage():
    study = toy()
    S = (np.arange(500) % 3 > 0).astype(float)
    partly = yg.Study.from_arrays(study.X, study.T, np.where(S == 1, study.Y, np.nan), Z=study.Z, S=S)
    assert instrument_strength(partly).f == pytest.approx(instrument_strength(study).f, rel=1e-12)
