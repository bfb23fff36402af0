"""Inverse probability weighting against Stata, statsmodels, its own derivatives, and the published figures."""

import numpy as np
import pytest
from effect_toys import assert_influence, draw, replicate
from stata_teffects import births, check, stata

import yinguo as yg
from yinguo.confounding.ipw import weighted_difference
from yinguo.kernels.weighting import arm_weights, normalised

ESTIMANDS = ("ATE", "ATT", "ATC")


@pytest.mark.parametrize(("estimand", "table"), [("ATE", "table"), ("ATT", "table_t")])
def test_estimate_and_standard_error_equal_stata(estimand, table):
    study = births(["mmarried_", "mage", "mage2", "fbaby_", "medu"])
    check(yg.IPW(propensity="probit", estimand=estimand).fit(study).result_, stata("ipw", table))


# -- the job-training figures ------------------------------------------------------------------------


@pytest.mark.parametrize(("normalize", "expected"), [(True, 1377.12), (False, 1293.00)])
def test_job_training_at_the_converged_maximum(cps, normalize, expected):
    result = yg.IPW(estimand="ATT", normalize=normalize).fit(cps).result_
    assert result.estimate == pytest.approx(expected, abs=6e-3)


def test_job_training_propensities_equal_statsmodels_newton(cps):
    sm = pytest.importorskip("statsmodels.api")
    peer = sm.Logit(cps.T, sm.add_constant(cps.X)).fit(disp=0, method="newton", tol=1e-14, maxiter=100)
    assert np.allclose(yg.IPW(estimand="ATT").fit(cps).result_.propensity, peer.predict(), rtol=0, atol=1e-8)


class Unconverged:
    """The card's propensity: scikit-learn's L-BFGS at its default tolerance, which stops short of the maximum."""

    def fit(self, X, y):
        from sklearn.linear_model import LogisticRegression

        self.centre, self.scale = X.mean(axis=0), X.std(axis=0)
        self.model = LogisticRegression(C=np.inf, tol=1e-4, max_iter=1000).fit((X - self.centre) / self.scale, y)
        self.classes_ = self.model.classes_
        return self

    def predict_proba(self, X):
        return self.model.predict_proba((X - self.centre) / self.scale)


@pytest.mark.parametrize(("normalize", "expected"), [(True, 1377.93), (False, 1295.26)])
def test_the_card_s_figures_are_those_of_an_unconverged_propensity(cps, normalize, expected):
    result = yg.IPW(estimand="ATT", propensity=Unconverged(), normalize=normalize).fit(cps).result_
    # Where L-BFGS stops depends a little on the linear algebra underneath.
    assert result.estimate == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize(("normalize", "expected"), [(True, -6958.4), (False, -10551.8)])
def test_weighting_everybody_by_cps_has_no_overlap_and_says_so(cps, normalize, expected):
    result = yg.IPW(normalize=normalize).fit(cps).result_
    assert result.estimate == pytest.approx(expected, rel=0.02)
    assert {d.name: d.verdict for d in result.diagnostics}["overlap"] == "stop"


# -- identities --------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimand", ESTIMANDS)
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("link", ["logit", "probit"])
@pytest.mark.parametrize("weighted", [False, True])
def test_influence_values_are_derivatives_in_the_weights(estimand, normalize, link, weighted):
    study = draw(1, n=60)
    if weighted:
        study = study.replace(sample_weight=np.random.default_rng(0).random(60) + 0.5)
    method = yg.IPW(estimand=estimand, normalize=normalize, propensity=link)
    assert_influence(method, study)


@pytest.mark.parametrize("options", [{"penalty": 5.0}, {"penalty": 5.0, "propensity": "probit"}, {"clip": 0.35}])
@pytest.mark.parametrize("estimand", ESTIMANDS)
def test_influence_values_are_derivatives_under_a_ridge_and_a_clip_too(estimand, options):
    study = draw(1, n=60)
    method = yg.IPW(estimand=estimand, **options)
    assert_influence(method, study)


