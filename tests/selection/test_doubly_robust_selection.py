"""Doubly robust effects under selection: right if either half is, wrong if neither, and cross-fitted as it says."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import yinguo as yg
from yinguo.bench.selection_coverage import draw
from yinguo.datasets import collider_design


def estimates(design, draws, method):
    found = []
    for seed in range(draws):
        result = method.fit(draw(np.random.default_rng(seed), design=design).study).result_
        found.append((result.estimate, result.se))
    return np.array(found).T


@pytest.mark.parametrize("design", ["observables", "bent outcome", "bent chances"])
def test_the_effect_is_right_if_the_outcome_model_or_both_chances_are(design):
    size, error = estimates(design, 60, yg.DoublyRobustSelection(by_arm=True))
    assert abs(size.mean() - 1) < 4 * size.std() / np.sqrt(len(size))
    assert np.mean(np.abs(size - 1) < 1.96 * error) > 0.85


def test_weighting_alone_is_wrong_where_the_chances_are_bent():
    size, _ = estimates("bent chances", 60, yg.IPSW(interactions=True))
    assert abs(size.mean() - 1) > 8 * size.std() / np.sqrt(len(size))


def test_where_the_outcome_itself_decides_who_is_seen_it_fails():
    result = yg.DoublyRobustSelection().fit(collider_design(beta=3, random_state=0).study).result_
    assert abs(result.estimate - 1) > 5 * result.se


def test_learners_of_ones_own_give_what_the_kernels_give():
    study = draw(np.random.default_rng(0), design="observables").study
    folds = np.arange(study.n) % 3
    plain = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000)
    for by_arm in (False, True):
        ours = yg.DoublyRobustSelection(folds=folds, by_arm=by_arm).fit(study).result_
        theirs = yg.DoublyRobustSelection(
            folds=folds, by_arm=by_arm, propensity=plain, selection_model=plain, outcome_model=LinearRegression()
        ).fit(study).result_  # fmt: skip
        assert ours.estimate == pytest.approx(theirs.estimate, rel=1e-4)
        assert ours.se == pytest.approx(theirs.se, rel=1e-4)


def test_an_arm_seen_in_one_fold_only_is_refused():
    study = draw(np.random.default_rng(0), design="observables").study
    folds = np.where((study.T == 1) & (study.S == 1), 0, np.arange(study.n) % 2)
    with pytest.raises(yg.DataError, match="one fold"):
        yg.DoublyRobustSelection(folds=folds).fit(study)
    with pytest.raises(yg.DataError, match="selection_model"):
        yg.DoublyRobustSelection(selection_model="loglog").fit(study)
