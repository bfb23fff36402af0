"""Cross-fitted AIPW with standard error at n = 1e6, p = 20, against its floor and the peers that cross-fit.

Run: OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 python benchmarks/aipw.py [--rows N] [--peers]

The floor is one plain fit without cross-fitting: logistic regression by IRLS, least squares in each arm,
the scores and their standard error, all as bare numpy matrix products.
"""

import argparse

import numpy as np
from timing import interleaved, peak_memory, write

import yinguo as yg


def data(n: int, p: int = 20, seed: int = 0):
    """Logistic treatment, linear outcome, effect 1."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    b = rng.normal(size=p) / 5
    T = (rng.random(n) < 1 / (1 + np.exp(-X @ b))).astype(float)
    return X, T, X @ b + T + rng.normal(size=n)


def floor(X, T, Y):
    """One fit, no folds, no centring, no checks."""
    D = np.column_stack([np.ones(len(T)), X])
    beta = np.zeros(D.shape[1])
    for _ in range(25):
        e = 1 / (1 + np.exp(-(D @ beta)))
        step = np.linalg.solve((D * (e * (1 - e))[:, None]).T @ D, D.T @ (T - e))
        beta += step
        if np.abs(step).max() < 1e-8:
            break
    m = []
    for arm in (0, 1):
        rows = arm == T
        m.append(D @ np.linalg.solve(D[rows].T @ D[rows], D[rows].T @ Y[rows]))
    psi = m[1] - m[0] + T * (Y - m[1]) / e - (1 - T) * (Y - m[0]) / (1 - e)
    return psi.mean(), psi.std() / np.sqrt(len(T))


def peers(X, T, Y) -> dict:
    """Peers that cross-fit, on their fastest reasonable linear nuisances, 5 folds."""
    from sklearn.linear_model import LinearRegression, LogisticRegression

    tasks = {}

    def doubleml():
        import doubleml as dml

        model = dml.DoubleMLIRM(
            dml.DoubleMLData.from_arrays(X, Y, T), LinearRegression(), LogisticRegression(C=np.inf), n_folds=5
        )
        model.fit()
        return model.coef[0], model.se[0]

    def econml():
        from econml.dr import LinearDRLearner

        model = LinearDRLearner(
            model_propensity=LogisticRegression(C=np.inf), model_regression=LinearRegression(), cv=5
        )
        model.fit(Y, T, X=None, W=X)
        return model.ate_inference().mean_point

    tasks["doubleml"] = doubleml
    tasks["econml"] = econml
    return tasks


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--peers", action="store_true")
    options = parser.parse_args()
    X, T, Y = data(options.rows)
    before = peak_memory()
    result = yg.AIPW().fit(yg.Study.from_arrays(X, T, Y)).result_
    extra = peak_memory() - before
    tasks = {
        "yinguo": lambda: yg.AIPW().fit(yg.Study.from_arrays(X, T, Y)).result_,
        "floor": lambda: floor(X, T, Y),
    }
    if options.peers:
        tasks |= peers(X, T, Y)
    seconds = interleaved(tasks)
    record = {
        "task": f"AIPW, 5 folds, n={options.rows}, p=20",
        "seconds": seconds,
        "ratio_to_floor": seconds["yinguo"] / seconds["floor"],
        "peak_memory_over_input": 1 + extra / X.nbytes,
        "estimate": result.estimate,
        "se": result.se,
    }
    others = [seconds[k] for k in seconds if k not in ("yinguo", "floor")]
    if others:
        record["times_faster_than_fastest_peer"] = min(others) / seconds["yinguo"]
    write("aipw", record)


if __name__ == "__main__":
    main()
