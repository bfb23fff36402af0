"""Nearest-neighbour matching against R's Matching, Stata's teffects nnmatch, and simulation.

Stata's numbers: nnmatch on the birth-weight data, from the manual and a published log, with the digits printed there.
"""

import numpy as np
import pytest
from births import births

import yinguo as yg
from yinguo.datasets import job_training
from yinguo.errors import DataError

FOUR = ("age", "education", "re74", "re75")
STATA = 6e-6  # Stata prints seven digits


def test_the_class_gives_the_published_table_on_the_experiment():
    study = job_training(variables="file").study
    same = {"covariates": FOUR, "metric": "inverse_variance", "variance": "homoscedastic", "target": "sample"}
    table = [
        ({"estimand": "ATE"}, 1714.407, 740.129),
        ({"estimand": "ATE", "n_neighbors": 3}, 1536.303, 661.930),
        ({"estimand": "ATT"}, 1726.913, 836.630),
        ({"estimand": "ATC"}, 1705.509, 820.096),
        ({"estimand": "ATE", "metric": "mahalanobis"}, 1592.617, 684.730),
        ({"estimand": "ATE", "bias_correction": ("married", "age")}, 1719.687, 743.609),
        ({"estimand": "ATE", "bias_correction": FOUR}, 1630.915, 745.234),
        ({"estimand": "ATE", "target": "population"}, 1714.407, 743.385),
    ]
    for options, estimate, se in table:
        result = yg.NearestNeighborMatching(**(same | options)).fit(study).result_
        assert result.estimate == pytest.approx(estimate, abs=5e-3), options
        assert result.se == pytest.approx(se, abs=5e-3), options
    local = same | {"estimand": "ATE", "variance": "heteroscedastic", "variance_neighbors": 3}
    assert yg.NearestNeighborMatching(**local).fit(study).result_.se == pytest.approx(696.272, abs=5e-3)


def test_the_defaults_give_stata_estimates_and_robust_errors():
    plain = births(["mage", "prenatal1_", "mmarried_", "fbaby_"])
    result = yg.NearestNeighborMatching(estimand="ATE").fit(plain).result_
    assert result.estimate == pytest.approx(-240.3306, abs=5e-5)
    assert result.se == pytest.approx(28.43006, abs=STATA)
    # One continuous column in the distance, the other three exact: the same neighbours, the same answer.
    exact = yg.NearestNeighborMatching(estimand="ATE", covariates=["mage"], exact=["prenatal1_", "mmarried_", "fbaby_"])
    again = exact.fit(plain).result_
    assert again.estimate == pytest.approx(-240.3306, abs=5e-5)
    assert again.se == pytest.approx(28.43006, abs=STATA)


@pytest.mark.parametrize(("estimand", "estimate", "se"), [("ATE", -210.0558, 29.32803), ("ATT", -238.5204, 30.41661)])
def test_exact_columns_and_bias_correction_give_stata_numbers(estimand, estimate, se):
    study = births(["mmarried_", "mage", "fage", "medu", "prenatal1_"])
    result = (
        yg.NearestNeighborMatching(
            estimand=estimand, exact=["mmarried_", "prenatal1_"], bias_correction=["mage", "fage", "medu"]
        )
        .fit(study)
        .result_
    )
    assert result.estimate == pytest.approx(estimate, abs=5e-5)
    assert result.se == pytest.approx(se, abs=STATA)


def test_matching_within_an_epsilon_averages_everybody_there_and_drops_the_rest():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 2))
    T = (rng.random(150) < 0.4).astype(float)
    Y = X[:, 0] + 2 * T + rng.normal(size=150)
    study = yg.Study.from_arrays(X, T, Y)
    result = yg.NearestNeighborMatching(n_neighbors=None, caliper=0.6, metric=np.eye(2)).fit(study).result_
    effects = []
    for i in np.flatnonzero(T == 1):
        near = (T == 0) & (((X - X[i]) ** 2).sum(axis=1) <= 0.36)
        if near.any():
            effects.append(Y[i] - Y[near].mean())
    assert result.estimate == pytest.approx(np.mean(effects))
    assert result.extras["n_unmatched"] == T.sum() - len(effects)
    assert result.extras["n_unmatched"] > 0
    assert result.extras["largest_distance"] <= 0.6


def test_an_epsilon_of_zero_is_exact_matching():
    rng = np.random.default_rng(1)
    X = rng.integers(0, 3, size=(200, 2)).astype(float)
    T = (rng.random(200) < 0.4).astype(float)
    study = yg.Study.from_arrays(X, T, X[:, 0] + T + rng.normal(size=200))
    zero = yg.NearestNeighborMatching(n_neighbors=None, caliper=0.0).fit(study).result_
    assert zero.estimate == pytest.approx(yg.ExactMatching().fit(study).result_.estimate)


