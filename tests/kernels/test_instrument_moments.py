"""Moments net of covariates: equal to dense residuals, with weights, groups, collinear columns and hostile origins."""

import numpy as np
import pytest

from yinguo.errors import DataError
from yinguo.kernels.instrument_moments import InstrumentMoments, Scores


def data(n: int = 9_000, p: int = 3, q: int = 2, m: int = 1, seed: int = 0):
    """More rows than one block holds."""
    rng = np.random.default_rng(seed)
    X, Z, U = rng.normal(size=(n, p)) + 2, rng.normal(size=(n, q)) - 1, rng.normal(size=n)
    T = Z @ rng.normal(size=(q, m)) + U[:, None] + rng.normal(size=(n, m)) + X.sum(axis=1, keepdims=True)
    return {"Y": T.sum(axis=1) + U + X.sum(axis=1), "T": T[:, 0] if m == 1 else T, "X": X, "Z": Z}


def dense(Y, T, X, Z, s=None) -> tuple[np.ndarray, np.ndarray]:
    """Residuals on [1, X] and that design, both times the root of the weights."""
    root = np.ones(len(Y)) if s is None else np.sqrt(s)
    D = np.column_stack([np.ones(len(Y)), X]) * root[:, None]
    W = np.column_stack([Y, T, Z]) * root[:, None]
    return W - D @ np.linalg.lstsq(D, W, rcond=None)[0], D


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("m", [1, 2])
def test_cross_products_are_those_of_residuals(weighted, m):
    parts = data(m=m)
    s = np.random.default_rng(1).random(9_000) if weighted else None
    s = None if s is None else s / s.mean()
    R, _ = dense(**parts, s=s)
    found = InstrumentMoments(**parts, s=s).C
    assert found == pytest.approx(R.T @ R, rel=1e-10, abs=1e-8)


@pytest.mark.parametrize("grouped", [False, True])
def test_middle_matrices_are_sums_over_rows_or_groups(grouped):
    parts = data()
    rng = np.random.default_rng(2)
    s = rng.random(9_000) + 0.1
    s /= s.mean()
    groups = rng.integers(0, 40, 9_000) if grouped else None
    moments = InstrumentMoments(**parts, s=s)
    R, D = dense(**parts, s=s)
    e, rows = rng.normal(size=4), rng.normal(size=(2, 4))
    many = rng.normal(size=(2, 4))
    keep = np.empty(9_000)
    found = moments.middle([Scores(e, rows), Scores(many, rows), Scores(e, rows[:1], design=True)], groups, keep=keep)
    shifted = D.copy()
    shifted[:, 1:] -= np.sqrt(s)[:, None] * moments.shift[:3]
    by_hand = [
        (R @ e)[:, None] * (R @ rows.T), (R @ many.T) * (R @ rows.T),
        (R @ e)[:, None] * np.column_stack([R @ rows[0], shifted]),
    ]  # fmt: skip
    for matrix, scores in zip(found, by_hand, strict=True):
        sums = scores if groups is None else np.stack([scores[groups == g].sum(axis=0) for g in range(40)])
        assert matrix == pytest.approx(sums.T @ sums, rel=1e-9, abs=1e-7)
    assert keep == pytest.approx(by_hand[0][:, 0], rel=1e-8, abs=1e-8)


def test_a_far_origin_costs_no_digits():
    parts = data(n=2_000)
    plain = InstrumentMoments(**parts).C
    moved = {name: values + 2.0**20 for name, values in parts.items()}
    far = InstrumentMoments(**moved).C
    assert far == pytest.approx(plain, abs=1e-5)  # the data themselves are rounded to 2^-32 there
    W = np.column_stack([np.ones(2_000), moved["X"], moved["Y"], moved["T"], moved["Z"]])
    G = W.T @ W
    lost = G[4:, 4:] - G[4:, :4] @ np.linalg.lstsq(G[:4, :4], G[:4, 4:], rcond=None)[0]
    assert np.abs(lost - plain).max() > 10


def test_sorted_rows_do_not_spoil_the_shift():
    parts = data(n=100_000)
    order = np.argsort(parts["X"][:, 0])
    ordered = InstrumentMoments(**{name: values[order] for name, values in parts.items()}).C
    assert ordered == pytest.approx(InstrumentMoments(**parts).C, rel=1e-9, abs=1e-6)


def test_collinear_covariates_change_nothing_and_count_once():
    parts = data()
    twice = parts | {"X": np.column_stack([parts["X"], parts["X"].sum(axis=1)])}
    plain, more = InstrumentMoments(**parts), InstrumentMoments(**twice)
    found = more.C
    assert found == pytest.approx(plain.C, rel=1e-8, abs=1e-6)
    assert (plain.rank, more.rank) == (4, 4)


def test_redundant_instruments_are_found_in_their_order():
    parts = data()
    Z, X = parts["Z"], parts["X"]
    moments = InstrumentMoments(**parts | {"Z": np.column_stack([Z[:, 0], X[:, 1] - X[:, 0], Z[:, 1], Z.sum(axis=1)])})
    kept, redundant = moments.independent()
    assert kept.tolist() == [0, 2]
    assert redundant.tolist() == [False, True, False, True]
    fresh = InstrumentMoments(**parts)
    few = moments.only(kept)
    found = few.C
    assert found == pytest.approx(fresh.C, rel=1e-10, abs=1e-8)
    wanted = [Scores(np.array([1.0, -0.5, 0, 0]), np.eye(4)[2:])]
    assert few.middle(wanted)[0] == pytest.approx(fresh.middle(wanted)[0], rel=1e-9)


def test_no_covariates_leave_deviations_from_the_mean():
    parts = data(p=0)
    W = np.column_stack([parts["Y"], parts["T"], parts["Z"]])
    W = W - W.mean(axis=0)
    found = InstrumentMoments(**parts).C
    assert found == pytest.approx(W.T @ W, rel=1e-10, abs=1e-8)


def test_more_covariates_than_rows_are_named_and_not_the_instruments():
    wide = data(n=30, p=40)
    with pytest.raises(DataError, match=r"40 covariates are too many for 30 rows.*fewer covariates"):
        InstrumentMoments(**wide).independent()
    few = wide["X"][:, :5]
    repeated = InstrumentMoments(**{**wide, "X": np.column_stack([few] * 8)})
    assert repeated.independent()[0].tolist() == [0, 1]
