"""DR-learner with boosted trees, n = 50,000, p = 20, 5 folds, against econml and DoubleML with the same learners.

Run: OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 python benchmarks/dr_learner.py [--peers] [--repeats N]

Everybody starts from the same arrays and the same folds and ends with the effects of all rows, from scikit-learn's
histogram boosting with the same options: a classifier for the propensity and regressors for outcome and effect, on one
core. Accuracy is the root mean squared error of the effects (root PEHE). econml has one outcome model with the
treatment as a column, fitted to all rows of the other folds, where we have one for each arm; DoubleML has ours, and
ends at the scores, which the script regresses on the covariates for it, so that its effects are ours.
Rounds are run in turn; a ratio is taken within a round, and its median, least and greatest are given.

``two_processes`` shares the fits on folds between two processes of one thread each, which are there when the clock
starts; the last regression, which needs all scores, stays in this one. Its share of the time on one core bounds what
two processes can gain, and so does how much slower two copies of the whole task run side by side than one alone:
both bounds are given.
"""

import argparse
import os
import time
from concurrent.futures import ProcessPoolExecutor
from statistics import median

import numpy as np
from threadpoolctl import threadpool_limits
from timing import write

OPTIONS = {"early_stopping": False, "random_state": 0}
STEPS = (30, 100)
FOLDS, CLIP = 5, 0.01


def data(n: int, p: int = 20, seed: int = 0):
    """Confounded, curved outcome, effect 1 + x1 + (x2 > 0); folds with equal shares of the treated."""
    from yinguo.core.crossfit import make_folds

    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    T = (rng.random(n) < 1 / (1 + np.exp(-(0.7 * X[:, 0] - 0.5 * X[:, 2])))).astype(float)
    tau = 1 + X[:, 0] + (X[:, 1] > 0)
    Y = np.sin(2 * X[:, 0]) + X[:, 2] * X[:, 3] + np.abs(X[:, 4]) + tau * T + rng.normal(size=n)
    return X, T, Y, tau, make_folds(FOLDS, T, seed)


def learners(steps: int):
    """The classifier of the treatment, and the regressor of outcome and effect."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    more = {"max_iter": steps} | OPTIONS
    return HistGradientBoostingClassifier(**more), HistGradientBoostingRegressor(**more)


def ours(X, T, Y, folds, steps: int, n_jobs: int = 1):
    """Effects of all rows, and the average with its error."""
    import yinguo as yg

    chances, trees = learners(steps)
    learner = yg.DRLearner(
        outcome_model=trees, effect_model=trees, propensity=chances, folds=folds, clip=CLIP, n_jobs=n_jobs
    )
    return learner.fit(yg.Study.from_arrays(X, T, Y)).effects_


def pairs(folds) -> list[tuple[np.ndarray, np.ndarray]]:
    """The same folds as rows to learn from and rows to predict."""
    return [(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in range(FOLDS)]


def with_econml(X, T, Y, folds, steps: int):
    """The same by econml's DRLearner."""
    from econml.dr import DRLearner

    chances, trees = learners(steps)
    learner = DRLearner(
        model_propensity=chances, model_regression=trees, model_final=trees, cv=pairs(folds), min_propensity=CLIP,
        random_state=0,
    )  # fmt: skip
    return learner.fit(Y, T, X=X).effect(X)


def with_doubleml(X, T, Y, folds, steps: int):
    """The same by DoubleML's interactive regression model and a regression of its scores."""
    import doubleml as dml

    chances, trees = learners(steps)
    model = dml.DoubleMLIRM(dml.DoubleMLData.from_arrays(X, Y, T), trees, chances, n_folds=FOLDS)
    model.set_sample_splitting([pairs(folds)])
    model.fit()
    return trees.fit(X, model.psi_elements["psi_b"].reshape(len(Y))).predict(X)


def clocked(task) -> tuple[float, float, np.ndarray]:
    """Seconds on the wall, processor seconds of this process, and what came out."""
    start, before = time.perf_counter(), time.process_time()
    effects = task()
    return time.perf_counter() - start, time.process_time() - before, effects


def alone(steps: int, n: int) -> float:
    """Seconds on the wall of the whole task, in a process that has imported and warmed up."""
    threadpool_limits(limits=1)
    X, T, Y, _, folds = data(n)
    ours(X[:500], T[:500], Y[:500], folds[:500], 2)
    return clocked(lambda: ours(X, T, Y, folds, steps))[0]


def spread(ratios) -> dict[str, float]:
    """Median, least and greatest of the rounds."""
    return {"median": median(ratios), "least": min(ratios), "greatest": max(ratios)}


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peers", action="store_true")
    options = parser.parse_args()
    X, T, Y, tau, folds = data(options.rows)
    packages = {"yinguo": ours} | ({"econml": with_econml, "doubleml": with_doubleml} if options.peers else {})
    tasks = {
        (name, steps): (lambda f=f, steps=steps: f(X, T, Y, folds, steps))
        for name, f in packages.items()
        for steps in STEPS
    }
    most = STEPS[-1]
    tasks["two processes", most] = lambda: ours(X, T, Y, folds, most, n_jobs=2)
    threadpool_limits(limits=1)
    wall, processor, error = ({key: [] for key in tasks} for _ in range(3))
    for _ in range(options.repeats):  # in turn, so that ratios hold when the machine's speed drifts
        for key, task in tasks.items():
            if key[0] == "two processes":
                ours(X[:500], T[:500], Y[:500], folds[:500], 2, n_jobs=2)  # idle processes end; these have imported
            seconds, used, effects = clocked(task)
            wall[key].append(seconds)
            processor[key].append(used)
            error[key] = float(np.sqrt(np.mean((effects - tau) ** 2)))
    _, trees = learners(most)
    last = median(clocked(lambda: trees.fit(X, Y).predict(X))[0] for _ in range(3))
    whole = median(wall["yinguo", most])
    with ProcessPoolExecutor(2) as pool:
        side_by_side = max(pool.map(alone, (most, most), (options.rows, options.rows)))
    record = {
        "task": f"DR-learner, {FOLDS} folds, histogram boosting, n={options.rows}, p=20, effects of all rows",
        "root_pehe_of_the_best_constant": float(tau.std()),
        "rounds": options.repeats,
        "runs": [
            {
                "who": name, "steps": steps, "seconds": median(wall[name, steps]),
                "processor": median(processor[name, steps]), "root_pehe": error[name, steps],
            }
            for name, steps in tasks
        ],
        "two_processes": {
            "times_faster": spread(
                [a / b for a, b in zip(wall["yinguo", most], wall["two processes", most], strict=True)]
            ),
            "at_most_by_the_last_regression": whole / (last + (whole - last) / 2),
            "at_most_by_two_copies_side_by_side": 2 * whole / side_by_side,
        },
        "load_average": os.getloadavg()[0],
    }  # fmt: skip
    for name in packages:
        if name != "yinguo":
            record[f"against_{name}"] = [
                {
                    "steps": steps,
                    "error_over_theirs": error["yinguo", steps] / error[name, steps],
                    "times_faster": spread(
                        [b / a for a, b in zip(processor["yinguo", steps], processor[name, steps], strict=True)]
                    ),
                }
                for steps in STEPS
            ]
    write("dr-learner", record)


if __name__ == "__main__":
    main()