def draw(seed, n=500):
    """Three continuous covariates, a linear outcome surface with an effect that varies; truth 1 for the ATE."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, size=(n, 3))
    T = (rng.random(n) < 1 / (1 + np.exp(-X[:, 0] - X[:, 1]))).astype(float)
    Y = 3 * X[:, 0] + 2 * X[:, 1] + T * (1 + X[:, 1]) + rng.normal(size=n) * (1 + 0.5 * X[:, 0])
    return yg.Study.from_arrays(X, T, Y)


def test_bias_corrected_intervals_cover_and_uncorrected_matching_is_biased():
    corrected, plain = [], []
    for seed in range(160):
        study = draw(seed)
        result = yg.NearestNeighborMatching(estimand="ATE", bias_correction=True, n_neighbors=2).fit(study).result_
        corrected.append((result.estimate - 1, result.se))
        plain.append(yg.NearestNeighborMatching(estimand="ATE", n_neighbors=2).fit(study).result_.estimate - 1)
    error, se = np.array(corrected).T
    assert 0.91 < np.mean(np.abs(error) < 1.96 * se) < 0.985
    assert abs(error.mean()) < 4 * error.std() / np.sqrt(160)
    assert abs(np.mean(plain)) > 4 * np.std(plain) / np.sqrt(160)


def test_remaining_differences_are_said_unless_corrected():
    study = draw(0)
    plain = yg.NearestNeighborMatching().fit(study).result_
    assert any("bias" in note for note in plain.notes)
    assert not any("bias" in note for note in yg.NearestNeighborMatching(bias_correction=True).fit(study).result_.notes)


def test_fewer_matches_than_asked_for_are_said():
    study = draw(0)
    result = yg.NearestNeighborMatching(n_neighbors=5, caliper=0.1).fit(study).result_
    assert any("fewer than 5 matches" in note for note in result.notes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_neighbors": 0}, "n_neighbors is 0"),
        ({"n_neighbors": 10_000}, "n_neighbors is 10000"),
        ({"n_neighbors": None}, "needs caliper"),
        ({"caliper": -1.0}, "caliper is -1.0"),
        ({"caliper": "auto"}, "caliper is 'auto'"),
        ({"tie_tolerance": -1}, "tie_tolerance"),
        ({"metric": "euclid"}, "euclid"),
        ({"variance": "none"}, "variance is 'none'"),
        ({"variance_form": "x"}, "variance_form is 'x'"),
        ({"variance_neighbors": 0}, "variance_neighbors is 0"),
        ({"target": "x"}, "target is 'x'"),
        ({"exact": ["nope"]}, "nope"),
    ],
)
def test_impossible_options_are_refused_with_the_value(options, message):
    with pytest.raises(DataError, match=message):
        yg.NearestNeighborMatching(**options).fit(draw(0, 100))


@pytest.mark.parametrize(
    "options",
    [
        {"estimand": "ATC"},
        {"n_neighbors": 3},
        {"metric": "inverse_variance"},
        {"caliper": 0.05},
        {"exact": ["x3"]},
        {"covariates": ["x1"]},
        {"tie_tolerance": 0.1},
        {"bias_correction": True},
        {"variance": "homoscedastic"},
        {"variance_neighbors": 5},
        {"variance_form": "neighbor_mean"},
        {"target": "sample"},
    ],
)
def test_every_option_changes_the_answer(options):
    study = draw(0, 300)
    study = study.replace(X=np.column_stack([study.X[:, :2], np.round(2 * study.X[:, 2])]))
    base, changed = (yg.NearestNeighborMatching(**o).fit(study).result_ for o in ({}, options))
    assert (base.estimate, base.se) != (changed.estimate, changed.se)


@pytest.mark.peer
@pytest.mark.parametrize("n_neighbors", [1, 3])
def test_unit_effects_on_random_designs_are_those_of_causallib(n_neighbors):
    pandas = pytest.importorskip("pandas")
    estimation = pytest.importorskip("causallib.estimation")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3)) @ rng.normal(size=(3, 3))
    T = (rng.random(400) < 0.4).astype(int)
    Y = X @ [1.0, 2.0, 3.0] + T + rng.normal(size=400)
    study = yg.Study.from_arrays(X, T, Y)
    # causallib averages the covariances of the two arms where ours is that of everybody, so ours is given its matrix.
    within_arms = np.linalg.inv((np.cov(X[T == 0].T, bias=True) + np.cov(X[T == 1].T, bias=True)) / 2)
    for metric, ours in (("euclidean", np.eye(3)), ("mahalanobis", within_arms)):
        peer = estimation.Matching(n_neighbors=n_neighbors, metric=metric)
        frames = pandas.DataFrame(X), pandas.Series(T)
        peer.fit(*frames, pandas.Series(Y))
        outcomes = peer.estimate_individual_outcome(*frames)
        att = (outcomes[1] - outcomes[0])[T == 1].mean()
        mine = yg.NearestNeighborMatching(n_neighbors=n_neighbors, metric=ours).fit(study).result_.estimate
        assert mine == pytest.approx(att, rel=1e-10)
