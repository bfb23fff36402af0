"""Propensity matching against R's Matching, Stata's teffects psmatch, and simulation.

Two fixtures of the literature are worth a word. On the experiment with the Dehejia-Wahba score R's Matching documents
2153.3 (825.4), and so do we. A value of 1487.77 for the same specification is reproduced here too: it comes from
squaring ``age`` in the 8-bit integers of the Stata file, which overflow.
"""

import numpy as np
import pytest
from births import births

import yinguo as yg
from yinguo.datasets import job_training
from yinguo.errors import DataError

STATA = 6e-6


def dehejia_wahba(squared_age=None) -> yg.Study:
    """Their score: age, education, earnings of 1974 and 1975 with squares, dummies, two zero-earnings indicators."""
    men = job_training(variables="file").study
    X = {name: men.X[:, j] for j, name in enumerate(men.covariates)}
    square = X["age"] ** 2 if squared_age is None else squared_age(X["age"])
    columns = [X["age"], square, X["education"], X["education"] ** 2, X["black"], X["hispanic"], X["married"]]
    columns += [X["nodegree"], X["re74"], X["re74"] ** 2, X["re75"], X["re75"] ** 2, X["re74"] == 0, X["re75"] == 0]
    return yg.Study.from_arrays(np.column_stack(columns), men.T, men.Y)


def overflowing_square(age):
    small = age.astype(np.int8)
    return (small * small).astype(float)


# Estimate, sample and population standard error: ties exact, ties within 1e-5, on the logit.
CORRECT = {"exact": (2165.20, 822.86, 829.78), "pooled": (2153.30, 819.28, 825.40), "logit": (2165.20, 822.86, 829.78)}
OVERFLOW = {"exact": (1487.77, 845.46, 854.26), "pooled": (1415.24, 819.75, 834.71), "logit": (1504.63, 853.38, 862.12)}
HOW = {"exact": {}, "pooled": {"tie_tolerance": 1e-5}, "logit": {"distance": "logit"}}


@pytest.mark.parametrize("case", ["exact", "pooled", "logit"])
@pytest.mark.parametrize(("square", "wanted"), [(None, CORRECT), (overflowing_square, OVERFLOW)])
def test_the_dehejia_wahba_score_gives_the_documented_answers(case, square, wanted):
    study = dehejia_wahba(square)
    options = {"variance": "homoscedastic", "score_correction": False} | HOW[case]
    estimate, sample, population = wanted[case]
    for target, se in (("sample", sample), ("population", population)):
        result = yg.PropensityMatching(target=target, **options).fit(study).result_
        assert result.estimate == pytest.approx(estimate, abs=6e-3)
        assert result.se == pytest.approx(se, abs=6e-3)


def test_pooled_ties_are_the_346_pairs_that_r_reports():
    model = yg.PropensityMatching(tie_tolerance=1e-5).fit(dehejia_wahba())
    assert model.matches_.count.sum() == 346


FIRST, SECOND = ["mmarried_", "mage", "fage", "medu", "prenatal1_"], ["mmarried_", "mage", "mage2", "fbaby_", "medu"]


@pytest.mark.parametrize(("columns", "estimate", "se"), [(FIRST, -229.4492, 25.88746), (SECOND, -210.9683, 32.021)])
def test_the_ate_and_its_error_for_an_estimated_score_are_those_of_stata(columns, estimate, se):
    result = yg.PropensityMatching(estimand="ATE").fit(births(columns)).result_
    assert result.estimate == pytest.approx(estimate, abs=5e-5)
    assert result.se == pytest.approx(se, abs=STATA)


def test_the_att_is_that_of_stata_and_its_error_within_a_part_in_five_hundred():
    # Stata estimates one term of the correction by a second matching on all covariates; see kernels/estimated_score.py.
    result = yg.PropensityMatching().fit(births(FIRST)).result_
    assert result.estimate == pytest.approx(-224.5927, abs=5e-5)
    assert result.se == pytest.approx(30.55147, rel=2e-3)


