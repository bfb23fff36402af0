"""Entropy balancing for the ATT at n = 1e5 and 1e6, p = 20, against a bare dual Newton loop and `ebal`.

Run: OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 python benchmarks/entropy_balancing.py [--rows N] [--peers]

The bare loop works on the same standardised controls with full Newton steps and plain matrix products,
and returns weights and the estimate only: no standard error, no collinearity or feasibility checks.
"""

import argparse

import numpy as np
from aipw import data
from timing import interleaved, peak_memory, write

import yinguo as yg


def bare_newton(X, T, Y):
    """Dual Newton from zero until the standardised means agree to 1e-9."""
    treated = T == 1
    C = (X[~treated] - X[treated].mean(axis=0)) / X.std(axis=0)
    lam = np.zeros(X.shape[1])
    for _ in range(50):
        w = np.exp(C @ lam)
        w /= w.sum()
        mean = w @ C
        if np.abs(mean).max() < 1e-9:
            break
        lam -= np.linalg.solve((C * w[:, None]).T @ C - np.outer(mean, mean), mean)
    return Y[treated].mean() - w @ Y[~treated]


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--peers", action="store_true")
    options = parser.parse_args()
    record = {"task": "entropy balancing, ATT, p=20, standardised means equal to 1e-9", "sizes": {}}
    for n in options.rows:
        X, T, Y = data(n)
        study = yg.Study.from_arrays(X, T, Y)
        before = peak_memory()
        estimate = yg.EntropyBalancing().fit(study).result_.estimate
        extra = peak_memory() - before
        tasks = {
            "yinguo": lambda study=study: yg.EntropyBalancing().fit(study).result_,
            "bare_newton": lambda X=X, T=T, Y=Y: bare_newton(X, T, Y),
        }
        if options.peers:
            tasks["ebal"] = lambda X=X, T=T, Y=Y: _ebal(X, T, Y)
        seconds = interleaved(tasks, repeats=5 if n <= 100_000 else 3)
        size = {
            "seconds": seconds,
            "ratio_to_bare_newton": seconds["yinguo"] / seconds["bare_newton"],
            "peak_memory_over_input": 1 + extra / X.nbytes,
            "estimate": estimate,
            "difference_from_bare_newton": estimate - bare_newton(X, T, Y),
        }
        if options.peers:
            size["times_faster_than_ebal"] = seconds["ebal"] / seconds["yinguo"]
        record["sizes"][str(n)] = size
    write("entropy-balancing", record)


def _ebal(X, T, Y):
    import ebal

    return ebal.ebal_bin(effect="ATT", PCA=False, print_level=-1).ebalance(T, X, Y)


if __name__ == "__main__":
    main()
