"""The correction for an estimated score: against its definition, row by row, and against simulation."""

import numpy as np
import pytest

from yinguo.kernels.estimated_score import score_adjustment
from yinguo.kernels.line_neighbors import line_matches


def draw(n=300, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    e = 1 / (1 + np.exp(-0.8 * X[:, 0]))
    T = (rng.random(n) < e).astype(float)
    Y = X @ [1.0, 2.0] + T * (1 + X[:, 1]) + rng.normal(size=n)
    D = np.column_stack([np.ones(n), X])
    return D, Y, T, e


@pytest.mark.parametrize("estimand", ["ATE", "ATT", "ATC"])
def test_the_correction_equals_its_definition_row_by_row(estimand):
    D, Y, T, e = draw()
    f, n = e * (1 - e), len(Y)
    information = (D * f[:, None]).T @ D
    near = tuple(
        line_matches(values=e, focal=np.arange(n), donors=np.flatnonzero(arm == T), n_neighbors=3) for arm in (0, 1)
    )
    tau, cov, mean = 1.1, np.zeros((2, n, 3)), np.zeros((2, n))
    for t, part in enumerate(near):
        for row, a, b in zip(part.focal, part.start, part.stop, strict=True):
            j = part.donors[a:b]
            cov[t, row] = (D[j] - D[j].mean(axis=0)).T @ (Y[j] - Y[j].mean()) / (len(j) - 1)
            mean[t, row] = Y[j].mean()
    weigh = lambda a, C: (a[:, None] * C).sum(axis=0)  # noqa: E731
    effect = weigh(f * (mean[1] - mean[0] - tau), D)
    if estimand == "ATE":
        c, d, N = weigh(f / e, cov[1]) + weigh(f / (1 - e), cov[0]), np.zeros(3), n
    elif estimand == "ATT":
        c, N = effect + weigh(f, cov[1]) + weigh(f * e / (1 - e), cov[0]), int(T.sum())
        d = effect + weigh(f, cov[1] - cov[0])
    else:
        c, N = -effect + weigh(f * (1 - e) / e, cov[1]) + weigh(f, cov[0]), int((1 - T).sum())
        d = -effect - weigh(f, cov[1] - cov[0])
    inverse = np.linalg.inv(information)
    wanted = (d @ inverse @ d - c @ inverse @ c) / N**2
    options = {"information": information, "estimate": tau, "near": near, "n_target": N, "estimand": estimand}
    assert score_adjustment(D=D, Y=Y, e=e, slope=f, **options) == pytest.approx(wanted, rel=1e-9)
    # An affine change of the design changes nothing, nor does a constant added to the outcome.
    A = np.array([[1.0, 0.5, -2.0], [0.0, 2.0, 1.0], [0.0, 0.0, 0.3]])
    options["information"] = A.T @ information @ A
    assert score_adjustment(D=D @ A, Y=Y + 1e4, e=e, slope=f, **options) == pytest.approx(wanted, rel=1e-6)


def test_the_correction_never_raises_the_variance_of_the_ate():
    for seed in range(5):
        D, Y, T, e = draw(seed=seed)
        f, n = e * (1 - e), len(Y)
        near = tuple(
            line_matches(values=e, focal=np.arange(n), donors=np.flatnonzero(a == T), n_neighbors=2) for a in (0, 1)
        )
        information = (D * f[:, None]).T @ D
        assert (
            score_adjustment(D=D, Y=Y, e=e, slope=f, information=information, estimate=1.0, near=near, n_target=n) <= 0
        )
