"""Approximate residual balancing for the ATT with 16,000 controls and 65 columns, whole and in its two halves.

Run: OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 python benchmarks/arb.py [--peers]

The whole is the estimate with its standard error: one quadratic programme, two cross-validated elastic nets. The
halves are put beside a general solver (clarabel, same programme, default tolerance) and scikit-learn's `ElasticNetCV`
(same folds, mixing and number of penalties, its own tolerance of 1e-4 where ours is exact), which give no more than
that half. A second size has more columns than rows, as in the paper's first design.
"""

import argparse

import numpy as np
from timing import interleaved, peak_memory, write

import yinguo as yg
from yinguo.datasets import arb_first
from yinguo.kernels.balance_qp import balancing_weights
from yinguo.kernels.elastic_net import elastic_net_cv


def many_controls(n_controls=16_000, n_treated=1_000, p=65) -> yg.Study:
    """Correlated columns, half of them binary, the treated shifted by up to half a standard deviation."""
    rng = np.random.default_rng(0)
    T = np.repeat([0.0, 1.0], [n_controls, n_treated])
    X = rng.normal(size=(len(T), p)) + 0.7 * rng.normal(size=(len(T), 1)) + np.outer(T, rng.uniform(-0.5, 0.5, p))
    X[:, ::2] = X[:, ::2] > 0.5
    Y = X[:, :10].sum(axis=1) + T + rng.normal(size=len(T))
    return yg.Study.from_arrays(X, T, Y)


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", action="store_true")
    options = parser.parse_args()
    record: dict = {"task": "approximate residual balancing, ATT with standard error, 10 folds, 100 penalties"}
    for label, study in (("16000x65", many_controls()), ("250x2000", arb_first(random_state=0).study)):
        control = study.T == 0
        X, Y, folds = study.X[control] / study.X.std(axis=0), study.Y[control], np.arange(control.sum()) % 10
        problem = {"X": X, "target": study.X[~control].mean(axis=0) / study.X.std(axis=0), "cap": len(X) ** (-2 / 3)}
        before = peak_memory()
        result = yg.ApproximateResidualBalancing().fit(study).result_
        extra = peak_memory() - before
        tasks = {
            "arb": lambda study=study: yg.ApproximateResidualBalancing().fit(study),
            "weights": lambda problem=problem: balancing_weights(**problem),
            "elastic_net": lambda X=X, Y=Y, folds=folds: elastic_net_cv(X=X, Y=Y, folds=folds),
        }
        if options.peers:
            tasks["clarabel"] = lambda problem=problem: _clarabel(**problem)
            tasks["sklearn_elastic_net"] = lambda X=X, Y=Y, folds=folds: _sklearn(X, Y, folds)
        record[label] = {
            "seconds": interleaved(tasks, repeats=3),
            "peak_memory_over_input": 1 + extra / study.X.nbytes,
            "estimate": result.estimate,
            "se": result.se,
        }
        if options.peers:
            weights, objective = balancing_weights(**problem), _clarabel(**problem)
            record[label]["objective_over_clarabel"] = weights.objective / objective
    write("arb", record)


def _clarabel(X, target, cap, zeta=0.5) -> float:
    import clarabel
    from scipy import sparse

    n, p = X.shape
    ones, eye, none = np.ones((p, 1)), sparse.eye(n), sparse.csc_matrix((n, 1))
    A = sparse.vstack([
        sparse.csc_matrix(np.append(np.ones(n), 0.0)),
        sparse.csc_matrix(np.hstack([X.T, -ones])),
        sparse.csc_matrix(np.hstack([-X.T, -ones])),
        sparse.hstack([-eye, none]),
        sparse.hstack([eye, none]),
    ]).tocsc()  # fmt: skip
    b = np.concatenate([[1.0], target, -target, np.zeros(n), np.full(n, cap)])
    P = sparse.diags(np.append(np.full(n, 2 * (1 - zeta)), 2 * zeta)).tocsc()
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(2 * p + 2 * n)]
    return clarabel.DefaultSolver(P, np.zeros(n + 1), A, b, cones, settings).solve().obj_val


def _sklearn(X, Y, folds):
    import warnings

    from sklearn.linear_model import ElasticNetCV
    from sklearn.model_selection import PredefinedSplit

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it stops short of its own tolerance at the small penalties
        return ElasticNetCV(l1_ratio=0.9, alphas=100, cv=PredefinedSplit(folds)).fit((X - X.mean(0)) / X.std(0), Y)


if __name__ == "__main__":
    main()
