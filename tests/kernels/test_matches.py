"""Sums over match sets, against the sparse matrix they stand for."""

import numpy as np
import pytest

from yinguo.kernels.matches import (
    Matches,
    concatenate_ranges,
    donor_usage,
    join_matches,
    match_means,
    matches_of,
    matches_to_csr,
    renamed_rows,
    spread_to_donors,
)


def overlapping(n=60, m=25, q=40, width=6, seed=0) -> Matches:
    """Random slices of a donor list with repeats; some empty."""
    rng = np.random.default_rng(seed)
    start = rng.integers(0, q - width, m)
    stop = start + rng.integers(0, width + 1, m)
    return Matches(n, rng.permutation(n)[:m], rng.integers(0, n, q), start, stop, np.zeros(m))


def heavy(n=500, m=200, seed=0) -> Matches:
    """Slices so long that running totals are used instead of writing out every pair."""
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 50, m)
    return Matches(n, np.arange(m), rng.permutation(n), start, start + 400, np.zeros(m))


@pytest.mark.parametrize("make", [overlapping, heavy])
def test_sums_over_sets_equal_products_with_the_sparse_matrix(make):
    matches = make()
    A = matches_to_csr(matches)
    rng = np.random.default_rng(1)
    values, amounts = 1e6 + rng.normal(size=matches.n), rng.normal(size=matches.focal.size)
    kept = matches.matched
    assert np.allclose(match_means(matches, values)[kept], (A @ values)[kept], rtol=0, atol=1e-8)
    assert np.isnan(match_means(matches, values)[~kept]).all()
    K, K_squares = donor_usage(matches)
    assert np.allclose(K, np.asarray(A.sum(axis=0)).ravel())
    assert K.sum() == pytest.approx(kept.sum())
    ones = A.copy()
    ones.data[:] = 1.0
    assert np.allclose(spread_to_donors(matches, amounts), ones.T @ amounts, atol=1e-10)
    squares = np.zeros(matches.n)
    for i in np.flatnonzero(kept):
        np.add.at(squares, matches.donors[matches.start[i] : matches.stop[i]], 1 / matches.count[i] ** 2)
    assert np.allclose(K_squares, squares)


def test_a_row_nobody_uses_gets_exactly_nothing_however_the_sum_is_taken():
    matches = heavy()
    unused = np.setdiff1d(np.arange(matches.n), matches.donors[:450])
    assert (spread_to_donors(matches, np.full(200, 0.1))[unused] == 0).all()


def test_spreading_is_the_transpose_of_averaging():
    for matches in (overlapping(), heavy()):
        rng = np.random.default_rng(2)
        values, amounts = rng.normal(size=matches.n), rng.normal(size=matches.focal.size)
        kept = matches.matched
        left = amounts[kept] @ match_means(matches, values)[kept]
        share = np.where(kept, amounts / np.maximum(matches.count, 1), 0.0)
        assert left == pytest.approx(spread_to_donors(matches, share) @ values, abs=1e-10)


def test_joining_renaming_and_choosing_keep_every_set():
    a, b = overlapping(seed=3), overlapping(seed=4)
    joined = join_matches([a, b])
    assert np.array_equal(joined.count, np.concatenate([a.count, b.count]))
    assert (matches_to_csr(joined) != matches_to_csr(join_matches([a, b]))).nnz == 0
    assert np.array_equal(matches_to_csr(joined).toarray()[25:], matches_to_csr(b).toarray())
    rows = np.random.default_rng(0).permutation(a.n)
    renamed = renamed_rows(a, rows)
    assert np.allclose(matches_to_csr(renamed).toarray()[:, rows], matches_to_csr(a).toarray())
    kept = matches_of(a, a.matched)
    assert kept.matched.all()
    assert np.array_equal(kept.focal, a.focal[a.matched])


def test_ranges_are_written_one_after_another():
    assert concatenate_ranges(np.array([5, 0, 7]), np.array([8, 0, 9])).tolist() == [5, 6, 7, 7, 8]
    assert concatenate_ranges(np.zeros(0, int), np.zeros(0, int)).size == 0


def test_a_million_tied_rows_stay_small():
    n = 1_000_000
    half = np.arange(n // 2)
    everyone = Matches(n, half, n // 2 + half, np.zeros(n // 2, int), np.full(n // 2, n // 2), np.zeros(n // 2))
    K, K_squares = donor_usage(everyone)
    assert np.allclose(K[n // 2 :], 1.0)
    assert K_squares.sum() == pytest.approx(1.0)
