"""Anderson-Rubin sets: coverage where two-stage least squares fails, reference tests, words for every shape."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

import yinguo as yg
from yinguo.datasets import card_1995
from yinguo.diagnose import anderson_rubin, anderson_rubin_check

#: Coverage over 400 draws may miss its target by three Monte Carlo errors of 0.011.
LOW, HIGH = 0.917, 0.983


def draw(seed, *, n=200, q=1, concentration=1.0, wrong=0.0, unequal=False, effect=1.0, groups=None):
    """Hidden confounder of correlation 0.9; the first-stage F is about 1 + concentration."""
    rng = np.random.default_rng(seed)
    Z, X, U = rng.normal(size=(n, q)), rng.normal(size=(n, 1)), rng.normal(size=n)
    T = np.sqrt(concentration / n) * Z.sum(axis=1) + X[:, 0] + U
    noise = 0.9 * U + np.sqrt(1 - 0.81) * rng.normal(size=n)
    if unequal:
        noise = noise * (0.3 + Z[:, 0] ** 2)
    clusters = None
    if groups is not None:
        clusters = np.arange(n) % groups
        Z = rng.normal(size=(groups, q))[clusters]
        T = np.sqrt(concentration / groups) * Z.sum(axis=1) + X[:, 0] + U
        noise = noise + rng.normal(size=groups)[clusters]
    Y = effect * T + X[:, 0] + noise + wrong * Z[:, 0]
    return yg.Study.from_arrays(X, T, Y, Z=Z, groups=clusters)


def wald_interval(study):
    """Two-stage least squares with robust errors, plainly."""
    D, Q = (np.column_stack([np.ones(study.n), part, study.X]) for part in (study.T, study.Z))
    fitted = Q @ np.linalg.lstsq(Q, D, rcond=None)[0]
    theta = np.linalg.lstsq(fitted, study.Y, rcond=None)[0]
    u = study.Y - D @ theta
    bread = np.linalg.inv(fitted.T @ fitted)
    se = np.sqrt((bread @ (fitted * u[:, None] ** 2).T @ fitted @ bread)[1, 1])
    return theta[1] - 1.96 * se, theta[1] + 1.96 * se


@pytest.mark.parametrize("concentration", [1.0, 9.0])
@pytest.mark.parametrize("q", [1, 4])
def test_coverage_holds_at_any_strength_where_two_stage_least_squares_fails_with_weak_instruments(concentration, q):
    studies = [draw(seed, q=q, concentration=concentration) for seed in range(400)]
    covered = np.mean([anderson_rubin(study).contains(1.0) for study in studies])
    classical = np.mean([anderson_rubin(study, covariance="unadjusted").contains(1.0) for study in studies])
    assert LOW <= covered <= HIGH
    assert LOW <= classical <= HIGH
    if concentration == 1.0 and q == 4:
        usual = [wald_interval(study) for study in studies]
        assert np.mean([low <= 1.0 <= high for low, high in usual]) < 0.8


def test_under_unequal_noise_the_robust_set_covers_and_the_classical_does_not():
    studies = [draw(seed, q=2, concentration=10.0, unequal=True) for seed in range(400)]
    assert LOW <= np.mean([anderson_rubin(study).contains(1.0) for study in studies]) <= HIGH
    assert np.mean([anderson_rubin(study, covariance="unadjusted").contains(1.0) for study in studies]) < 0.85


def test_with_groups_the_clustered_set_covers_and_one_that_ignores_them_does_not():
    studies = [draw(seed, groups=40, n=400, concentration=3.0) for seed in range(400)]
    assert LOW <= np.mean([anderson_rubin(study).contains(1.0) for study in studies]) <= HIGH
    blind = [yg.Study.from_arrays(s.X, s.T, s.Y, Z=s.Z) for s in studies]
    assert np.mean([anderson_rubin(study).contains(1.0) for study in blind]) < 0.8


@pytest.mark.parametrize(("covariance", "kind"), [("unadjusted", "nonrobust"), ("robust", "HC1")])
def test_statistic_and_p_value_are_those_of_the_f_test_on_the_instruments(covariance, kind):
    study = draw(0, q=3, concentration=20.0)
    found = anderson_rubin(study, covariance=covariance)
    D = sm.add_constant(np.column_stack([study.X, study.Z]))
    for theta in (-1.0, 0.0, 1.0, 3.0):
        fit = sm.OLS(study.Y - theta * study.T, D).fit(cov_type=kind, use_t=True)
        test = fit.f_test(np.eye(5)[2:])
        assert found.statistic(theta) == pytest.approx(float(np.squeeze(test.fvalue)), rel=1e-8)
        assert found.p_value(theta) == pytest.approx(float(test.pvalue), rel=1e-6)


#: 95 % sets, F statistic and p-value of no effect on Card's (1995) data by the R package ivmodel, as typed in its own
#: tests (classical F test): instruments, covariates, ends, F, p, degrees of freedom.
IVMODEL = [
    ("nearc4", True, (0.0248048359651, 0.284823593339), 5.41527923822, 0.0200276297596, 2994),
    ("both", True, (0.0536002610089, 0.361980791255), 5.24393512598, 0.00532805613556, 2993),
    ("nearc4", False, (0.143037504074, 0.250862634531), 82.7445324192, None, 3008),
    ("both", False, (0.166084633236, 0.260253933988), 51.3582485426, None, 3007),
]


@pytest.mark.parametrize(("instruments", "covariates", "ends", "F", "p", "dof"), IVMODEL)
def test_sets_on_card_s_data_are_those_of_ivmodel(instruments, covariates, ends, F, p, dof):
    study = card_1995(instruments=instruments).study
    if not covariates:
        study = study.replace(X=study.X[:, :0], covariates=())
    found = anderson_rubin(study, covariance="unadjusted")
    assert found.pieces[0] == pytest.approx(ends, rel=1e-9)
    assert found.statistic(0.0) == pytest.approx(F, rel=1e-9)
    assert found.form.dof == dof
    if p is not None:
        assert found.p_value() == pytest.approx(p, rel=1e-8)


def test_a_value_is_in_the_set_if_and_only_if_its_p_value_exceeds_one_minus_the_level():
    found = anderson_rubin(draw(1, q=2, concentration=30.0), level=0.9)
    for theta in np.linspace(-2, 4, 61):
        assert found.contains(theta) == (found.p_value(theta) >= 0.1)


def test_with_one_instrument_the_estimate_is_inside_and_strong_ones_give_the_usual_interval():
    study = draw(2, n=4000, concentration=4000.0)
    found = anderson_rubin(study)
    low, high = wald_interval(study)
    assert found.shape == "interval"
    assert found.contains((low + high) / 2)
    assert found.pieces[0] == pytest.approx((low, high), abs=0.05 * (high - low))


def test_each_shape_is_said_in_words():
    interval = anderson_rubin(draw(0, concentration=400.0))
    assert interval.shape == "interval"
    assert "is between" in interval.sentence
    assert interval.diagnostic.verdict == "ok"
    line = next(s for s in (anderson_rubin(draw(k, concentration=0.0)) for k in range(50)) if s.shape == "line")
    assert "nothing can be said" in line.sentence
    assert line.diagnostic.verdict == "stop"
    rays = next(s for s in (anderson_rubin(draw(k, concentration=1.0)) for k in range(50)) if s.shape == "rays")
    assert "at most" in rays.sentence
    assert "or at least" in rays.sentence
    assert not rays.bounded
    empty = anderson_rubin(draw(0, q=3, concentration=400.0, wrong=3.0))
    assert empty.shape == "empty"
    assert "contradict one another" in empty.sentence
    assert empty.diagnostic.verdict == "stop"
    for found in (interval, line, rays, empty):
        plain = json.loads(json.dumps(found.to_dict()))
        assert plain["shape"] == found.shape
        assert len(plain["pieces"]) == len(found.pieces)


def test_contradicting_instruments_are_found_whatever_the_strength_of_the_wrong_one():
    refused = [anderson_rubin(draw(seed, q=3, concentration=600.0, wrong=1.0)).shape == "empty" for seed in range(50)]
    assert np.mean(refused) > 0.9


def test_integer_sample_weights_give_the_set_of_repeated_rows_up_to_the_count_of_rows():
    study = draw(3, q=2, concentration=200.0)
    counts = np.random.default_rng(0).integers(1, 4, study.n)
    weighted = study.replace(sample_weight=counts.astype(float))
    repeated = study.take(np.repeat(np.arange(study.n), counts)).replace(groups=np.repeat(np.arange(study.n), counts))
    (a,), (b,) = anderson_rubin(weighted).pieces, anderson_rubin(repeated).pieces
    assert a == pytest.approx(b, rel=0.02)


def test_redundant_instruments_are_left_out_and_change_nothing():
    study = draw(4, q=2, concentration=200.0)
    more = study.replace(Z=np.column_stack([study.Z[:, 0], study.Z.sum(axis=1)]))
    both = yg.Study.from_arrays(study.X, study.T, study.Y, Z=np.column_stack([study.Z, study.Z.sum(axis=1)]))
    assert anderson_rubin(more).pieces[0] == pytest.approx(anderson_rubin(study).pieces[0], rel=1e-8)
    assert anderson_rubin(both).instruments == ("z1", "z2")
    assert anderson_rubin(both).pieces[0] == pytest.approx(anderson_rubin(study).pieces[0], rel=1e-8)


def test_what_cannot_be_tested_is_refused():
    study = draw(5)
    with pytest.raises(yg.DataError, match="no instruments"):
        anderson_rubin(yg.Study.from_arrays(study.X, study.T, study.Y))
    with pytest.raises(yg.DataError, match="level is 95"):
        anderson_rubin(study, level=95)
    with pytest.raises(yg.DataError, match="has groups"):
        anderson_rubin(study.replace(groups=np.arange(study.n) % 10), covariance="unadjusted")


def test_the_check_of_a_result_follows_its_errors_and_never_raises():
    study = draw(6, q=2, concentration=50.0)
    for options, covariance in (({}, "robust"), ({"covariance": "unadjusted"}, "unadjusted")):
        result = SimpleNamespace(study=study, settings={"options": options})
        found = anderson_rubin_check(result)
        assert found.value == pytest.approx(anderson_rubin(study, covariance=covariance).p_value(), rel=1e-12)
    hopeless = study.replace(Y=np.ones(study.n))
    assert anderson_rubin_check(SimpleNamespace(study=hopeless, settings={})).verdict == "stop"


def test_critical_values_are_those_of_f():
    found = anderson_rubin(draw(7, q=2, concentration=100.0), covariance="unadjusted")
    low, high = found.pieces[0]
    assert found.form.dof == 200 - 4
    assert found.statistic(low) == pytest.approx(stats.f.isf(0.05, 2, 196), rel=1e-8)
    assert found.statistic(high) == pytest.approx(stats.f.isf(0.05, 2, 196), rel=1e-8)