def draw(seed, n=500):
    """Uniform covariates, a score that depends on both, effects that vary with them."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-0.5, 0.5, size=(n, 2))
    e = 1 / (1 + np.exp(-(X[:, 0] + 2 * X[:, 1])))
    T = (rng.random(n) < e).astype(float)
    Y = 3 * X[:, 0] - 3 * X[:, 1] + T * (5 + 2 * X[:, 0] + 4 * X[:, 1]) + rng.normal(size=n)
    return yg.Study.from_arrays(X, T, Y)


def population_effects():
    grid = (np.arange(400) + 0.5) / 400 - 0.5
    a, b = np.meshgrid(grid, grid)
    e, tau = 1 / (1 + np.exp(-(a + 2 * b))), 5 + 2 * a + 4 * b
    return {"ATE": tau.mean(), "ATT": (e * tau).sum() / e.sum(), "ATC": ((1 - e) * tau).sum() / (1 - e).sum()}


@pytest.mark.parametrize("estimand", ["ATE", "ATT", "ATC"])
def test_the_error_for_an_estimated_score_is_right_and_the_one_for_a_known_score_too_large(estimand):
    truth, rows = population_effects()[estimand], []
    for seed in range(300):
        result = yg.PropensityMatching(estimand=estimand).fit(draw(seed)).result_
        rows.append((result.estimate - truth, result.se, result.extras["se_known_score"]))
    error, se, known = np.array(rows).T
    assert 0.91 < np.mean(np.abs(error) < 1.96 * se) < 0.985
    assert np.sqrt(np.mean(se**2)) == pytest.approx(error.std(), rel=0.13)
    assert np.sqrt(np.mean(known**2)) > 1.1 * np.sqrt(np.mean(se**2))
    assert abs(error.mean()) < 4 * error.std() / np.sqrt(300) + 0.02


def test_without_replacement_nobody_is_used_twice_and_the_paired_error_is_returned():
    study = draw(0)
    model = yg.PropensityMatching(replacement=False, caliper=0.05).fit(study)
    used = model.matches_.donors
    assert np.unique(used).size == used.size
    difference = study.Y[model.matches_.focal[model.matches_.matched]] - study.Y[used]
    assert model.result_.estimate == pytest.approx(difference.mean())
    assert model.result_.se == pytest.approx(difference.std() / np.sqrt(difference.size))
    assert any("takes the score as known" in note for note in model.result_.notes)


def test_the_random_order_is_drawn_from_the_seed():
    study = draw(0)
    fits = [
        yg.PropensityMatching(replacement=False, order="random", random_state=seed).fit(study).result_.estimate
        for seed in (0, 0, 1)
    ]
    assert fits[0] == fits[1] != fits[2]
    assert fits[0] != yg.PropensityMatching(replacement=False).fit(study).result_.estimate


def test_the_automatic_caliper_is_a_fifth_of_a_standard_deviation_of_the_logit():
    study = draw(0)
    result = yg.PropensityMatching(distance="logit", caliper="auto").fit(study).result_
    logit = np.log(result.propensity / (1 - result.propensity))
    assert result.extras["caliper"] == pytest.approx(0.2 * logit.std(ddof=1))
    assert result.extras["largest_distance"] <= result.extras["caliper"]
    with pytest.raises(DataError, match="rule for the logit"):
        yg.PropensityMatching(caliper="auto").fit(study)


def test_a_caliper_drops_units_and_says_that_the_estimand_changed():
    result = yg.PropensityMatching(caliper=1e-4).fit(draw(0)).result_
    assert result.extras["n_unmatched"] > 0
    assert any("have no match and are left out" in note for note in result.notes)
    assert any("approximate" in note for note in result.notes)
    assert result.extras["largest_distance"] <= 1e-4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"estimand": "ATE", "replacement": False}, "ATT or the ATC"),
        ({"propensity": "cauchit"}, "cauchit"),
        ({"distance": "x"}, "distance is 'x'"),
        ({"order": "x"}, "order is 'x'"),
        ({"caliper": "wide"}, "caliper is 'wide'"),
        ({"caliper": -0.1}, "caliper is -0.1"),
        ({"n_neighbors": None}, "n_neighbors is None"),
        ({"n_neighbors": 9999}, "n_neighbors is 9999"),
        ({"variance_neighbors": 1.5}, "variance_neighbors is 1.5"),
    ],
)
def test_impossible_options_are_refused_with_the_value(options, message):
    with pytest.raises(DataError, match=message):
        yg.PropensityMatching(**options).fit(draw(0, 200))


@pytest.mark.parametrize(
    "options",
    [
        {"estimand": "ATC"},
        {"propensity": "probit"},
        {"propensity_covariates": ["x1"]},
        {"distance": "logit"},
        {"n_neighbors": 4},
        {"replacement": False},
        {"caliper": 1e-3},
        {"tie_tolerance": 1e-2},
        {"score_correction": False},
        {"variance": "homoscedastic"},
        {"variance_neighbors": 4},
        {"variance_form": "neighbor_mean"},
        {"target": "sample"},
    ],
)
def test_every_option_changes_the_answer(options):
    study = draw(3)
    study = study.replace(X=np.round(study.X, 1))  # ties, so that the two forms of the variance differ
    base, changed = (yg.PropensityMatching(**o).fit(study).result_ for o in ({}, options))
    assert (base.estimate, base.se) != (changed.estimate, changed.se)


def test_scores_that_round_to_one_still_give_an_answer():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=400), [60.0, 70.0]])
    T = (rng.random(402) < 1 / (1 + np.exp(-x))).astype(float)
    T[-2:] = 1.0
    study = yg.Study.from_arrays(x, T, x + T)
    for distance in ("propensity", "logit"):
        for link in ("logit", "probit"):
            result = yg.PropensityMatching(propensity=link, distance=distance).fit(study).result_
            assert np.isfinite([result.estimate, result.se]).all()
