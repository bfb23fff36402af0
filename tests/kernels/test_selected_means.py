"""Means of outcomes seen for some only: the limits in which they are the ones known, and their first-order errors."""

import numpy as np
import pytest

from yinguo.kernels.doubly_robust import aipw_scores
from yinguo.kernels.selected_means import doubly_robust_selected, weighted_difference_of_means


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    n = 300
    T, S = rng.integers(0, 2, n) * 1.0, rng.integers(0, 2, n) * 1.0
    return {
        "Y": rng.normal(size=n), "T": T, "S": S, "e": rng.uniform(0.2, 0.8, n), "pi": rng.uniform(0.3, 1.0, n),
        "m0": rng.normal(size=n), "m1": rng.normal(size=n),
    }  # fmt: skip


def test_with_everybody_seen_the_doubly_robust_effect_is_the_one_without_selection(arrays):
    n = len(arrays["Y"])
    arrays |= {"S": np.ones(n), "pi": np.ones(n)}
    estimate, phi = doubly_robust_selected("ATE", **arrays)
    psi = aipw_scores(**{name: arrays[name] for name in ("Y", "T", "e", "m0", "m1")})
    assert estimate == pytest.approx(psi.mean())
    assert phi == pytest.approx(psi - psi.mean())


def test_rows_not_seen_count_through_the_outcome_model_alone(arrays):
    changed = arrays | {"Y": np.where(arrays["S"] == 1, arrays["Y"], 99.0)}
    for estimand in ("ATE", "ATT", "ATC"):
        plain = doubly_robust_selected(estimand, **arrays)
        assert plain[0] == doubly_robust_selected(estimand, **changed)[0]
        assert plain[1].mean() == pytest.approx(0, abs=1e-12)
    nobody = arrays | {"S": np.zeros(len(arrays["Y"]))}
    assert doubly_robust_selected("ATE", **nobody)[0] == pytest.approx((arrays["m1"] - arrays["m0"]).mean())


def test_the_slope_in_the_weights_is_the_derivative(arrays):
    w = arrays["S"] / arrays["pi"]
    estimate, phi, slope = weighted_difference_of_means(Y=arrays["Y"], T=arrays["T"], w=w)
    i = int(np.flatnonzero(w)[0])
    moved = weighted_difference_of_means(Y=arrays["Y"], T=arrays["T"], w=w + 1e-6 * (np.arange(len(w)) == i))[0]
    assert slope[i] / len(w) == pytest.approx((moved - estimate) / 1e-6, rel=1e-4)
    assert phi.sum() == pytest.approx(0, abs=1e-9)
