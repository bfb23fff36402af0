"""Terms to balance: standardised about a target, without what is collinear in an arm, and honest about it."""

import numpy as np
import pytest

from yinguo.kernels.terms import standardised_terms


def terms(X, T, arm=0.0):
    share = T / T.sum()
    return standardised_terms(X, [f"x{j + 1}" for j in range(X.shape[1])], share=share, arms=[np.flatnonzero(arm == T)])


def draw(n: int = 200):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 3)) * [1.0, 1e3, 1e-3] + [0.0, 1e5, 2.0], (np.arange(n) % 3 == 0).astype(float)


def test_terms_are_centred_at_the_target_and_scaled_to_spread_one_about_it():
    X, T = draw()
    found = terms(X, T)
    Z = found.of(np.arange(len(T)))
    assert Z[T == 1].mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-9)
    assert np.sqrt((Z**2).mean(axis=0)) == pytest.approx(np.ones(3))
    assert found.score(np.arange(len(T)), np.array([1.0, 2.0, 3.0])) == pytest.approx(Z @ [1, 2, 3], abs=1e-8)
    some = np.array([3, 5, 50])
    assert found.score(some, np.array([1.0, 2.0, 3.0])) == pytest.approx(Z[some] @ [1, 2, 3], abs=1e-8)


def test_what_is_collinear_in_the_arm_is_dropped_by_name():
    X, T = draw()
    X = np.column_stack([X, 2 * X[:, 0] - 1e-3 * X[:, 1]])
    found = terms(X, T)
    assert found.names == ("x1", "x2", "x3")
    assert found.dropped == ("x4",)
    rows = np.flatnonzero(T == 0)
    w = np.full(len(rows), 1 / len(rows))
    assert found.gap_of_dropped(rows, w).shape == (1,)


def test_a_dropped_term_whose_target_obeys_the_same_relation_has_no_gap():
    X, T = draw()
    X = np.column_stack([X[:, :1], 2 * X[:, 0]])
    rows = np.flatnonzero(T == 0)
    from yinguo.kernels.entropy_dual import entropy_weights

    found = terms(X, T)
    w = entropy_weights(found.of(rows)).w
    assert np.abs(found.gap_of_dropped(rows, w)).max() < 1e-8


def test_a_dropped_term_that_only_the_target_varies_in_has_a_gap():
    X, T = draw()
    only_treated = np.where(T == 1, np.arange(len(T)) % 2, 0.0)
    found = terms(np.column_stack([X, only_treated]), T)
    assert found.dropped == ("x4",)
    rows = np.flatnonzero(T == 0)
    assert np.abs(found.gap_of_dropped(rows, np.full(len(rows), 1 / len(rows))))[0] > 0.5
