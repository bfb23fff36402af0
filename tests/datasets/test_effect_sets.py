"""Sets for effects of single units: the printed facts of each, what is kept back, and what nobody knows."""

import os

import numpy as np
import pytest

import yinguo as yg
from yinguo.core.study import Study
from yinguo.datasets import acic2016, hillstrom, ihdp, jobs, twins
from yinguo.datasets.draw import effect_draw
from yinguo.errors import DataError

needs_data = pytest.mark.skipif(
    not os.environ.get("YINGUO_DATA"),
    reason="YINGUO_DATA is not set; the shared data sets ihdp, jobs, twins, acic2016 and hillstrom_email are needed",
)
WITH_TRUTH = [
    *((ihdp, {"source": source}) for source in ("shalit", "tedvae", "tedvae-nonlinear")),
    *((twins, {"preprocessing": name}) for name in ("cevae", "ganite", "complete")),
    (acic2016, {"setting": 4}),
]


def naive(study):
    return study.Y[study.T == 1].mean() - study.Y[study.T == 0].mean()


def everyone(draw):
    """Effects of all rows, kept back or not."""
    test = draw.extras["test"]
    return np.concatenate([draw.extras["mu1"] - draw.extras["mu0"], test.mu1 - test.mu0])


def test_rows_kept_back_are_those_named_and_their_columns_are_those_of_the_study():
    X = np.column_stack([np.arange(6.0), [1.0, 0, 0, 0, 0, 0], np.full(6, 7.0)])
    study = Study.from_arrays(X, [0, 1, 0, 1, 0, 1], np.arange(6.0) * 10)
    draw = effect_draw(study=study, test=np.array([5, 0]), mu0=np.zeros(6), mu1=np.arange(6.0), more="kept")
    assert draw.study.rows.tolist() == [1, 2, 3, 4]
    # The constant column is gone from both parts; one that is constant in the study alone is in both.
    assert draw.study.covariates == ("x1", "x2")
    assert draw.extras["test"].X.tolist() == [[5, 0], [0, 1]]
    assert draw.extras["test"].Y.tolist() == [50, 0]
    assert draw.extras["test"].mu1.tolist() == [5, 0]
    assert draw.truth == {"ATE": 2.5, "ATT": 2.0, "ATC": 3.0}
    assert draw.extras["mu1"].tolist() == [1, 2, 3, 4]
    assert draw.extras["more"] == "kept"


def test_without_mean_outcomes_there_is_no_truth():
    draw = effect_draw(study=Study.from_arrays(np.eye(4), [0, 1, 0, 1], np.ones(4)), test=np.array([0]))
    assert draw.truth == {}
    assert draw.extras["test"].mu0 is draw.extras["test"].mu1 is None
    assert set(draw.extras) == {"test"}


@needs_data
@pytest.mark.parametrize(("load", "options"), WITH_TRUTH)
def test_truth_is_the_mean_difference_of_the_mean_outcomes_over_the_rows_of_the_study(load, options):
    draw = load(**options)
    effects = draw.extras["mu1"] - draw.extras["mu0"]
    T = draw.study.T
    assert draw.truth["ATE"] == pytest.approx(effects.mean(), abs=1e-12)
    assert draw.truth["ATT"] == pytest.approx(effects[T == 1].mean(), abs=1e-12)
    assert draw.truth["ATC"] == pytest.approx(effects[T == 0].mean(), abs=1e-12)


@needs_data
@pytest.mark.parametrize(("load", "options"), [*WITH_TRUTH, (jobs, {})])
def test_the_same_replication_is_the_same_and_another_keeps_other_rows_back(load, options):
    first, again, other = load(**options), load(**options), load(**options, replication=1)
    assert np.array_equal(first.study.X, again.study.X)
    assert np.array_equal(first.study.Y, again.study.Y)
    assert first.study.rows.tolist() != other.study.rows.tolist()
    assert first.study.n == other.study.n


@needs_data
@pytest.mark.parametrize(
    ("source", "rows", "kept_back", "noise"),
    [("shalit", 672, 75, 1.000), ("tedvae", 673, 74, 0.999), ("tedvae-nonlinear", 523, 224, 1.001)],
)
def test_ihdp_has_139_treated_of_747_an_effect_on_them_of_4_and_noise_of_1(source, rows, kept_back, noise):
    found = []
    for replication in range(0, 50, 7):
        draw = ihdp(source=source, replication=replication)
        study, test = draw.study, draw.extras["test"]
        assert (study.n, len(test.T), study.X.shape[1]) == (rows, kept_back, 25)
        T = np.concatenate([study.T, test.T])
        assert T.sum() == 139
        assert everyone(draw)[T == 1].mean() == pytest.approx(4, abs=1e-12)
        found.append(study.Y - np.where(study.T == 1, draw.extras["mu1"], draw.extras["mu0"]))
    spread = np.std(found)
    assert spread == pytest.approx(noise, abs=4 / np.sqrt(2 * np.size(found)))