def test_the_estimates_are_the_card_s_formulas():
    study = draw(2)
    T, Y, n = study.T, study.Y, study.n
    for estimand in ESTIMANDS:
        e = yg.IPW(estimand=estimand).fit(study).result_.propensity
        w1 = {"ATE": T / e, "ATT": T, "ATC": T * (1 - e) / e}[estimand]
        w0 = {"ATE": (1 - T) / (1 - e), "ATT": (1 - T) * e / (1 - e), "ATC": 1 - T}[estimand]
        size = {"ATE": n, "ATT": T.sum(), "ATC": n - T.sum()}[estimand]
        hajek = w1 @ Y / w1.sum() - w0 @ Y / w0.sum()
        assert yg.IPW(estimand=estimand).fit(study).result_.estimate == pytest.approx(hajek, rel=1e-12)
        thompson = (w1 @ Y - w0 @ Y) / size
        found = yg.IPW(estimand=estimand, normalize=False).fit(study).result_.estimate
        assert found == pytest.approx(thompson, rel=1e-12)


def test_horvitz_thompson_moves_with_the_origin_of_the_outcome_and_hajek_does_not():
    # The score equations of a logit with an intercept balance the mean of 1 for the ATT; a probit's do not.
    study = draw(2)
    for normalize, moves in ((True, False), (False, True)):
        method = yg.IPW(normalize=normalize, propensity="probit")
        a, b = (method.clone().fit(s).result_.estimate for s in (study, study.replace(Y=study.Y + 100)))
        assert (abs(a - b) > 0.1) == moves


def test_clustered_errors_with_known_propensity_equal_statsmodels():
    sm = pytest.importorskip("statsmodels.api")
    study = draw(3, groups=30)
    e = np.clip(np.random.default_rng(0).random(study.n), 0.2, 0.8)
    phi = weighted_difference(Y=study.Y, T=study.T, e=e, slope=np.zeros(study.n)).phi
    G = study.groups.max() + 1
    slow = np.sqrt(G / (G - 1) * sum(phi[study.groups == g].sum() ** 2 for g in range(G))) / study.n
    peer = sm.WLS(study.Y, sm.add_constant(study.T), weights=arm_weights(study.T, e)).fit(
        cov_type="cluster", cov_kwds={"groups": study.groups, "use_correction": False}
    )
    assert slow == pytest.approx(peer.bse[1] * np.sqrt(G / (G - 1)), rel=1e-9)


def test_the_standard_error_of_a_result_is_the_clustered_one_of_its_scores():
    study = draw(3, groups=30)
    result = yg.IPW().fit(study).result_
    phi, G = result.scores - result.estimate, study.groups.max() + 1
    slow = np.sqrt(G / (G - 1) * sum(phi[study.groups == g].sum() ** 2 for g in range(G))) / study.n
    assert result.se == pytest.approx(slow, rel=1e-10)


def test_weights_of_each_arm_sum_to_one():
    study = draw(4)
    w = normalised(arm_weights(study.T, np.full(study.n, 0.3), "ATT"), study.T)
    assert (w @ study.T, w @ (1 - study.T)) == pytest.approx((1, 1))


# -- truth -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimand", ESTIMANDS)
def test_it_hits_the_truth_and_covers(estimand):
    found = replicate(yg.IPW(estimand=estimand), estimand, n=600)
    assert abs(found.z) < 4
    assert 0.9 <= found.coverage <= 0.99


def test_estimating_the_propensity_is_accounted_for():
    studies = [draw(seed) for seed in range(100)]
    fits = [yg.IPW().fit(study).result_ for study in studies]
    naive = [
        weighted_difference(Y=s.Y, T=s.T, e=f.propensity, slope=np.zeros(s.n)).phi.std() / np.sqrt(s.n)
        for s, f in zip(studies, fits, strict=True)
    ]
    sd = np.std([f.estimate for f in fits])
    assert np.mean([f.se for f in fits]) == pytest.approx(sd, rel=0.2)
    assert np.mean(naive) > 1.3 * sd


# -- options and hostile input -----------------------------------------------------------------------


def test_clipping_moves_the_estimate_and_counts_what_it_moved():
    study = draw(5)
    plain, clipped = (yg.IPW(clip=clip).fit(study).result_ for clip in (0.0, 0.4))
    assert plain.estimate != clipped.estimate
    touched = ((plain.propensity < 0.4) | (plain.propensity > 0.6)).sum()
    assert clipped.notes[0].startswith(f"{touched} of {study.n} propensities")
    assert (clipped.propensity.min(), clipped.propensity.max()) == (0.4, 0.6)


