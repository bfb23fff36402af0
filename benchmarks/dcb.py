"""Differentiated confounder balancing: 1,000 iterations at n = 2,000, p = 50, and how near that is to its products.

Run: OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 python benchmarks/dcb.py

The floor is what no implementation of these steps can leave out: three products of the moments with a vector per
iteration (a gradient, a trial point, the weighted means). ``plain`` recomputes every product each time it appears in
the published formulas, with the line search on values of the objective.
"""

import numpy as np
from timing import interleaved, write

import yinguo as yg
from yinguo.datasets import dcb_simulation
from yinguo.kernels.differentiated_balance import BalanceStrengths, balance_objective, differentiated_balance

ITERATIONS = 1000


def plain(M, Y, target, strengths=BalanceStrengths()):  # noqa: B008
    """The published steps, nothing kept."""
    s, (n, p) = strengths, M.shape
    omega = omega_old = np.full(n, 1 / n)
    beta = beta_old = np.ones(p)
    step_beta = step_omega = 1.0

    def f(o, b):
        return balance_objective(o, b, M=M, Y=Y, target=target, strengths=s)

    for k in range(1, ITERATIONS + 1):
        v = beta + k / (k + 3) * (beta - beta_old)
        base = f(omega, v)
        while True:
            g = target - M.T @ omega**2
            grad = 2 * s.balance * (v @ g) * g - 2 * s.outcome * M.T @ ((1 + omega**2) * (Y - M @ v)) + 2 * s.ridge * v
            z = v - step_beta * grad
            z = np.sign(z) * np.maximum(np.abs(z) - step_beta * s.lasso, 0)
            if f(omega, z) <= base + grad @ (z - v) + (z - v) @ (z - v) / (2 * step_beta):
                break
            step_beta /= 2
        beta_old, beta = beta, z
        v = omega + k / (k + 3) * (omega - omega_old)
        base = f(v, beta)
        while True:
            gap = beta @ (target - M.T @ v**2)
            grad = -4 * s.balance * gap * (M @ beta) * v + 2 * s.outcome * (Y - M @ beta) ** 2 * v + 4 * s.spread * v**3
            z = v - step_omega * grad
            if f(z, beta) <= base + grad @ (z - v) + (z - v) @ (z - v) / (2 * step_omega):
                break
            step_omega /= 2
        omega_old, omega = omega, z / np.linalg.norm(z)
        f(omega, beta)
    return omega**2


def products(M, w, b):
    """Three products per iteration and nothing else."""
    for _ in range(ITERATIONS):
        M @ b
        w @ M
        w @ M


def main() -> None:
    """Measure and write the record."""
    study = dcb_simulation(n=2000, p=50).study
    X, T, Y = study.X, study.T, study.Y
    M, y, target = np.ascontiguousarray(X[T == 0]), Y[T == 0], X[T == 1].mean(axis=0)
    published = {"residual_weight": 1.0, "standardise": False, "balance_strength": 10.0}
    fit = differentiated_balance(M=M, Y=y, target=target)
    estimator = yg.DifferentiatedConfounderBalancing(**published)
    seconds = interleaved(
        {
            "kernel": lambda: differentiated_balance(M=M, Y=y, target=target),
            "estimator": lambda: estimator.fit(study).result_,
            "plain": lambda: plain(M, y, target),
            "products": lambda: products(M, y, target),
        },
        repeats=7,
    )
    write(
        "dcb",
        {
            "task": "DCB, n=2000, p=50, 1000 iterations, strengths of the published programme",
            "iterations": fit.iterations,
            "controls": len(M),
            "seconds": seconds,
            "ratio_to_products": seconds["kernel"] / seconds["products"],
            "times_faster_than_plain": seconds["plain"] / seconds["kernel"],
            "largest_weight_difference_from_plain": float(np.abs(fit.balance_weights - plain(M, y, target)).max()),
        },
    )


if __name__ == "__main__":
    main()
