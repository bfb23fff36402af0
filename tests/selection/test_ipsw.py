"""Weighting by the inverse chance to be seen: identities, coverage, truncation, and where it must fail."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.bench.selection_coverage import draw
from yinguo.datasets import collider_design
from yinguo.diagnose.balance import effective_sample_size


def drawn(seed=0, design="observables"):
    return draw(np.random.default_rng(seed), design=design).study


def test_with_one_binary_covariate_it_is_the_mean_of_cells():
    rng = np.random.default_rng(0)
    X, T = rng.integers(0, 2, 600) * 1.0, rng.integers(0, 2, 600) * 1.0
    S = (rng.random(600) < 0.3 + 0.3 * X + 0.2 * T).astype(float)
    Y = np.where(S == 1, X + T + X * T + rng.normal(size=600), np.nan)
    study = yg.Study.from_arrays(X[:, None], T, Y, S=S)
    cell = {(t, x): np.nanmean(Y[(t == T) & (x == X)]) for t in (0, 1) for x in (0, 1)}
    by_hand = sum((x == X).mean() * (cell[1, x] - cell[0, x]) for x in (0, 1))
    assert yg.IPSW(interactions=True).fit(study).result_.estimate == pytest.approx(by_hand, rel=1e-8)


def test_influence_values_are_what_a_little_more_weight_on_a_row_does():
    study = drawn()
    for options in ({}, {"estimand": "ATT", "interactions": True, "selection_model": "probit"}, {"propensity": None}):
        result = yg.IPSW(**options).fit(study).result_
        for i in (0, 1, 2, 5):
            nudge = 1e-3 * (np.arange(study.n) == i)
            up, down = (
                yg.IPSW(**options).fit(study.replace(sample_weight=1 + sign * nudge)).result_.estimate
                for sign in (1, -1)
            )
            assert result.scores[i] - result.estimate == pytest.approx(study.n * (up - down) / 2e-3, rel=2e-2, abs=1e-4)


def test_estimates_are_right_where_the_rows_seen_mislead_and_intervals_cover():
    found, naive = [], []
    for seed in range(150):
        study = drawn(seed)
        result = yg.IPSW(interactions=True).fit(study).result_
        found.append((result.estimate, result.se))
        naive.append(yg.AIPW().fit(study.take(study.S == 1).replace(S=None)).result_.estimate)
    size, error = np.array(found).T
    assert abs(size.mean() - 1) < 4 * size.std() / np.sqrt(len(size))
    assert np.mean(np.abs(size - 1) < 1.96 * error) > 0.89
    assert abs(np.mean(naive) - 1) > 0.15


def test_where_the_outcome_itself_decides_who_is_seen_it_fails():
    draws = [collider_design(beta=3, random_state=seed) for seed in range(6)]
    gaps = np.array([yg.IPSW().fit(draw.study).result_.estimate - draw.truth["ATE"] for draw in draws])
    assert abs(gaps.mean()) > 3 * gaps.std() / np.sqrt(len(gaps))
    assert abs(gaps.mean()) > 0.2


def test_truncation_raises_the_effective_sample_size_and_is_said():
    study = drawn(design="bent chances")
    plain, cut = yg.IPSW().fit(study).result_, yg.IPSW(truncate=0.05).fit(study).result_
    assert any("0.05 and 0.95 quantiles" in note for note in cut.notes)
    arm = study.T == 0
    sizes = [effective_sample_size(result.balance_weights[arm]) for result in (plain, cut)]
    assert sizes[1] > sizes[0]
    raised = yg.IPSW(clip=0.3).fit(study).result_
    assert any("below 0.3 to be seen" in note for note in raised.notes)


def test_the_checks_say_who_was_hardly_seen_and_whether_weights_repair_it():
    found = {d.name: d for d in yg.IPSW(interactions=True).fit(drawn()).result_.diagnostics}
    assert found["seen-like-all"].verdict == "ok"
    assert "nothing about who is seen" in found["bounds"].sentence
    rare = collider_design(beta=5, random_state=0).study
    assert next(d.verdict for d in yg.IPSW().fit(rare).result_.diagnostics if d.name == "chance-to-be-seen") != "ok"


@pytest.mark.parametrize(
    ("options", "word"),
    [({"selection_model": "cloglog"}, "cloglog"), ({"propensity": 3}, "propensity is 3"), ({"clip": 1.5}, "clip"),
     ({"truncate": 0.5}, "truncate is 0.5")],
)  # fmt: skip
def test_an_option_that_makes_no_sense_is_refused_by_name(options, word):
    with pytest.raises(yg.DataError, match=word):
        yg.IPSW(**options).fit(drawn())


def test_a_covariate_that_decides_who_is_seen_is_refused():
    rng = np.random.default_rng(0)
    X, T = rng.normal(size=(300, 1)), rng.integers(0, 2, 300) * 1.0
    S = (X[:, 0] > 0).astype(float)
    study = yg.Study.from_arrays(X, T, np.where(S == 1, T, np.nan), S=S)
    for method in (yg.IPSW(), yg.DoublyRobustSelection()):
        with pytest.raises(yg.ConvergenceError, match="no chance to be seen"):
            method.fit(study)