def test_trimming_leaves_rows_out_and_says_that_the_estimand_changed():
    study = draw(5)
    e = yg.IPW().fit(study).result_.propensity
    inside = (e >= 0.3) & (e <= 0.7)
    result = yg.IPW(trim=0.3).fit(study).result_
    assert result.n == inside.sum()
    assert not result.balance_weights[~inside].any()
    assert any(f"{(~inside).sum()} of {study.n} rows" in note and "among the rest" in note for note in result.notes)
    T, Y = study.T[inside], study.Y[inside]
    w1, w0 = T / e[inside], (1 - T) / (1 - e[inside])
    assert result.estimate == pytest.approx(w1 @ Y / w1.sum() - w0 @ Y / w0.sum(), rel=1e-10)


def test_trimming_everything_away_is_an_overlap_error():
    x = np.repeat([0.0, 1.0], 50)
    T = np.r_[np.ones(5), np.zeros(45), np.ones(45), np.zeros(5)]
    with pytest.raises(yg.OverlapError, match=r"no treated unit has a propensity inside \[0.4, 0.6\]; lower trim"):
        yg.IPW(trim=0.4).fit(yg.Study.from_arrays(x, T, x))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trim": 0.5}, "trim is 0.5"),
        ({"clip": 0.7}, "clip is 0.7"),
        ({"penalty": -1}, "penalty is -1"),
        ({"propensity": "loglog"}, "propensity is 'loglog'"),
        ({"propensity": None}, "None has no fit method"),
    ],
)
def test_an_option_outside_its_range_is_named_with_its_value(study, options, message):
    with pytest.raises(yg.DataError, match=message):
        yg.IPW(**options).fit(study)


def test_a_ridge_shrinks_towards_the_raw_difference():
    study = draw(6)
    raw = yg.DifferenceInMeans().fit(study).result_.estimate
    plain, some, much = (yg.IPW(penalty=p).fit(study).result_.estimate for p in (0.0, 50.0, 1e7))
    assert plain < some < much
    assert much == pytest.approx(raw, rel=1e-3)


def test_a_classifier_gives_an_estimate_without_an_interval():
    from sklearn.linear_model import LogisticRegression

    study = draw(7)
    result = yg.IPW(propensity=LogisticRegression(C=np.inf, tol=1e-10)).fit(study).result_
    assert result.estimate == pytest.approx(yg.IPW().fit(study).result_.estimate, rel=1e-4)
    assert result.se is None
    assert "use AIPW" in result.no_inference


def test_separated_arms_have_no_propensity():
    x = np.linspace(-1, 1, 60)
    with pytest.raises(yg.ConvergenceError, match="predict the treatment"):
        yg.IPW().fit(yg.Study.from_arrays(x, x > 0, x))


def test_a_level_that_is_always_treated_stops_the_ate_but_not_the_effect_on_the_controls():
    study = draw(8, n=1000)
    sure = np.zeros(study.n)
    sure[np.flatnonzero(study.T == 1)[:50]] = 1.0
    extended = study.replace(X=np.column_stack([study.X, sure]), covariates=["a", "b", "c", "sure"])
    with pytest.raises(yg.OverlapError, match="50 of 1000 propensities are 0 or 1"):
        yg.IPW().fit(extended)
    # Nobody among the controls has that level, so their counterparts are the other treated.
    controls = yg.IPW(estimand="ATC").fit(extended).result_
    without = study.take(sure == 0)
    assert controls.estimate == pytest.approx(yg.IPW(estimand="ATC").fit(without).result_.estimate, rel=1e-6)


def test_extreme_scales_change_nothing():
    study = draw(9)
    wild = study.replace(X=study.X * [1e-9, 1e6, 1.0] + [0.0, 1e12, 0.0])
    a, b = (yg.IPW().fit(s).result_ for s in (study, wild))
    # Means of a million standard deviations leave ten of sixteen digits.
    assert b.estimate == pytest.approx(a.estimate, rel=1e-6)
    assert b.se == pytest.approx(a.se, rel=1e-6)


@pytest.mark.parametrize(("estimand", "sure"), [("ATC", 1.0), ("ATT", 0.0)])
def test_a_chance_that_nothing_divides_by_overflows_nowhere(estimand, sure):
    study = draw(10)
    e = np.full(study.n, 0.4)
    e[np.flatnonzero(sure == study.T)[:5]] = sure
    with np.errstate(all="raise"):
        found = weighted_difference(Y=study.Y, T=study.T, e=e, slope=e * (1 - e), estimand=estimand)
    assert np.isfinite(found.d_eta).all()