@needs_data
def test_ihdp_average_effects_are_those_stated_with_the_data():
    ates = [everyone(ihdp(replication=replication)).mean() for replication in range(50)]
    assert np.round(ates[:3], 4).tolist() == [4.0161, 4.0508, 4.0992]
    assert np.mean(ates) == pytest.approx(4.6135, abs=5e-5)


@needs_data
def test_six_of_fifty_ihdp_replications_have_effects_that_spread_beyond_10():
    spreads = np.array([everyone(ihdp(replication=replication)).std() for replication in range(50)])
    assert (spreads.min().round(2), spreads.max().round(1), (spreads > 10).sum()) == (0.29, 43.2, 6)


@needs_data
def test_one_child_of_replication_8_lies_beyond_all_that_can_be_learned_from():
    draw = ihdp(source="shalit", replication=8)
    test, effects = draw.extras["test"], draw.extras["mu1"] - draw.extras["mu0"]
    child = np.argmin(test.mu1 - test.mu0)
    assert child == 18
    assert (test.mu1 - test.mu0)[child] < -200 < -140 < effects.min()
    assert test.mu0[child] > 255 > 192 > draw.extras["mu0"].max()


@needs_data
def test_jobs_has_the_printed_counts_and_experimental_effect():
    for replication in range(10):
        draw = jobs(replication=replication)
        study, test, extras = draw.study, draw.extras["test"], draw.extras
        assert (study.n, len(test.T), study.X.shape[1]) == (2570, 642, 17)
        assert (extras["randomised"].sum(), extras["test_randomised"].sum()) == (578, 144)
        assert study.n_treated + test.T.sum() == 297
        # All the treated were randomised.
        assert extras["randomised"][study.T == 1].all()
        Y = np.concatenate([study.Y, test.Y])
        assert Y.mean() == pytest.approx(0.84994, abs=5e-6)
        T = np.concatenate([study.T, test.T])
        assert Y[T == 1].mean() - Y[T == 0].mean() == pytest.approx(-0.0832222, abs=5e-8)
        assert extras["experimental_att"] == pytest.approx(0.07794019, abs=5e-8)
    assert jobs().study.covariates[-1] == "u74*hispanic"
    assert jobs().study.n_treated == 237


@needs_data
def test_the_jobs_truth_is_of_the_split_and_a_test_split_says_little():
    truths = [jobs(replication=replication).truth for replication in range(10)]
    assert {frozenset(truth) for truth in truths} == {frozenset({"ATT"})}
    att = np.array([truth["ATT"] for truth in truths])
    assert att.min() == pytest.approx(0.0251, abs=5e-5)
    assert att.max() == pytest.approx(0.1099, abs=5e-5)
    outside = []
    for replication in range(10):
        test, randomised = (jobs(replication=replication).extras[name] for name in ("test", "test_randomised"))
        outside.append(test.Y[test.T == 1].mean() - test.Y[(test.T == 0) & randomised].mean())
    assert np.round([min(outside), max(outside)], 2).tolist() == [-0.05, 0.29]
    assert test.mu0 is None


@needs_data
@pytest.mark.parametrize(
    ("preprocessing", "pairs", "covariates", "mu0", "mu1"),
    [
        ("cevae", 11984, 75, 0.189419, 0.164219),
        ("ganite", 11400, 30, 0.17693, 0.16079),
        ("complete", 8215, 50, 0.110773, 0.089227),
    ],
)
def test_each_preprocessing_of_twins_has_its_own_pairs_and_mortality(preprocessing, pairs, covariates, mu0, mu1):
    draw = twins(preprocessing=preprocessing)
    test = draw.extras["test"]
    lighter = np.concatenate([draw.extras["mu0"], test.mu0])
    heavier = np.concatenate([draw.extras["mu1"], test.mu1])
    assert (len(lighter), draw.study.X.shape[1]) == (pairs, covariates)
    assert lighter.mean() == pytest.approx(mu0, abs=5e-6)
    assert heavier.mean() == pytest.approx(mu1, abs=5e-6)
    assert draw.extras["sample_ate"] == pytest.approx(mu1 - mu0, abs=1e-5)
    assert len(test.T) == round(pairs / 5)
    assert draw.study.outcome_kind == "binary"
    assert set(np.unique(everyone(draw))) == {-1, 0, 1}
    assert np.array_equal(draw.study.Y, np.where(draw.study.T == 1, draw.extras["mu1"], draw.extras["mu0"]))


@needs_data
def test_twins_are_confounded_after_cevae_and_hardly_so_in_the_complete_pairs():
    bias = {
        name: np.mean([naive((d := twins(preprocessing=name, replication=k)).study) - d.truth["ATE"] for k in range(5)])
        for name in ("cevae", "complete")
    }
    assert bias["cevae"] < -0.07
    assert abs(bias["complete"]) < 0.012
    draw = twins()
    assert draw.extras["sample_ate"] == pytest.approx(-0.0252, abs=5e-6)
    e, T = draw.extras["propensity"], draw.study.T
    assert abs((T - e).sum()) < 4 * np.sqrt((e * (1 - e)).sum())
    assert T[e > 0.85].mean() - T[e < 0.65].mean() == pytest.approx(e[e > 0.85].mean() - e[e < 0.65].mean(), abs=0.05)


