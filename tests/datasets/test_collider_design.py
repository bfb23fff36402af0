"""The collider design: what is seen, what is not, and what the card says of it."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.datasets import collider_design


@pytest.mark.parametrize(("beta", "share", "controls"), [(1, 0.45, 0.26), (3, 0.43, 0.11), (5, 0.43, 0.08)])
def test_shares_seen_are_those_of_the_card(beta, share, controls):
    study = collider_design(beta=beta, n=100_000).study
    assert study.S.mean() == pytest.approx(share, abs=0.01)
    assert study.S[study.T == 0].mean() == pytest.approx(controls, abs=0.01)


def test_outcomes_are_missing_exactly_where_nobody_saw_them_and_the_truth_is_kept_apart():
    draw = collider_design(n=500)
    study, extras = draw.study, draw.extras
    assert np.array_equal(np.isnan(study.Y), study.S == 0)
    assert np.array_equal(extras["Y"][study.S == 1], study.Y[study.S == 1])
    assert draw.truth["ATE"] == pytest.approx(np.mean(extras["mu1"] - extras["mu0"]))
    assert study.shadow == ("x5",)
    assert collider_design(n=500, shadow=False).study.covariates == ("x1", "x2", "x3", "x4", "x5")


def test_given_the_outcome_x5_says_nothing_of_who_is_seen_and_x1_does():
    draw = collider_design(beta=1, n=50_000)
    X, V, S = draw.study.X, draw.study.V[:, 0], draw.study.S
    rest = S - draw.extras["chance"]
    assert abs(rest @ V) / np.sqrt(rest @ rest) < 3 * V.std()
    # With x1 left out of the chance what is left does vary with it.
    eta = np.log(draw.extras["chance"] / (1 - draw.extras["chance"])) - 0.3 * X[:, 0]
    assert (S - 1 / (1 + np.exp(-eta))) @ X[:, 0] / len(S) > 0.03


def test_bad_options_are_refused():
    with pytest.raises(yg.DataError, match="beta is -1"):
        collider_design(beta=-1)