ACIC = {
    1: (0.179, 2.128, 3.978), 2: (0.312, 4.679, 0), 3: (0.282, 4.752, 0), 4: (0.362, 4.796, 5.018),
    5: (0.301, 3.353, 4.531), 6: (0.260, 2.928, 2.082), 7: (0.313, 3.949, 5.000), 8: (0.258, 1.521, 3.224),
    9: (0.286, 3.799, 2.246), 10: (0.248, 4.223, 6.740),
}  # fmt: skip


@needs_data
@pytest.mark.parametrize("setting", ACIC)
def test_acic_settings_have_the_stated_share_of_treated_and_effects(setting):
    draw = acic2016(setting=setting)
    T = np.concatenate([draw.study.T, draw.extras["test"].T])
    effects = everyone(draw)
    found = (T.mean(), effects.mean(), effects.std(ddof=1))
    # The source divides by n or by n - 1; the difference is below the printed digits.
    assert found == pytest.approx(ACIC[setting], abs=1e-3)
    assert (draw.study.n, len(draw.extras["test"].T), draw.study.X.shape[1]) == (3842, 960, 79)
    assert sum(name.startswith("x_21=") for name in draw.study.covariates) == 15


TRIAL = {
    "mens": (0.182757, 0.012531, 1.422617), "womens": (0.151400, 0.008837, 1.077202),
    "none": (0.106167, 0.005726, 0.652789),
}  # fmt: skip


@needs_data
@pytest.mark.parametrize("arms", ["mens", "womens"])
@pytest.mark.parametrize(("place", "outcome"), list(enumerate(("visit", "conversion", "spend"))))
def test_hillstrom_arms_have_the_printed_means(arms, place, outcome):
    draw = hillstrom(arms=arms, outcome=outcome)
    study = draw.study
    assert study.Y[study.T == 1].mean() == pytest.approx(TRIAL[arms][place], abs=5e-7)
    assert study.Y[study.T == 0].mean() == pytest.approx(TRIAL["none"][place], abs=5e-7)
    assert study.n == {"mens": 21307, "womens": 21387}[arms] + 21306
    assert draw.truth == {}
    assert hillstrom(arms="any").study.n == 64000


@needs_data
def test_a_confounded_campaign_misleads_the_difference_of_means_and_not_aipw():
    draw = hillstrom(confounded=True)
    study, extras = draw.study, draw.extras
    result = yg.AIPW(estimand="ATE").fit(study).result_
    assert draw.truth == {"ATE": extras["trial_difference"]}
    se = np.hypot(result.se, extras["trial_se"])
    assert abs(result.estimate - draw.truth["ATE"]) < 3 * se
    assert naive(study) - draw.truth["ATE"] > 4 * extras["trial_se"]
    e, T = extras["propensity"], study.T
    assert (e.min() >= 0.1, e.max() <= 0.9) == (True, True)
    for part in (e > 0.7, e < 0.3):
        assert T[part].mean() == pytest.approx(e[part].mean(), abs=4 * 0.5 / np.sqrt(part.sum()))


@needs_data
def test_dropping_customers_does_not_move_their_covariates():
    whole, part = hillstrom(arms="any").study, hillstrom(arms="any", confounded=True).study
    shift = (part.X.mean(axis=0) - whole.X.mean(axis=0)) / whole.X.std(axis=0)
    assert np.abs(shift).max() < 4 / np.sqrt(part.n)
    assert 0.3 < part.n / whole.n < 0.5


@pytest.mark.parametrize(
    ("load", "options", "words"),
    [
        (ihdp, {"source": "b"}, "source is 'b'.*shalit"),
        (ihdp, {"replication": 50}, "replication is 50.*0 to 49"),
        (jobs, {"replication": 10}, "replication is 10"),
        (twins, {"preprocessing": "x"}, "preprocessing is 'x'.*cevae"),
        (acic2016, {"setting": 0}, "setting is 0"),
        (hillstrom, {"arms": "both"}, "arms is 'both'.*any"),
        (hillstrom, {"outcome": "sales"}, "outcome is 'sales'.*spend"),
    ],
)
def test_what_a_set_does_not_have_is_refused(load, options, words):
    with pytest.raises(DataError, match=words):
        load(**options)


@pytest.mark.parametrize(
    ("load", "name"),
    [(ihdp, "ihdp"), (jobs, "jobs"), (twins, "twins"), (acic2016, "acic2016"), (hillstrom, "hillstrom_email")],
)
def test_without_the_shared_data_the_loader_says_where_they_are_from(load, name, monkeypatch):
    monkeypatch.delenv("YINGUO_DATA", raising=False)
    with pytest.raises(DataError, match=f"{name} .*YINGUO_DATA"):
        load()
